package cluster

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// TestRetryOfWhatIsLost: a node has read a push that is not safe, and a retry comes to it. It is not answered as published until that is
// safe. When the log has lost the push, and the node that took it is dead, the node that has read it appends it again.
func TestRetryOfWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{safe: true})
		defer c.close()
		submit := func(node int, id string) error {
			p := pushOf(id)
			p.IdempotencyKey = "key"
			pending, err := c.engines[node].Submit(p)
			if err != nil {
				return err
			}
			got, err := pending.Wait(t.Context())
			if err == nil && (got.ID != "first" || !got.Replayed) {
				t.Errorf("%s is answered as %+v", id, got)
			}
			return err
		}
		c.backs[2].set(func() { c.backs[2].behind = true; c.log.faults.ackDelay = 2 * time.Minute })
		if err := submit(0, "first"); !errors.Is(err, scenecast.ErrUncertain) {
			t.Errorf("the first: %v", err)
		}
		if got := c.sinks[1].delivered(); !slices.Equal(got, []string{"first"}) {
			t.Errorf("node 1 has read %q", got)
		}
		if err := submit(1, "while it is not safe"); !errors.Is(err, scenecast.ErrUncertain) {
			t.Errorf("a retry, and the first is not safe: %v", err)
		}
		c.backs[0].set(func() { c.backs[0].cut = true })
		c.log.loseTail(10)
		c.kill(0)
		one, two := c.sinks[0], c.sinks[1] // those that were 1 and 2
		c.backs[1].set(func() { c.backs[1].behind = false; c.log.faults.ackDelay = 0 })
		time.Sleep(10 * time.Second)
		if err := submit(0, "again"); err != nil {
			t.Errorf("a retry, and the first is lost: %v", err)
		}
		synctest.Wait()
		if got := one.delivered(); !slices.Equal(got, []string{"first"}) {
			t.Errorf("the node that had read it got %q", got)
		}
		if got := two.delivered(); !slices.Equal(got, []string{"first"}) {
			t.Errorf("the node that had not got %q", got)
		}
	})
}
