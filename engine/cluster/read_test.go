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

// TestNobodyResumesBeforeTheLogIsSettled: a push is read by one node alone, and then lost with the end of the log; its origin appends it
// again. A page that has it from that node, and comes to another one, waits there until it has been appended again, is then told of a gap,
// and does not get it twice.
func TestNobodyResumesBeforeTheLogIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, 1, faults{})
		defer c.close()
		time.Sleep(2 * time.Second)
		end := c.log.number
		c.backs[1].set(func() { c.backs[1].behind = true })
		pending, err := c.engines[0].Submit(pushOf("x"))
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = pending.Wait(t.Context()) }()
		synctest.Wait()
		page := c.engines[0].Newest()
		if c.engines[1].Newest() == page || len(c.sinks[0].delivered()) != 1 {
			t.Fatal("both nodes have read the push, or none")
		}
		c.log.mu.Lock()
		c.log.entries = c.log.entries[:len(c.log.entries)-1] // the record
		c.backs[0].next = len(c.log.entries)
		c.log.begin(end)
		c.log.mu.Unlock()
		c.backs[1].set(func() { c.backs[1].behind = false })
		synctest.Wait()
		begun := time.Now()
		pushes, err := c.engines[1].After(t.Context(), page, 10)
		var gap *scenecast.GapError
		if !errors.As(err, &gap) || gap.Reason != scenecast.GapEpoch || time.Since(begun) != settleFor {
			t.Fatalf("behind what is lost there is %v, %v, after %v", pushes, err, time.Since(begun))
		}
		again := c.sinks[1].pushes()
		if len(again) != 1 || again[0].Position.Seq > gap.Newest.Seq {
			t.Errorf("the page goes on at %v, and the push comes at %v", gap.Newest, again)
		}
		// One that has come to the new epoch on the node where it got the push.
		between := scenecast.Position{Epoch: gap.Newest.Epoch, Seq: again[0].Position.Seq - 1}
		if got, err := c.engines[1].After(t.Context(), between, 10); !errors.As(err, &gap) {
			t.Errorf("before what was appended again there is %v, %v", got, err)
		}
	})
}

// TestCloseReadsBack: a node that is closed when its record is appended, and not read back yet, still learns what has become of the push.
func TestCloseReadsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, 1, faults{})
		defer c.close()
		time.Sleep(2 * time.Second)
		c.backs[0].set(func() { c.backs[0].behind = true })
		time.AfterFunc(time.Second, func() { c.backs[0].set(func() { c.backs[0].behind = false }) })
		p, err := c.engines[0].Submit(pushOf("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.engines[0].Close(); err != nil {
			t.Error(err)
		}
		if got, err := p.Wait(t.Context()); err != nil || got.Position.Seq == 0 {
			t.Errorf("%+v, %v", got, err)
		}

		c.backs[1].set(func() { c.backs[1].behind = true }) // it reads no more, which holds no stop up for long
		if p, err = c.engines[1].Submit(pushOf("y")); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := c.engines[1].Close(); err != nil {
			t.Error(err)
		}
		if _, err := p.Wait(t.Context()); !errors.Is(err, scenecast.ErrUncertain) || time.Since(begun) > 2*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}
