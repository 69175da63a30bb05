package socket_test

import (
	"testing"
	"time"

	"scenecast/socket"
)

// TestStats: a loop that hangs in a task shows that while it does, and counts it afterwards.
func TestStats(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		hangs, goOn, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		s.loop.Post(func() {
			close(hangs)
			<-goOn
		})
		<-hangs
		s.loop.Post(func() { close(done) })
		s.loop.Post(func() {})
		before := s.loop.Stats()
		if before.Stalled <= 0 || before.Tasks != 2 || before.Waiting <= 0 {
			t.Errorf("while it hangs: %+v", before)
		}
		close(goOn)
		<-done
		after := s.loop.Stats() // the round has not ended, but the tasks were taken up together
		if waits := after.Waits.Since(before.Waits); waits.Count() != 1 || waits.Sum < before.Waiting {
			t.Errorf("tasks that were taken up together: %+v, and waited for %v before", waits, before.Waiting)
		}
		for begun := time.Now(); s.loop.Stats().Stalled != 0; time.Sleep(time.Millisecond) { // not by a task, which would be a round
			if time.Since(begun) > patience {
				t.Fatal("the loop never waits")
			}
		}
		if rounds := s.loop.Stats().Rounds.Since(before.Rounds); rounds.Count() < 1 || rounds.Sum < before.Stalled {
			t.Errorf("rounds: %+v, and one had lasted %v", rounds, before.Stalled)
		}
	})
}
