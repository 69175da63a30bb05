package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHeadsLikeNetHTTP: the loops read request heads by themselves, and must take and refuse what net/http takes and refuses,
// with the same status, and keep open the connections that it keeps open. The same server with sockets of the other kind has
// net/http read all heads, and is the oracle. Each head of the corpus goes to both, byte by byte as it is written here.
func TestHeadsLikeNetHTTP(t *testing.T) {
	if *portable {
		t.Skip("it has servers of both kinds by itself")
	}
	settings := map[string]string{"http.head_timeout": "5s", "http.max_head": "4KiB", "websocket.close_wait": "50ms"}
	loops := startWith(t, settings, func(o *options) { o.SetPortable(false) })
	oracle := startWith(t, settings, func(o *options) { o.SetPortable(true) })
	corpus := headCorpus()
	if len(corpus) < 400 {
		t.Fatalf("the corpus has %d heads", len(corpus))
	}
	var running sync.WaitGroup
	places := make(chan struct{}, 16)
	for _, h := range corpus {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			got, want := outcomeOf(loops.addr, h), outcomeOf(oracle.addr, h)
			if got != want {
				t.Errorf("%q: %s; net/http: %s\n%.300q", h.name, got, want, h.bytes)
			}
			for _, outcome := range []string{got, want} {
				if strings.Contains(outcome, "answer to nothing") || strings.Contains(outcome, "silence") {
					t.Errorf("%q: %s\n%.300q", h.name, outcome, h.bytes)
				}
			}
		})
	}
	running.Wait()
}

// outcomeOf says what becomes of a request: its status, and whether the connection stays open for another one. A page that gets
// in says goodbye, or is a stream, which has no end.
func outcomeOf(addr string, h head) string {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, h.bytes); err != nil {
		return "the request is not taken: " + failure(err)
	}
	in := bufio.NewReader(conn)
	response, err := finalResponse(in, h.method)
	if err != nil {
		return "no answer: " + failure(err)
	}
	switch {
	case response.StatusCode == http.StatusSwitchingProtocols:
		_, _ = io.WriteString(conn, maskedFrame(0x88, "\x03\xe8"))
		frames, err := io.ReadAll(in)
		return fmt.Sprintf("101, then closed: %v (%s)", strings.HasSuffix(string(frames), "\x88\x02\x03\xe8"), failure(err))
	case strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") && response.StatusCode == http.StatusOK:
		return "200, a stream"
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Sprintf("%s, then no body: %s", response.Status, failure(err))
	}
	if h.second {
		next, err := finalResponse(in, http.MethodGet)
		if err != nil {
			return fmt.Sprintf("%s, then %s", response.Status, failure(err))
		}
		_, _ = io.Copy(io.Discard, next.Body)
		return fmt.Sprintf("%s, then %s", response.Status, next.Status)
	}
	// What tells an open connection from a closed one is an answer. Its status is that of nothing else.
	_, _ = io.WriteString(conn, "DELETE /v1/connections HTTP/1.1\r\nHost: localhost\r\n\r\n")
	next, err := finalResponse(in, http.MethodDelete)
	switch {
	case err != nil:
		return fmt.Sprintf("%s, closed (%s)", response.Status, failure(err))
	case next.StatusCode != http.StatusMethodNotAllowed:
		return fmt.Sprintf("%s, and an answer to nothing: %s", response.Status, next.Status)
	default:
		return response.Status + ", open"
	}
}

// finalResponse skips those that only announce another one.
func finalResponse(in *bufio.Reader, method string) (*http.Response, error) {
	for {
		r, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil || r.StatusCode >= 200 || r.StatusCode == http.StatusSwitchingProtocols {
			return r, err
		}
	}
}

// failure is an error of a connection without its addresses. A connection that ends with bytes unread is reset, and whether they
// were read in time is chance: both are its end.
func failure(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return "ended"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "silence"
	default:
		return "ended"
	}
}
