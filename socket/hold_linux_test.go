package socket_test

import (
	"testing"
	"time"

	"scenecast/socket"
)

// TestHoldIsNoRound: a loop that is held for a handover does not count as one that hangs, neither meanwhile nor afterwards.
func TestHoldIsNoRound(t *testing.T) {
	s := newHarness(t, socket.Options{}, true)
	awaitIdle := func() { // not by a task, which would be a round
		for begun := time.Now(); s.loop.Stats().Stalled != 0; time.Sleep(time.Millisecond) {
			if time.Since(begun) > patience {
				t.Fatal("the loop never waits")
			}
		}
	}
	awaitIdle()
	began, before := time.Now(), s.loop.Stats().Rounds
	held, err := s.loop.Hold()
	if err != nil {
		t.Fatal(err)
	}
	const still = 50 * time.Millisecond
	time.Sleep(still)
	if stalled := s.loop.Stats().Stalled; stalled != 0 {
		t.Errorf("a round of %v is under way", stalled)
	}
	held.Thaw()
	s.do(func() {})
	awaitIdle()
	rounds := s.loop.Stats().Rounds.Since(before)
	if rounds.Count() < 2 {
		t.Errorf("rounds: %+v", rounds)
	}
	if most := time.Since(began) - still; rounds.Sum > most { // they were within that
		t.Errorf("rounds of %v, and there were %v for them", rounds.Sum, most)
	}
}
