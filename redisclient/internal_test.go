package redisclient

import (
	"testing"
	"time"
)

// Answering is how many Sentinels are asked, and have not failed to answer.
func (s *Sentinels) Answering() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.failed {
		if err == nil {
			n++
		}
	}
	return n
}

// TestNewestConfigurationCounts: whichever Sentinel says what, and in whichever order; an older one counts when nobody has the newer one
// any more.
func TestNewestConfigurationCounts(t *testing.T) {
	begun := time.Now()
	s := new(Sentinels)
	for i, step := range []struct {
		after  time.Duration
		master string
		epoch  uint64
		want   string
		isNew  bool
	}{
		{0, "a:1", 3, "a:1", true},
		{1 * time.Second, "b:1", 4, "b:1", true},  // the Sentinel that leads a failover
		{1 * time.Second, "a:1", 3, "b:1", false}, // one that has not heard of it
		{1 * time.Second, "a:1", 4, "b:1", false}, // in the middle of it
		{4 * time.Second, "b:1", 4, "b:1", false},
		{4 * time.Second, "a:1", 3, "b:1", false},
		{8 * time.Second, "a:1", 3, "b:1", false},
		{9*time.Second + 1, "c:1", 0, "c:1", true}, // all have been made anew
		{9*time.Second + 2, "c:1", 1, "c:1", false},
	} {
		if isNew := s.note(step.master, step.epoch, begun.Add(step.after)); isNew != step.isNew || s.master != step.want {
			t.Errorf("step %d: the master is %s, another one: %v", i, s.master, isNew)
		}
	}
}
