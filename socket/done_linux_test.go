package socket_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/socket"
)

// TestTCPFrameDone: whoever shares a frame that says so is told once for each socket what became of it, whatever that is. (The
// harness looks after "once".)
func TestTCPFrameDone(t *testing.T) {
	share := func(s *harness, names ...string) {
		s.do(func() {
			for _, name := range names {
				f := s.deliveries.frame(name, map[string]int{"filler": 500 << 10}[name])
				if name == "old" || name == "new" {
					f.Coalesce = "key"
				}
				s.share(s.slots[0], name, f)
			}
		})
	}
	const takesNothing = "the page takes nothing"
	for _, c := range []struct {
		name string
		then func(s *harness, conn net.Conn)
		want map[string]bool
	}{
		{"read", func(_ *harness, conn net.Conn) { readNames(conn, "x") }, map[string]bool{"filler": true, "x": true, "old": true}},
		{"read with a newer one", func(s *harness, conn net.Conn) {
			share(s, "new")
			readNames(conn, "new")
		}, map[string]bool{"filler": true, "x": true, "old": false, "new": true}},
		{"the page breaks off", func(s *harness, conn net.Conn) {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
			s.await("opened 0.0", "closed 0.0")
		}, map[string]bool{"filler": false, "x": false, "old": false}},
		{"the page closes and reads on", func(s *harness, conn net.Conn) {
			_, _ = conn.Write([]byte("\x88\x80\x00\x00\x00\x00"))
			s.await("opened 0.0", "closed 0.0")
			readNames(conn, "")
		}, map[string]bool{"filler": true, "x": true, "old": true}},
		{"the server closes", func(s *harness, conn net.Conn) {
			s.do(func() { s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseNormal, Detail: ""}) })
			readNames(conn, "")
		}, map[string]bool{"filler": true, "x": true, "old": true}},
		{takesNothing, func(s *harness, _ net.Conn) {
			s.await("opened 0.0", "closed 0.0")
		}, map[string]bool{"filler": false, "x": false, "old": false}},
		{"the loop is stopped", func(s *harness, _ net.Conn) { s.end() }, map[string]bool{"filler": false, "x": false, "old": false}},
		{"shared in the last moment", func(s *harness, conn net.Conn) { shareLate(s, conn, false) },
			map[string]bool{"filler": false, "x": false, "old": false, "late": false}},
		{"shared when its reader has noticed", func(s *harness, conn net.Conn) { shareLate(s, conn, true) },
			map[string]bool{"filler": false, "x": false, "old": false, "late": false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := socket.Options{WriteTimeout: patience}
			if c.name == takesNothing {
				o.WriteTimeout = 100 * time.Millisecond
			}
			onEachKind(t, o, func(t *testing.T, s *harness) {
				s.receive = 4 << 10
				conn := s.dialPage("")
				share(s, "filler")
				share(s, "old", "x")
				c.then(s, conn)
				s.end()
				for name, want := range c.want {
					if got := s.deliveries.done[copied{name, 0}]; slices.Contains(got, !want) {
						t.Errorf("%s was told %v, want %v", name, got, want)
					}
				}
			})
		})
	}
}

// shareLate shares frames with a page whose connection has been reset, before its reader may have noticed or behind that. One
// without a goroutine notices behind the task.
func shareLate(s *harness, conn net.Conn, noticed bool) {
	s.do(func() {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
		for noticed && s.goroutines && s.loop.Endings()[scenecast.CauseReset] == 0 {
			runtime.Gosched()
		}
		for range 10 {
			s.share(s.slots[0], "late", s.deliveries.frame("late", 100))
		}
	})
	s.await("opened 0.0", "closed 0.0")
}

// TestTCPOnWritten: a task waits until the kernel has taken what was given to the socket, and is forgotten with it.
func TestTCPOnWritten(t *testing.T) {
	for name, reads := range map[string]bool{"the page reads": true, "the page breaks off": false} {
		t.Run(name, func(t *testing.T) {
			onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
				s.receive = 4 << 10
				conn := s.dialPage("")
				var told []string
				s.do(func() {
					s.loop.OnWritten(s.slots[0], func() { told = append(told, "at once") })
					f := s.deliveries.frame("filler", 500<<10)
					f.Done = func(uint32, bool) { told = append(told, "done") }
					s.loop.SendShared(s.slots[0], f)
					s.loop.OnWritten(s.slots[0], func() { told = append(told, "written") })
				})
				s.awaitThat("the first task has run", func() bool { return len(told) > 0 })
				want := []string{"at once", "done"}
				if reads {
					readNames(conn, "filler")
					want = append(want, "written")
				} else {
					_ = conn.(*net.TCPConn).SetLinger(0)
					_ = conn.Close()
					s.await("opened 0.0", "closed 0.0")
				}
				s.awaitThat("everything is told", func() bool { return len(told) >= len(want) })
				s.end()
				if !slices.Equal(told, want) {
					t.Errorf("told %q, want %q", told, want)
				}
			})
		})
	}
}

// TestTCPShutdownUnderFire: a loop whose pages never stop talking ends all the same, and cuts what is half sent.
func TestTCPShutdownUnderFire(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		for range 3 {
			conn := s.dialPage("")
			go func() {
				pongs := strings.Repeat("\x8a\x84\x00\x00\x00\x00pong", 5000)
				for err := error(nil); err == nil; {
					_, err = io.WriteString(conn, pongs)
				}
			}()
		}
		s.do(func() {
			for _, slot := range s.slots {
				s.share(slot, "filler", s.deliveries.frame("filler", 500<<10))
			}
		})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		s.loop.Shutdown(ctx)
		if s.loop.Post(func() {}) {
			t.Error("a stopped loop took a task")
		}
	})
}

// TestFrameDoneBeforeTheIndexIsUsedAgain: whoever counts by index is told of a page's frames before another page has its index.
func TestFrameDoneBeforeTheIndexIsUsedAgain(t *testing.T) {
	onEachKind(t, socket.Options{OutboxFrames: 50}, func(t *testing.T, s *harness) {
		s.receive = 4 << 10
		for again := range 20 {
			conn := s.dialPage("")
			s.do(func() {
				slot := s.slots[len(s.slots)-1]
				s.share(slot, "filler", s.deliveries.frame("filler", 500<<10))
				for range again * 5 {
					s.share(slot, "small", s.deliveries.frame("small", 10))
				}
			})
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
		s.awaitThat("all have gone", func() bool { return len(s.endings) == 20 })
	})
}
