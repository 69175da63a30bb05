package cluster

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// TestPageAheadByAnEpoch: a page may come from a node that has read an epoch of which this one does not know yet. It is told of no gap, and
// goes on when this node has read the epoch too; one whose epoch does not come is told after a while.
func TestPageAheadByAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, 1, faults{})
		defer c.close()
		time.Sleep(2 * time.Second)
		behind := c.engines[1]
		c.backs[1].set(func() { c.backs[1].cut = true })
		c.log.mu.Lock()
		c.log.begin(c.log.number)
		c.log.mu.Unlock()
		p, err := c.engines[0].Submit(pushOf("x"))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		go func() { _, _ = p.Wait(t.Context()) }()
		time.Sleep(time.Second)
		page := c.engines[0].Newest()
		if page.Epoch == behind.Newest().Epoch {
			t.Fatal("both nodes have read the epoch")
		}
		if got, err := behind.After(t.Context(), page, 10); len(got) != 0 || err != nil {
			t.Errorf("of an epoch that is to come: %v, %v", got, err)
		}
		c.backs[1].set(func() { c.backs[1].cut = false })
		time.Sleep(2 * time.Second)
		if got, err := behind.After(t.Context(), page, 10); len(got) != 0 || err != nil || behind.Newest() != page {
			t.Errorf("of the epoch, which has come: %v, %v; the node is at %v, the page at %v", got, err, behind.Newest(), page)
		}
		stranger := scenecast.Position{Epoch: 12345, Seq: page.Seq + 1<<40}
		if got, err := behind.After(t.Context(), stranger, 10); len(got) != 0 || err != nil {
			t.Errorf("of an epoch that may come: %v, %v", got, err)
		}
		time.Sleep(awaitEpoch)
		var gap *scenecast.GapError
		if _, err := behind.After(t.Context(), stranger, 10); !errors.As(err, &gap) || gap.Reason != scenecast.GapEpoch {
			t.Errorf("of an epoch that has not come: %v", err)
		}
	})
}
