package socket_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/socket"
)

// These tests are about pages that do not read. What the kernel keeps for them is a few frames.

// TestTCPSlowConsumerIsClosed: it gets whole frames, in order, and then is told why; a page beside it gets everything.
func TestTCPSlowConsumerIsClosed(t *testing.T) {
	for _, o := range []socket.Options{{OutboxFrames: 10}, {OutboxBytes: 100 << 10}} {
		onEachKind(t, o, func(t *testing.T, s *harness) {
			healthy := s.connect()
			s.receive = 4 << 10
			stalled := s.dialPage("")
			taken := 0
			for i := 0; taken == i; i++ {
				name := fmt.Sprint("f", i)
				s.do(func() {
					f := s.deliveries.frame(name, 5000)
					if s.share(s.slots[1], name, f) {
						taken++
					}
					if !s.share(s.slots[0], name, f) {
						t.Errorf("the healthy page was refused %s", name)
					}
				})
				if got := healthy.next(); !strings.HasPrefix(got, "text "+name+".") {
					t.Fatalf("the healthy page got %.20s, want %s", got, name)
				}
			}
			s.awaitThat("the slow page has gone", func() bool { return slices.Contains(s.events, "closed 1.0") })
			names := readNames(stalled, "")
			n := len(names) - 1
			for i, name := range names[:n] {
				if name != fmt.Sprint("f", i) {
					t.Fatalf("the slow page got %q", names)
				}
			}
			if names[n] != "close 4408" || n == 0 && !s.goroutines || n > taken { // a writer may not have begun
				t.Errorf("%d were taken, and the slow page got %q", taken, names)
			}
			if dropped := s.loop.Dropped(); dropped != int64(taken+1-n) {
				t.Errorf("%d frames count as dropped; %d of %d did not reach the page", dropped, taken+1-n, taken+1)
			}
		})
	}
}

// TestTCPDropOldest: every frame reaches the page, or is told as missing in its place.
func TestTCPDropOldest(t *testing.T) {
	for _, o := range []socket.Options{
		{OutboxFrames: 10},
		{OutboxFrames: 1},
		{OutboxBytes: 50 << 10},
		{OutboxTotal: 50 << 10},
	} {
		o.SlowConsumer = socket.DropOldest
		t.Run(fmt.Sprintf("%d frames, %d bytes, %d in all", o.OutboxFrames, o.OutboxBytes, o.OutboxTotal), func(t *testing.T) {
			onEachKind(t, o, func(t *testing.T, s *harness) {
				s.receive = 4 << 10
				conn := s.dialPage("")
				names := make(chan []string)
				go func() { names <- readNames(conn, "last") }()
				const frames = 1000
				for first := 0; first < frames; first += 100 {
					s.do(func() {
						for i := first; i < first+100; i++ {
							name, size := fmt.Sprint(i), 1000+i%7*500
							if i%250 == 3 {
								size = 60 << 10 // more than some outboxes have room for
							}
							s.share(s.slots[0], name, s.deliveries.frame(name, size))
						}
					})
				}
				written := false
				s.do(func() { s.loop.OnWritten(s.slots[0], func() { written = true }) })
				s.awaitThat("nothing waits", func() bool { return written })
				s.do(func() { s.share(s.slots[0], "last", s.deliveries.frame("last", 10)) })
				next, missed := 0, 0
				got := <-names
				for _, name := range got {
					var gap int
					if n, _ := fmt.Sscanf(name, "gap %d", &gap); n == 1 {
						next, missed = next+gap, missed+gap
					} else if name == fmt.Sprint(next) {
						next++
					} else if name != "last" || next != frames {
						t.Fatalf("%s came where %d was to come: %q", name, next, got)
					}
				}
				if got[len(got)-1] != "last" {
					t.Errorf("the last frame did not come: %q", got)
				}
				if dropped := s.loop.Dropped(); dropped != int64(missed) || missed == 0 {
					t.Errorf("the page was told of %d missing frames; %d were dropped", missed, dropped)
				}
			})
		})
	}
}

// TestTCPTooLargeForAnyOutbox: a page that is not slow at all is told at once.
func TestTCPTooLargeForAnyOutbox(t *testing.T) {
	for policy, want := range map[socket.Policy][]string{
		socket.DropOldest: {"text small", "text gap 1", "text last"},
		socket.ClosePage:  {"close 4408 slow consumer: the outbox was full"},
	} {
		onEachKind(t, socket.Options{OutboxBytes: 1000, SlowConsumer: policy}, func(t *testing.T, s *harness) {
			p := s.connect()
			s.do(func() {
				if policy == socket.DropOldest {
					s.share(s.slots[0], "small", s.deliveries.frame("small", 0))
				}
				if s.share(s.slots[0], "large", s.deliveries.frame("large", 2000)) {
					t.Error("it was taken")
				}
			})
			if policy == socket.DropOldest {
				s.do(func() { s.share(s.slots[0], "last", s.deliveries.frame("last", 0)) })
			}
			p.expect(t, want...)
		})
	}
}

