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
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
)

// loop is an owner without a goroutine: it runs tasks where they are posted, and keeps outboxes as lists.
type loop struct {
	shard    *hub.Shard
	outboxes map[scenecast.Slot][]string
	closed   map[scenecast.Slot]scenecast.CloseCode
	full     map[scenecast.Slot]bool
	next     uint32
	stopped  bool
	running  int // tasks and calls of the shard that are under way
	ended    []scenecast.Slot
}

func (l *loop) Post(task func()) bool {
	if l.stopped {
		return false
	}
	l.run(task)
	return true
}

// run runs a task, and behind it tells of the endings that have arisen.
func (l *loop) run(task func()) {
	l.running++
	task()
	for l.running == 1 && len(l.ended) > 0 {
		slot := l.ended[0]
		l.ended = l.ended[1:]
		l.shard.Closed(slot, scenecast.EndingBy(scenecast.CauseOutboxFull, ""))
	}
	l.running--
}

func (l *loop) PostBackground(task func() (more bool)) bool {
	return l.Post(func() {
		for task() {
		}
	})
}

func (l *loop) Lease(scenecast.Slot) scenecast.Lease { return 0 }

func (l *loop) SendShared(s scenecast.Slot, f *scenecast.Frame) bool { return l.Send(s, f.Data) }

func (l *loop) Send(s scenecast.Slot, frame []byte) bool {
	if l.full[s] { // as by the policy that closes slow pages
		l.ended = append(l.ended, s)
		return false
	}
	l.outboxes[s] = append(l.outboxes[s], string(frame))
	return true
}

func (l *loop) OnWritten(_ scenecast.Slot, task func()) { l.Post(task) }

func (l *loop) Close(s scenecast.Slot, e scenecast.Ending) { l.closed[s] = e.Code }

func (l *loop) open(a scenecast.Admission) scenecast.Slot {
	s := scenecast.Slot{Index: l.next}
	l.next++
	l.run(func() { l.shard.Opened(s, a) })
	return s
}

// protocol greets pages and counts how often it encodes.
type protocol struct {
	name    string
	encoded int
	ids     map[string]bool
}

func (p *protocol) Name() string                            { return p.name }
func (p *protocol) Traits() scenecast.Traits                { return scenecast.Traits{} }
func (p *protocol) Closed(scenecast.Conn, scenecast.Ending) {}
func (p *protocol) EncodePush(push *scenecast.Push, _ scenecast.Delivery) []byte {
	p.encoded++
	return []byte(p.name + " " + string(push.Message.Data))
}

func (p *protocol) Opened(c scenecast.Conn) {
	p.ids[c.ID().String()] = true
	c.Send([]byte("welcome"))
}

func (p *protocol) Received(c scenecast.Conn, m scenecast.Inbound) {
	switch string(m.Data) {
	case "labels":
		b, _ := c.Labels().MarshalJSON()
		c.Send(b)
	case "close":
		c.Close(scenecast.Ending{Code: scenecast.CloseNormal})
		if c.Labels().Len() > 0 {
			panic("a connection that has closed still has labels")
		}
	}
}

func newHub(shards int) (*hub.Hub, []*loop) {
	h := newBenchHub()
	var loops []*loop
	for range shards {
		l := &loop{
			outboxes: make(map[scenecast.Slot][]string),
			closed:   make(map[scenecast.Slot]scenecast.CloseCode),
			full:     make(map[scenecast.Slot]bool),
		}
		l.shard = h.AddShard(l)
		loops = append(loops, l)
	}
	return h, loops
}

func newProtocol(name string) *protocol { return &protocol{name: name, ids: make(map[string]bool)} }

func page(p *protocol, app, name string) scenecast.Admission {
	return scenecast.Admission{App: app, Labels: label.New(label.Label{Key: "page", Value: name}), Protocol: p}
}

func mustParse(t *testing.T, text string) audience.Expr {
	t.Helper()
	e, err := audience.Parse(text)
	if err != nil {
		t.Fatalf("audience %s: %v", text, err)
	}
	return e
}

// deliver publishes and returns the one report.
func deliver(t *testing.T, h *hub.Hub, app, to, message string) scenecast.Tally {
	t.Helper()
	var reports []scenecast.Tally
	h.Deliver(&scenecast.Push{App: app, To: mustParse(t, to), Message: scenecast.Message{Data: []byte(message)}},
		func(tally scenecast.Tally, _ bool) { reports = append(reports, tally) })
	if len(reports) != 1 {
		t.Fatalf("push to %s: %d reports, want 1", to, len(reports))
	}
	return reports[0]
}

// ask asks and returns the one report.
func ask(t *testing.T, h *hub.Hub, q scenecast.Query) scenecast.Reply {
	t.Helper()
	var reports []scenecast.Reply
	h.Answer(q, func(r scenecast.Reply) { reports = append(reports, r) })
	if len(reports) != 1 {
		t.Fatalf("query %+v: %d reports, want 1", q, len(reports))
	}
	return reports[0]
}

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

// counted numbers connections from 1.
func counted(count uint64) uint64 { return count }

func newBenchHub() *hub.Hub {
	return hub.New(hub.Options{Number: counted, Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}})
}

// emptyLog is the log of a hub that is told of pushes, but not by an engine.
type emptyLog struct{}

func (emptyLog) Newest() scenecast.Position { return scenecast.Position{} }

func (emptyLog) After(context.Context, scenecast.Position, int) ([]*scenecast.Push, error) {
	return nil, nil
}

func (emptyLog) Before(context.Context, scenecast.Position, int) ([]*scenecast.Push, error) {
	return nil, nil
}

func (emptyLog) Records(context.Context, []*scenecast.Push) ([]scenecast.Record, error) {
	return nil, nil
}

func (emptyLog) Lookup(context.Context, string, string, string) (scenecast.Record, bool, error) {
	return scenecast.Record{}, false, nil
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
