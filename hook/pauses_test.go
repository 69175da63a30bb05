package hook_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/hook"
)

// TestPauses: a batch that fails is sent again after 1, 2, 4 s and so on up to 60 s, each at random between half and one and a half of that; and
// after one that was taken from the beginning.
func TestPauses(t *testing.T) {
	middles := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
	synctest.Test(t, func(t *testing.T) {
		refuses := true
		b := &backend{refuse: func() error {
			if refuses {
				return errors.New("no")
			}
			return nil
		}}
		target := newTarget(b, hook.TargetOptions{MaxWait: time.Millisecond})
		different := make(map[time.Duration]bool)
		for range 20 {
			b.mu.Lock()
			b.calls, refuses = nil, true
			b.mu.Unlock()
			emit(target, 0, 1)
			for b.made() <= len(middles) {
				time.Sleep(time.Second)
			}
			b.mu.Lock()
			for i, middle := range middles {
				middle *= time.Second
				pause := b.calls[i+1].at.Sub(b.calls[i].at)
				if pause < middle/2-time.Microsecond || pause > middle*3/2+time.Microsecond {
					t.Errorf("the pause behind failure %d was %v, want about %v", i+1, pause, middle)
				}
				different[pause] = true
			}
			refuses = false
			taken := len(b.calls)
			b.mu.Unlock()
			for b.made() == taken {
				time.Sleep(time.Second)
			}
		}
		if len(different) < 100 {
			t.Errorf("180 pauses have %d lengths: they are not at random", len(different))
		}
		target.Close(t.Context())
	})
}