// TestTCPTotal bounds what waits for all pages together. What waits for many counts once.
func TestTCPTotal(t *testing.T) {
	onEachKind(t, socket.Options{OutboxTotal: 600 << 10}, func(t *testing.T, s *harness) {
		s.receive = 4 << 10
		for range 3 {
			s.dialPage("")
		}
		shared := s.deliveries.frame("shared", 400<<10)
		s.do(func() {
			for _, slot := range s.slots {
				if !s.share(slot, "shared", shared) {
					t.Error("one frame that waits for three pages was too much")
				}
			}
		})
		s.do(func() {
			if s.share(s.slots[0], "another", s.deliveries.frame("another", 300<<10)) {
				t.Error("700 KiB may wait")
			}
			if !s.share(s.slots[1], "small", s.deliveries.frame("small", 100<<10)) {
				t.Error("500 KiB may not wait")
			}
		})
		s.awaitThat("the page has gone", func() bool { return slices.Contains(s.events, "closed 0.0") })
	})
}

// TestTCPTotalInOneRound: what one round leaves over does not get past the bound either.
func TestTCPTotalInOneRound(t *testing.T) {
	onEachKind(t, socket.Options{OutboxTotal: 200 << 10}, func(t *testing.T, s *harness) {
		s.receive = 4 << 10
		conn := s.dialPage("")
		s.do(func() {
			for i := range 10 {
				name := fmt.Sprint("f", i)
				s.share(s.slots[0], name, s.deliveries.frame(name, 50<<10))
			}
		})
		s.awaitThat("the page has gone", func() bool { return slices.Contains(s.events, "closed 0.0") })
		s.do(func() {
			if n := s.loop.OutboxBytes(); n > 250<<10 { // the frame that is half sent goes out whole
				t.Errorf("%d bytes wait", n)
			}
		})
		// How far a writer has come by then, it alone knows.
		names := readNames(conn, "")
		for i, name := range names[:len(names)-1] {
			if name != fmt.Sprint("f", i) {
				t.Errorf("the page got %q", names)
			}
		}
		if names[len(names)-1] != "close 4408" || len(names) > 6 {
			t.Errorf("the page got %q", names)
		}
	})
}

// TestTCPCoalesce: of what has one key only the newest waits, where the newest belongs.
func TestTCPCoalesce(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		s.receive = 4 << 10
		conn := s.dialPage("")
		s.do(func() { s.share(s.slots[0], "filler", s.deliveries.frame("filler", 500<<10)) })
		share := func(name, key string) {
			f := s.deliveries.frame(name, 0)
			f.Coalesce = key
			s.share(s.slots[0], name, f)
		}
		for _, round := range [][2]string{{"a1 a", "b1 b"}, {"x ", "y "}, {"a2 a", "b2 b"}, {"a3 a", "z "}, {"last ", ""}} {
			s.do(func() {
				for _, f := range round {
					if name, key, ok := strings.Cut(f, " "); ok {
						share(name, key)
					}
				}
			})
		}
		if names := readNames(conn, "last"); !slices.Equal(names, []string{"filler", "x", "y", "b2", "a3", "z", "last"}) {
			t.Errorf("the page got %q", names)
		}
		if coalesced, dropped := s.loop.Coalesced(), s.loop.Dropped(); coalesced != 3 || dropped != 0 {
			t.Errorf("%d coalesced, %d dropped; want 3, 0", coalesced, dropped)
		}
	})
}

// TestTCPCoalesceInOneRound: the same where everything comes at once and the kernel takes only the beginning.
func TestTCPCoalesceInOneRound(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		s.receive = 4 << 10
		conn := s.dialPage("")
		s.do(func() {
			for _, name := range []string{"filler", "old", "x", "new"} {
				f := s.deliveries.frame(name, map[string]int{"filler": 500 << 10}[name])
				if name == "old" || name == "new" {
					f.Coalesce = "key"
				}
				s.share(s.slots[0], name, f)
			}
		})
		want := []string{"filler", "x", "new"}
		if names := readNames(conn, "new"); !slices.Equal(names, want) {
			t.Errorf("the page got %q, want %q", names, want)
		}
	})
}

// TestTCPStalledForGood: a page that takes nothing is gone after the write timeout, and its closing has a time, too.
func TestTCPStalledForGood(t *testing.T) {
	for name, closing := range map[string]bool{"open": false, "closing": true} {
		t.Run(name, func(t *testing.T) {
			onEachKind(t, socket.Options{WriteTimeout: 50 * time.Millisecond, CloseWait: 50 * time.Millisecond}, func(t *testing.T, s *harness) {
				s.receive = 4 << 10
				s.dialPage("")
				s.do(func() {
					s.share(s.slots[0], "filler", s.deliveries.frame("filler", 500<<10))
					if closing {
						s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseNormal, Detail: ""})
					}
				})
				if !closing {
					s.await("opened 0.0", "closed 0.0")
				}
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				s.loop.Shutdown(ctx)
				if ctx.Err() != nil {
					t.Error("the socket was still there at the end")
				}
			})
		})
	}
}
