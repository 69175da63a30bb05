package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// TestPublisher: connections are kept, but for those that the server closes and those that have not been used for long.
func TestPublisher(t *testing.T) {
	seen := make(map[string]bool) // the connections, by the client's end; calls are made one after the other
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen[r.RemoteAddr] = true
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Connection", r.Header.Get("X-Connection"))
		_, _ = w.Write(append([]byte(r.URL.String()+" "+r.Host+" "), body...))
	}))
	defer s.Close()
	o := small(t, s)
	at, err := reach(o.URL.Host, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p := newPublisher(&o, at, 2)
	defer p.close()
	for i, c := range []struct {
		how  string
		want int // connections that were called on until then
	}{{"keep-alive", 1}, {"keep-alive", 1}, {"close", 1}, {"keep-alive", 2}, {"stale", 3}} {
		if c.how == "stale" {
			stale := <-p.idle
			stale.used = time.Now().Add(-staleAfter)
			p.idle <- stale
		}
		status, body, err := p.call(t.Context(), Call{Path: "/a?b=c", Header: []string{"X-Connection: " + c.how}, Body: []byte("hello")})
		if want := "/a?b=c " + o.URL.Host + " hello"; status != 200 || string(body) != want || err != nil || len(seen) != c.want {
			t.Errorf("call %d: got %d %q, %v, %d connections, want %q, %d", i, status, body, err, len(seen), want, c.want)
		}
	}
}

// TestPublisherCancel: a call ends when its context does.
func TestPublisherCancel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := Options{URL: &url.URL{Scheme: "http", Host: l.Addr().String()}}
	at, err := reach(o.URL.Host, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p := newPublisher(&o, at, 1)
	defer p.close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, _, err := p.call(ctx, Call{Path: "/"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
