package hub_test

import (
	"testing"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// tracker is an observer that tracks pages named home, and keeps what connections are noted as when they leave.
type tracker struct {
	t     *testing.T
	here  map[int]scenecast.ConnID // by index
	ended []bool
}

func (o *tracker) Joined(c hub.Member) {
	index := c.Address().Index()
	if other, taken := o.here[index]; taken || index > 400 {
		o.t.Errorf("%v has the index %d, which %v has", c.ID(), index, other)
	}
	o.here[index] = c.ID()
	if c.Tracked() {
		o.t.Errorf("%v is tracked as it joins", c.ID())
	}
	c.SetTracked(c.Labels().Contains("page", "home"))
}
func (o *tracker) Relabelled(hub.Member, label.Set) {}
func (o *tracker) Left(c hub.Member, _ scenecast.Ending) {
	if o.here[c.Address().Index()] != c.ID() {
		o.t.Errorf("%v leaves, and another connection has its index", c.ID())
	}
	delete(o.here, c.Address().Index())
	o.ended = append(o.ended, c.Tracked())
}

// TestTracked: what was noted of a connection is told until it has ended, and is not the next one's in its slot. Each has an index of its own.
func TestTracked(t *testing.T) {
	o := &tracker{t: t, here: make(map[int]scenecast.ConnID)}
	h := hub.New(hub.Options{Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}, Observers: []hub.Observer{o}})
	var loops []*loop
	for range 3 {
		l := &loop{outboxes: make(map[scenecast.Slot][]string), closed: make(map[scenecast.Slot]scenecast.CloseCode), full: make(map[scenecast.Slot]bool)}
		l.shard = h.AddShard(l)
		loops = append(loops, l)
	}
	wire := newProtocol("plain")
	for _, name := range []string{"home", "list"} {
		o.ended = nil
		for i := range 300 {
			slot := scenecast.Slot{Index: uint32(i / 3), Generation: 1}
			loops[i%3].shard.Opened(slot, page(wire, "a", name))
		}
		if len(o.here) != 300 {
			t.Fatalf("%s: %d indexes, want 300", name, len(o.here))
		}
		for i := range 300 {
			loops[i%3].shard.Closed(scenecast.Slot{Index: uint32(i / 3), Generation: 1}, scenecast.Ending{})
		}
		for _, tracked := range o.ended {
			if tracked != (name == "home") {
				t.Fatalf("%s: was tracked %t", name, tracked)
			}
		}
		if len(o.ended) != 300 {
			t.Errorf("%s: %d have ended, want 300", name, len(o.ended))
		}
	}
}
