package socket_test

import (
	"fmt"
	"testing"

	"github.com/gobwas/ws"

	"scenecast/socket"
)

// TestBackgroundTasksLeaveTheirRoundToOthers: between two tasks no more than 64 slices run, however many are wanted; slices
// are run in turn; and pages are served meanwhile.
func TestBackgroundTasksLeaveTheirRoundToOthers(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		p := s.connect()
		const wanted = 10_000
		var order []int
		slices, ended := 0, 0
		s.do(func() {
			for task := range 3 {
				left := wanted
				s.loop.PostBackground(func() bool {
					slices++
					if len(order) < 9 {
						order = append(order, task)
					}
					if left--; left > 0 {
						return true
					}
					ended++
					return false
				})
			}
		})
		p.send(ws.NewPingFrame([]byte("?")))
		p.expect(t, "pong ?")
		done := make(chan struct{})
		var check func(before int)
		check = func(before int) {
			if n := slices - before; n > 64 {
				t.Errorf("%d slices ran between two tasks", n)
			}
			if ended == 3 {
				close(done)
				return
			}
			now := slices
			s.loop.Post(func() { check(now) })
		}
		s.do(func() { check(slices) })
		<-done
		if want := "[0 1 2 0 1 2 0 1 2]"; fmt.Sprint(order) != want {
			t.Errorf("slices ran in the order %v, want %s", order, want)
		}
		if slices != 3*wanted {
			t.Errorf("%d slices ran, want %d", slices, 3*wanted)
		}
	})
}

// TestBackgroundTaskOfAStoppedLoop is run to its end: whoever posted it waits for what it finds.
func TestBackgroundTaskOfAStoppedLoop(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		left := 1000
		s.do(func() {
			s.loop.PostBackground(func() bool {
				left--
				return left > 0
			})
		})
		s.end()
		if left != 0 {
			t.Errorf("%d slices were not run", left)
		}
		if s.loop.PostBackground(func() bool { return false }) {
			t.Error("a stopped loop took a task")
		}
	})
}
