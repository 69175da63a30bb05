package presence

import (
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"scenecast"
	"scenecast/presence/presencemodel"
)

var (
	seeds = flag.Int("seeds", 150, "how many runs of the model test")
	seed  = flag.Uint64("seed", 0, "the first of them")
)

// TestModel has pages join, move, watch and leave on nodes that die, start, and are cut off from each other. Whenever a page is told
// something, it must fit what the page knows; and when all is quiet, every node, every page and the events must agree with the pages that
// there are. -seed N -seeds 1 runs one again.
func TestModel(t *testing.T) {
	for n := *seed; n < *seed+uint64(*seeds); n++ {
		m := newModel(t, n)
		m.run()
		if t.Failed() {
			t.Fatalf("seed %d", n)
		}
	}
}

// TestSharedWhileItEnds is a run in which a node shares a presence before it hears of its end, while the node that has ended it begins another.
func TestSharedWhileItEnds(t *testing.T) { newModel(t, 103932).run() }

var modelKeys = []Key{
	{Name: "order", Show: []string{"name"}, Linger: 3 * time.Second, MaxMembers: 4},
	{Name: "room", Linger: 0, MaxMembers: 1000},
}

// modelNode is a node, with what is on its way to it.
type modelNode struct {
	id    scenecast.NodeID
	state *State
	pages map[scenecast.ConnID]*modelPage
	inbox []modelMessage
	ops   []func(now time.Time) // what the loops have handed over
	loop  []func()              // what the loops have to do
	side  int                   // of the cut; nodes on different sides do not hear each other
	off   time.Duration         // its clock

	started time.Time
	told    []toldEvent // events that wait for the backend
}

type modelMessage struct {
	due time.Time
	m   Message
}

type toldEvent struct {
	Event
	at time.Time
	by scenecast.NodeID
}

func (n *modelNode) post(task func()) { n.loop = append(n.loop, task) }

type model struct {
	t      *testing.T
	r      *rand.Rand
	now    time.Time
	nodes  []*modelNode
	heard  map[[2]scenecast.NodeID]time.Time // when one node was last heard by another
	last   scenecast.NodeID
	conns  uint64
	loss   int  // percent
	calm   bool // nothing is cut or lost, and all is told in less time than events take to settle
	deadly bool // nodes die; where it is calm, one after the other, so that always some know what those that have died have known
	died   time.Time
	starts map[scenecast.NodeID]time.Time
	events []toldEvent // that the backend was told, in this order
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		t: t, r: rand.New(rand.NewPCG(seed, 1)), now: time.UnixMilli(1_800_000_000_000),
		heard: make(map[[2]scenecast.NodeID]time.Time),
	}
	m.calm = m.r.IntN(3) == 0
	m.deadly = m.r.IntN(2) == 0
	if !m.calm {
		m.loss = m.r.IntN(20)
	}
	for range 1 + 2*min(1, m.r.IntN(5)) { // one node, or three
		m.start()
	}
	return m
}

func (m *model) start() {
	m.last++
	n := &modelNode{id: m.last, pages: make(map[scenecast.ConnID]*modelPage), off: time.Duration(m.r.IntN(2000)) * time.Millisecond, started: m.now}
	n.state = NewState(n.id, false, func(string) []Key { return modelKeys })
	n.state.FollowEvents(func(string, EventKind) bool { return true })
	m.nodes = append(m.nodes, n)
	if m.starts == nil {
		m.starts = make(map[scenecast.NodeID]time.Time)
	}
	m.starts[n.id] = n.started.Add(n.off)
}

// tellBackend has the backend be told what waits at a node: soon, and after a second at the latest.
func (m *model) tellBackend(n *modelNode) {
	for len(n.told) > 0 && (m.r.IntN(3) == 0 || m.now.Sub(n.told[0].at) >= time.Second) {
		m.events = append(m.events, n.told[0])
		n.told = n.told[1:]
	}
}

// run does things at random, and then waits until all is quiet.
func (m *model) run() {
	for range 400 {
		m.act()
		for range m.r.IntN(4) {
			m.advance(time.Duration(m.r.IntN(60)) * time.Millisecond)
		}
		if m.r.IntN(40) == 0 {
			for range m.r.IntN(100) { // long enough that members leave, and nodes are forgotten
				m.advance(100 * time.Millisecond)
			}
		}
	}
	for _, n := range m.nodes {
		n.side = 0
	}
	m.loss = 0
	for range 130 {
		m.advance(100 * time.Millisecond)
	}
	m.check()
}

