package hub_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

func TestDelivery(t *testing.T) {
	h, loops := newHub(2)
	plain, other := newProtocol("plain"), newProtocol("other")
	home1 := loops[0].open(page(plain, "a", "home"))
	home2 := loops[1].open(page(plain, "a", "home"))
	home3 := loops[1].open(page(other, "a", "home"))
	list := loops[0].open(page(plain, "a", "list"))
	foreign := loops[0].open(page(plain, "b", "home"))

	if got, want := deliver(t, h, "a", `page == "home"`, "1"), (scenecast.Tally{Matched: 3, Queued: 3, Nodes: 1}); got != want {
		t.Errorf("tally %+v, want %+v", got, want)
	}
	for _, c := range []struct {
		name string
		got  []string
		want []string
	}{
		{"home 1", loops[0].outboxes[home1], []string{"welcome", "plain 1"}},
		{"home 2, on the other loop", loops[1].outboxes[home2], []string{"welcome", "plain 1"}},
		{"home 3, of another protocol", loops[1].outboxes[home3], []string{"welcome", "other 1"}},
		{"list", loops[0].outboxes[list], []string{"welcome"}},
		{"home of another app", loops[0].outboxes[foreign], []string{"welcome"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s got %q, want %q", c.name, c.got, c.want)
		}
	}
	if plain.encoded != 1 || other.encoded != 1 {
		t.Errorf("encoded %d and %d times, want once per wire", plain.encoded, other.encoded)
	}
	if ids := slices.Sorted(maps.Keys(plain.ids)); !slices.Equal(ids, []string{"7.1", "7.2", "7.4", "7.5"}) {
		t.Errorf("connections are %q", ids)
	}
}

// TestFullOutbox: the tally says so, and the page has left: its loop has closed it.
func TestFullOutbox(t *testing.T) {
	h, loops := newHub(1)
	p := newProtocol("plain")
	slow := loops[0].open(page(p, "a", "home"))
	loops[0].open(page(p, "a", "home"))
	loops[0].full[slow] = true
	if got, want := deliver(t, h, "a", "*", "1"), (scenecast.Tally{Matched: 2, Queued: 1, Dropped: 1, Nodes: 1}); got != want {
		t.Errorf("tally %+v, want %+v", got, want)
	}
	if got, want := deliver(t, h, "a", "*", "2"), (scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}); got != want {
		t.Errorf("tally of the next push %+v, want %+v", got, want)
	}
}

