package hub_test

import (
	"context"
	"testing"

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

func (p *protocol) Name() string { return p.name }

func (p *protocol) Traits() scenecast.Traits { return scenecast.Traits{} }

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
