package hub_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
)

// TestDeliveriesByWire: of each wire it is counted what outboxes took and what they did not, whatever the order of the pages.
func TestDeliveriesByWire(t *testing.T) {
	h, loops := newHub(2)
	a, b := newProtocol("a"), newProtocol("b")
	for range 3 {
		for _, l := range loops {
			l.open(page(a, "", "home"))
			l.open(page(b, "", "home"))
			l.open(page(b, "", "list"))
		}
	}
	full := loops[1].open(page(b, "other", "home"))
	loops[1].full[full] = true
	deliver(t, h, "", `page == "home"`, "1")
	deliver(t, h, "", `*`, "2")
	deliver(t, h, "other", `*`, "3")
	deliver(t, h, "nobody", `*`, "4")
	want := []hub.WireDeliveries{{Wire: "a", Queued: 12}, {Wire: "b", Queued: 18, Dropped: 1}}
	if got := h.Deliveries(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	stats := h.ShardStats(time.Minute)
	for i, s := range stats {
		s.Labels, s.Keys = 0, 0 // the server's own labels are among them
		if want := []hub.ShardStats{{Pages: 9, Apps: 1, Delivered: 15}, {Pages: 9, Apps: 1, Delivered: 15}}[i]; s != want {
			t.Errorf("shard %d: %+v, want %+v", i, s, want)
		}
	}
	if stats[0].Labels != 2+2+9 || stats[0].Keys != 3 { // page, @protocol, @id
		t.Errorf("index: %+v", stats[0])
	}
}

// hung is a loop that runs nothing.
type hung struct {
	*loop
	tasks []func()
}

func (l *hung) Post(task func()) bool {
	l.tasks = append(l.tasks, task)
	return true
}

// TestShardStatsOfALoopThatHangs: the answer comes all the same, and the loop gets one task however often it is asked.
func TestShardStatsOfALoopThatHangs(t *testing.T) {
	h := hub.New(hub.Options{Log: emptyLog{}})
	l := &hung{loop: &loop{}}
	h.AddShard(l)
	for range 3 {
		if got := h.ShardStats(time.Millisecond); !got[0].Late {
			t.Errorf("%+v", got)
		}
	}
	if len(l.tasks) != 1 {
		t.Fatalf("%d tasks", len(l.tasks))
	}
	l.tasks[0]()
	if got := h.ShardStats(time.Millisecond); !got[0].Late || len(l.tasks) != 2 {
		t.Errorf("%+v after %d tasks", got, len(l.tasks))
	}
}

// TestShardStatsAtOnce: who asks while another one does is told what the loop says then, and not what it has said before.
func TestShardStatsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{Log: emptyLog{}})
		l := &hung{loop: &loop{}}
		h.AddShard(l)
		answers := make(chan hub.ShardStats)
		for range 2 {
			go func() { answers <- h.ShardStats(time.Minute)[0] }()
		}
		synctest.Wait()
		if len(l.tasks) != 1 {
			t.Fatalf("%d tasks", len(l.tasks))
		}
		l.tasks[0]()
		for range 2 {
			if got := <-answers; got.Late {
				t.Errorf("%+v", got)
			}
		}
	})
}

// TestReplayStats counts pages that come back, and what they have missed.
func TestReplayStats(t *testing.T) {
	h, loops := newHub(1)
	back := page(newProtocol("a"), "", "home")
	back.Resume = scenecast.Resume{Wanted: true, Malformed: true}
	loops[0].open(back)
	h.Skip(scenecast.GapNotice{Reason: scenecast.GapRetention, Newest: scenecast.Position{Epoch: 1, Seq: 9}})
	got := h.ReplayStats()
	if got.Gaps[scenecast.GapPosition] != 1 || got.Gaps[scenecast.GapRetention] != 1 || got.Gaps[scenecast.GapEpoch] != 0 || got.CatchUps != 0 {
		t.Errorf("%+v", got)
	}
}
