package server_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTop: the debug port tells how the loops do, once or again and again.
func TestTop(t *testing.T) {
	s := start(t, map[string]string{"debug.listen": "127.0.0.1:0"}, nil)
	s.page("page=home")
	s.push(`{"to":"*","message":1}`)
	debug := "http://" + regexp.MustCompile(`msg=debug addr=(\S+)`).FindStringSubmatch(s.log.String())[1]
	get := func(query string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, debug+"/debug/top"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	for _, every := range []string{"x", "1", "99ms", "61s", "-1s"} {
		response := get("?every=" + every)
		if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "100ms to 1m0s") {
			t.Errorf("every=%s: %s %s", every, response.Status, text)
		}
	}
	pages := bufio.NewReader(get("?every=100ms").Body)
	for range 2 {
		text, err := pages.ReadString('\f')
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`(?m)^scenecast \S+.*, ready$`, `(?m)^1 pages, \d+\.\d pushes/s, 0\.0 frames lost/s, 0\.0 of \d+\.\d MiB in outboxes$`,
			`(?m)^LOOP +PAGES +DELIVERIES/S +LATE 99% +ROUND 99% +STALLED +TASKS +STALLS +OUTBOXES +CATCHING UP$`,
			`(?m)^0 +[01] +\d`, `(?m)^tutorial +\d+\.\d +0\.0$`, `(?m)^\d+ \(this one\) +up +1 `,
		} {
			if !regexp.MustCompile(want).MatchString(text) {
				t.Fatalf("it lacks %s:\n%s", want, text)
			}
		}
	}
	flushed := newFlushed()
	ctx, cancel := context.WithCancel(t.Context())
	go s.TopHandler().ServeHTTP(flushed, httptest.NewRequestWithContext(ctx, http.MethodGet, "/debug/top?every=100ms", nil))
	if text := <-flushed.texts; !strings.HasSuffix(text, "\n\f") || strings.Count(text, "\f") != 1 {
		t.Errorf("the first thing that goes out is no whole page:\n%q", text)
	}
	cancel()
	began := time.Now()
	if text, err := io.ReadAll(get("").Body); err != nil || strings.Contains(string(text), "\f") || time.Since(began) < time.Second {
		t.Errorf("once: %v after %v\n%s", err, time.Since(began), text)
	}
}

// flushed is a response that tells what goes out first.
type flushed struct {
	*httptest.ResponseRecorder
	texts chan string
	once  sync.Once
}

func newFlushed() *flushed {
	return &flushed{ResponseRecorder: httptest.NewRecorder(), texts: make(chan string, 1)}
}

func (f *flushed) Flush() { f.once.Do(func() { f.texts <- f.Body.String() }) }
