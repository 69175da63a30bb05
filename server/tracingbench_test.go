//go:build unix

package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkTracing is what tracing and the access log cost of the processor's time, in turns within one run: of calls that push to nobody, and of pushes to 200
// pages, which read. The pages, the caller and the collector are in this process, so their work is in each figure.
func BenchmarkTracing(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	on := func(ratio string) map[string]string {
		return map[string]string{"tracing.endpoint": collector.URL, "tracing.sample_ratio": ratio, "log.level": "warn"}
	}
	off := map[string]string{"log.level": "warn", "tracing.endpoint": "", "tracing.sample_ratio": ""}
	s, logged := startReloadable(b, off), startReloadable(b, map[string]string{"log.level": "warn", "access_log.to": filepath.Join(b.TempDir(), "access.log")})
	for range 200 {
		page := s.page("page=home")
		go func() {
			for {
				if _, _, err := page.Read(b.Context()); err != nil {
					return
				}
			}
		}()
	}
	client := &http.Client{Transport: &http.Transport{}}
	push := func(s *reloadable, to string, n int) time.Duration {
		before := cpuTime()
		for range n {
			r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://"+s.addr+"/v1/push", strings.NewReader(`{"to":{"page":"`+to+`"},"message":{"code":200}}`))
			r.Header.Set("Authorization", "Bearer "+apiKey)
			answer, err := client.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
		return cpuTime() - before
	}
	modes := []struct {
		name     string
		server   *reloadable
		settings map[string]string
	}{{"off", s, off}, {"1%", s, on("0.01")}, {"100%", s, on("1")}, {"access-log", logged, nil}}
	spent := make(map[string]time.Duration)
	pushes := map[string]int{"nobody": 500, "home": 100}
	rounds := 0
	for b.Loop() {
		rounds++
		for i := range modes {
			m := modes[(i+rounds)%len(modes)]
			if m.settings != nil {
				m.server.set(m.settings)
				if _, err := m.server.ReloadConfiguration(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			for to, n := range pushes {
				if m.server == s || to == "nobody" {
					push(m.server, to, n/10) // what has to be made first
					spent[m.name+"/"+to] += push(m.server, to, n)
				}
			}
		}
	}
	for name, d := range spent {
		_, to, _ := strings.Cut(name, "/")
		b.ReportMetric(float64(d.Microseconds())/float64(rounds*pushes[to]), "µs-"+name)
	}
}