func (m *model) act() {
	n := m.nodes[m.r.IntN(len(m.nodes))]
	if m.calm && len(m.nodes) > 1 && m.now.Sub(n.started) < time.Second {
		return // until then it may not have heard of the others' members and clocks
	}
	action := presencemodel.NextAction(m.r)
	switch action {
	case presencemodel.Join:
		m.join(n)
		return
	case presencemodel.Leave:
		if p := m.anyPage(n); p != nil {
			m.leave(n, p)
		}
		return
	case presencemodel.Change:
		if p := m.anyPage(n); p != nil {
			for range 1 + m.r.IntN(3) {
				p.relabel(presencemodel.NewChange(m.r))
				if m.r.IntN(2) == 0 {
					m.handOver(n, p)
				}
			}
			m.handOver(n, p)
		}
		return
	}
	if len(m.nodes) == 1 {
		return
	}
	switch action {
	case presencemodel.Cut:
		if !m.calm {
			n.side = m.r.IntN(2)
		}
	case presencemodel.Heal:
		for _, other := range m.nodes {
			other.side = 0
		}
	case presencemodel.Die:
		if !m.deadly || m.calm && m.now.Sub(m.died) < 20*time.Second {
			return
		}
		m.died = m.now
		m.nodes = slices.DeleteFunc(m.nodes, func(other *modelNode) bool { return other == n })
		m.start()
	}
}

func (m *model) anyPage(n *modelNode) *modelPage {
	ids := slices.SortedFunc(maps.Keys(n.pages), scenecast.ConnID.Compare)
	if len(ids) == 0 {
		return nil
	}
	return n.pages[ids[m.r.IntN(len(ids))]]
}

// newPage is a page with an index that is free.
func (m *model) newPage(n *modelNode) *modelPage {
	m.conns++
	taken := make(map[int]bool)
	for _, p := range n.pages {
		taken[p.index] = true
	}
	index := 0
	for taken[index] {
		index++
	}
	return &modelPage{
		t: m.t, id: scenecast.ConnID{Node: n.id, Seq: m.conns}, index: index,
		watching: make(map[string]bool), sees: make(presencemodel.Views),
	}
}

func (m *model) join(n *modelNode) {
	p := m.newPage(n)
	p.labels = presencemodel.NewUser(m.r)
	n.pages[p.id] = p
	p.relabel(presencemodel.NewChange(m.r))
	p.relabel(presencemodel.NewChange(m.r))
	m.handOver(n, p)
}

// handOver hands over what the page is, to be noted later.
func (m *model) handOver(n *modelNode, p *modelPage) {
	c := Conn{ID: p.id, Index: p.index, App: "shop", Keys: modelKeys, Labels: p.labels, Trusted: p.labels.Of("name"), Moved: p.moved}
	p.moved = false
	n.ops = append(n.ops, func(now time.Time) { n.state.Update(now, c) })
}

func (m *model) leave(n *modelNode, p *modelPage) {
	delete(n.pages, p.id)
	n.ops = append(n.ops, func(now time.Time) { n.state.Gone(now, p.index) })
}

// advance lets time pass, and what is due happen.
func (m *model) advance(d time.Duration) {
	m.now = m.now.Add(d)
	for _, n := range m.nodes {
		for len(n.loop) > 0 && m.r.IntN(3) > 0 {
			n.loop[0]()
			n.loop = n.loop[1:]
		}
		if m.calm || m.r.IntN(2) == 0 {
			m.batch(n)
		}
		m.tellBackend(n)
	}
}

// batch is what the goroutine of a node does.
func (m *model) batch(n *modelNode) {
	now := m.now.Add(n.off)
	alive := []Node{{n.id, m.starts[n.id]}}
	for _, other := range m.nodes {
		if other != n && other.side == n.side {
			m.heard[[2]scenecast.NodeID{n.id, other.id}] = m.now
		}
	}
	for pair, at := range m.heard {
		if pair[0] == n.id && m.now.Sub(at) < 3500*time.Millisecond {
			alive = append(alive, Node{pair[1], m.starts[pair[1]]})
		}
	}
	n.state.SetNodes(now, alive)
	for _, op := range n.ops {
		op(now)
	}
	n.ops = nil
	for len(n.inbox) > 0 && !n.inbox[0].due.After(m.now) {
		n.state.Receive(now, n.inbox[0].m)
		n.inbox = n.inbox[1:]
	}
	n.state.Expire(now)
	n.state.TakeNotices(now, func(notice Notice) {
		n.post(func() {
			for _, p := range n.pages {
				p.take(notice)
			}
		})
	})
	for _, w := range n.state.TakeWatches() {
		n.tell(w)
	}
	events, _ := n.state.TakeEvents(now)
	for _, e := range events {
		n.told = append(n.told, toldEvent{e, m.now, n.id})
	}
	for _, message := range n.state.Messages(now) {
		message = m.carry(message)
		for _, other := range m.nodes {
			if other == n || other.side != n.side || m.r.IntN(100) < m.loss {
				continue
			}
			due := m.now.Add(time.Duration(m.r.IntN(30)) * time.Millisecond)
			if k := len(other.inbox); k > 0 && other.inbox[k-1].due.After(due) {
				due = other.inbox[k-1].due
			}
			other.inbox = append(other.inbox, modelMessage{due, message})
		}
	}
	n.state.checkConsistency(m.t)
}

// carry is what comes of a message on the wire.
func (m *model) carry(message Message) (carried Message) {
	b, err := json.Marshal(message)
	if err == nil {
		err = json.Unmarshal(b, &carried)
	}
	if err != nil {
		m.t.Error(err)
	}
	return carried
}
