package listener

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// responder is a response whose writes block while the client takes nothing, until their deadline.
type responder struct {
	httptest.ResponseRecorder
	taken     chan struct{}
	deadlines chan time.Time
}

func (r *responder) SetWriteDeadline(t time.Time) error {
	r.deadlines <- t
	return nil
}

func (r *responder) Write(b []byte) (int, error) {
	var at time.Time
	for {
		var passed <-chan time.Time
		if !at.IsZero() {
			passed = time.After(time.Until(at))
		}
		select {
		case <-r.taken:
			return len(b), nil
		case at = <-r.deadlines:
		case <-passed:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func newResponder() *responder {
	return &responder{taken: make(chan struct{}), deadlines: make(chan time.Time, 100)}
}

// TestStreamConn: the response to a request is read, written and closed as a connection.
func TestStreamConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newResponder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		c := newStreamConn(w, r)
		served := make(chan struct{})
		go func() {
			c.serve()
			close(served)
		}()

		// A read ends at its deadline, also one that is moved while it waits.
		_ = c.SetReadDeadline(time.Now().Add(time.Hour))
		go func() {
			time.Sleep(time.Second)
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
		}()
		begun := time.Now()
		if _, err := c.Read(nil); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 2*time.Second {
			t.Errorf("a read with a deadline: %v after %v", err, time.Since(begun))
		}
		if _, err := c.Read(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a read behind the deadline: %v", err)
		}
		_ = c.SetReadDeadline(time.Time{})

		// So does a write, and no deadline is in force while nothing is written.
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		begun = time.Now()
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("a write with a deadline: %v after %v", err, time.Since(begun))
		}
		if last := <-w.deadlines; !last.IsZero() {
			t.Errorf("between writes the deadline is %v", last)
		}

		// Closing ends a write that is under way, and then the handler.
		_ = c.SetWriteDeadline(time.Time{})
		written := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte("x"))
			written <- err
		}()
		synctest.Wait()
		select {
		case <-served:
			t.Fatal("the handler has returned")
		default:
		}
		_ = c.Close()
		_ = c.Close()
		if err := <-written; err == nil {
			t.Error("the write succeeded")
		}
		<-served
		if _, err := c.Read(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read of a closed connection: %v", err)
		}
		if _, err := c.Write(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write to a closed connection: %v", err)
		}
		for len(w.deadlines) > 0 {
			<-w.deadlines
		}
		if _ = c.SetDeadline(time.Now()); len(w.deadlines) > 0 {
			t.Error("the response was touched behind the handler's end")
		}
	})
}

// TestStreamConnOfGoneClient ends as a connection does whose peer has closed it.
func TestStreamConnOfGoneClient(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := newStreamConn(w, r)
		go func() {
			defer c.Close()
			if n, err := c.Write([]byte("event")); n != 5 || err != nil {
				t.Errorf("write: %d, %v", n, err)
			}
			if _, err := c.Read(nil); err != io.EOF {
				t.Errorf("read: %v", err)
			}
		}()
		c.serve()
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 5)); err != nil || response.ProtoMajor != 2 {
		t.Error(response.Proto, err)
	}
	_ = response.Body.Close()
}
