package listener

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestResponseBudget: who is aborted for whom.
func TestResponseBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newResponseBudget(100)
		var aborted []string
		add := func(name string, size int) *pendingResponse {
			time.Sleep(time.Second)
			return b.add(size, func() { aborted = append(aborted, name) })
		}
		first, second, third := add("first", 40), add("second", 40), add("third", 20)
		time.Sleep(time.Second)
		b.progress(first)
		add("fourth", 30) // in the place of the second, which has moved for the longest ago
		if !slices.Equal(aborted, []string{"second"}) || b.total != 90 {
			t.Fatalf("aborted %q, %d bytes", aborted, b.total)
		}
		b.remove(second) // it hears of it
		b.remove(third)
		b.remove(third)
		if b.total != 70 {
			t.Fatalf("%d bytes are counted, want 70", b.total)
		}
		huge := add("huge", 1000)
		if !slices.Equal(aborted, []string{"second", "first", "fourth"}) || b.total != 1000 {
			t.Fatalf("aborted %q, %d bytes", aborted, b.total)
		}
		b.remove(huge)
		if b.total != 0 || len(b.pending) != 0 {
			t.Errorf("%d bytes are counted, want none", b.total)
		}
	})
}

// TestAbortedTooLate: a piece that its client has taken is not aborted any more.
func TestAbortedTooLate(t *testing.T) {
	p := &pendingResponse{abort: func() { t.Error("aborted") }}
	newResponseBudget(1).remove(p)
	p.end(p.abort)
}

// TestStallConn: progress renews the time that a write has, and a client that takes nothing ends it.
func TestStallConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		c := &stallConn{Conn: server}
		c.timeout.Store(int64(10 * time.Second))
		go func() {
			for range 20 {
				time.Sleep(9 * time.Second)
				_, _ = io.ReadFull(client, make([]byte, 5))
			}
		}()
		if n, err := c.Write(make([]byte, 100)); n != 100 || err != nil {
			t.Fatalf("a slow client: %d bytes, %v", n, err)
		}
		begun := time.Now()
		if n, err := c.Write(make([]byte, 100)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 10*time.Second {
			t.Errorf("a stalled client: %d bytes, %v, after %v", n, err, time.Since(begun))
		}
		c.timeout.Store(0)
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		begun = time.Now()
		if _, err := c.Write(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("with a deadline of the caller's: %v, after %v", err, time.Since(begun))
		}
	})
}