func TestProtocolCalls(t *testing.T) {
	h, loops := newHub(1)
	slot := loops[0].open(page(newProtocol("plain"), "a", "home"))
	receive := func(text string) {
		loops[0].run(func() { loops[0].shard.Received(slot, scenecast.Inbound{Text: true, Data: []byte(text)}) })
	}
	receive("labels")
	receive("close")
	receive("labels") // has left: nobody is told
	if got, want := loops[0].outboxes[slot][:2], []string{"welcome", `{"@id":"7.1","@protocol":"plain","page":"home"}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if loops[0].closed[slot] != scenecast.CloseNormal || h.Connections() != 0 {
		t.Errorf("closed with %d, %d connections", loops[0].closed[slot], h.Connections())
	}
	loops[0].shard.Closed(slot, scenecast.Ending{}) // told late: counts once
	if h.Connections() != 0 {
		t.Errorf("%d connections", h.Connections())
	}
}

// TestStoppedLoop: a loop that has stopped has no connections, and the report comes all the same.
func TestStoppedLoop(t *testing.T) {
	h, loops := newHub(2)
	loops[0].open(page(newProtocol("plain"), "a", "home"))
	loops[1].stopped = true
	if got, want := deliver(t, h, "a", "*", "1"), (scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}); got != want {
		t.Errorf("tally %+v, want %+v", got, want)
	}
}

// TestAgainstModel joins, leaves, relabels and pushes at random, and compares with a map from slots to labels.
func TestAgainstModel(t *testing.T) {
	const pages = 5
	r := rand.New(rand.NewPCG(1, 2))
	h, loops := newHub(1)
	l, p := loops[0], newProtocol("plain")
	type connection struct{ app, page string }
	model := make(map[scenecast.Slot]connection)
	name := func() string { return fmt.Sprint("p", r.IntN(pages)) }
	app := func() string { return fmt.Sprint("app", r.IntN(2)) }
	for range 5000 {
		switch r.IntN(4) {
		case 0:
			c := connection{app(), name()}
			model[l.open(page(p, c.app, c.page))] = c
		case 1:
			for slot := range model { // any
				l.shard.Closed(slot, scenecast.Ending{})
				delete(model, slot)
				break
			}
		case 2: // the backend moves a page of an app to another
			a, from, to := app(), name(), name()
			want := 0
			for slot, c := range model {
				if c == (connection{a, from}) {
					model[slot] = connection{a, to}
					want++
				}
			}
			reply := ask(t, h, scenecast.Query{App: a, To: mustParse(t, fmt.Sprintf("page == %q", from)),
				Relabel: &scenecast.Relabel{Change: label.Change{"page": {to}}}})
			if reply.Changed != want {
				t.Fatalf("relabelling %s of %s: %+v, want %d changed", from, a, reply, want)
			}
		case 3:
			clear(l.outboxes)
			a, n := app(), name()
			tally := deliver(t, h, a, fmt.Sprintf("page == %q", n), "x")
			want := 0
			for slot, c := range model {
				matches := c == connection{a, n}
				if matches {
					want++
				}
				if got := len(l.outboxes[slot]) == 1; got != matches {
					t.Fatalf("push to %s of %s: %+v at slot %v got it: %v", n, a, c, slot, got)
				}
			}
			if len(l.outboxes) != want || tally.Matched != want || h.Connections() != len(model) {
				t.Fatalf("%d outboxes, tally %+v, %d connections; want %d matches of %d",
					len(l.outboxes), tally, h.Connections(), want, len(model))
			}
		}
	}
}

// TestDrain closes in batches, all within the time that it was given.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, loops := newHub(2)
		p := newProtocol("plain")
		for i := range 2000 {
			loops[i%2].open(page(p, "a", "home"))
		}
		begun := time.Now()
		if err := h.Drain(t.Context(), 2*time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took < time.Second || took > 2*time.Second {
			t.Errorf("2,000 pages within 2 s: took %v", took)
		}
		if len(loops[0].closed)+len(loops[1].closed) != 2000 || h.Connections() != 0 {
			t.Errorf("closed %d and %d, %d connections left", len(loops[0].closed), len(loops[1].closed), h.Connections())
		}
		for _, code := range loops[0].closed {
			if code != scenecast.CloseShuttingDown {
				t.Fatalf("closed with %d", code)
			}
		}
	})
}

func TestDrainCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, loops := newHub(1)
		for range 1000 {
			loops[0].open(page(newProtocol("plain"), "a", "home"))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		if err := h.Drain(ctx, time.Minute); err == nil || h.Connections() == 0 {
			t.Errorf("error %v, %d connections left; want an error and some", err, h.Connections())
		}
	})
}

// TestMemberIsSmall: there are as many as pages.
func TestMemberIsSmall(t *testing.T) {
	if hub.MemberBytes > 24 {
		t.Errorf("a member takes %d bytes, want 24", hub.MemberBytes)
	}
}

// TestDeliveryAllocates the same for ten pages and for ten thousand: nothing per page.
func TestDeliveryAllocates(t *testing.T) {
	var allocated []float64
	for _, pages := range []int{10, 10_000} {
		h := newBenchHub()
		l := &sinkLoop{}
		l.shard = h.AddShard(l)
		p := newProtocol("plain")
		for range pages {
			l.open(page(p, "a", "home"))
		}
		push := &scenecast.Push{App: "a", To: mustParse(t, `page == "home"`), Message: scenecast.Message{Data: []byte("1")}}
		var tally scenecast.Tally
		allocated = append(allocated, testing.AllocsPerRun(100, func() {
			h.Deliver(push, func(t scenecast.Tally, _ bool) { tally = t })
		}))
		if tally.Queued != pages {
			t.Errorf("tally %+v, want %d queued", tally, pages)
		}
	}
	if allocated[0] != allocated[1] {
		t.Errorf("a push allocates %.0f times for 10 pages, and %.0f times for 10,000", allocated[0], allocated[1])
	}
}
