package presence

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
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

var modelKeys = []Key{
	{Name: "order", Show: []string{"name"}, Linger: 3 * time.Second, MaxMembers: 4},
	{Name: "room", Linger: 0, MaxMembers: 1000},
}

// modelPage is a page: what it is, which its loop knows at once, and what it knows by what it was told.
type modelPage struct {
	t        *testing.T
	id       scenecast.ConnID
	index    int
	labels   label.Set
	watching map[string]bool // keys, as by scenecast.LabelWatching
	sees     map[SceneID]*modelView
	moved    bool
}

// modelView is a scene as a client of docs/protocol.md builds it.
type modelView struct {
	members          map[string]string // what each shows, by user
	count, anonymous int
	partial          bool
}

func (p *modelPage) relabel(key string, values ...string) {
	before := p.labels
	p.labels = p.labels.With(key, values...)
	for _, k := range modelKeys {
		if !before.Of(k.Name).Equal(p.labels.Of(k.Name)) || before.Contains(scenecast.LabelWatch, k.Name) != p.labels.Contains(scenecast.LabelWatch, k.Name) {
			delete(p.watching, k.Name)
			p.moved = true
		}
	}
}

// take is what the page's loop does with a notice for its scene.
func (p *modelPage) take(n Notice) {
	if !p.watching[n.Key] || !p.labels.Contains(n.Key, n.Value) {
		return
	}
	p.apply(n)
}

func (p *modelPage) apply(n Notice) {
	v := p.sees[n.Scene]
	if v == nil && n.Kind != scenecast.PresenceSnapshot {
		p.t.Errorf("page %v was told %+v before its snapshot", p.id, n)
		return
	}
	switch n.Kind {
	case scenecast.PresenceSnapshot:
		v = &modelView{members: make(map[string]string), count: n.Count, anonymous: n.Anonymous, partial: n.Partial}
		p.sees[n.Scene] = v
		for _, m := range n.Members {
			v.members[m.User] = text(m.Labels)
		}
	case scenecast.PresenceCount:
		v.count, v.anonymous = n.Count, n.Anonymous
	default:
		if v.partial {
			p.t.Errorf("page %v was told %+v of a large scene", p.id, n)
		}
		for _, m := range n.Members {
			_, there := v.members[m.User]
			if there == (n.Kind == scenecast.PresenceJoined) {
				p.t.Errorf("page %v was told %+v, and knows %v", p.id, n, v.members)
			}
			if n.Kind == scenecast.PresenceLeft {
				delete(v.members, m.User)
			} else {
				v.members[m.User] = text(m.Labels)
			}
		}
		v.count = len(v.members)
	}
}

// tell is what a page's loop does with a Watch: the snapshots are made now, and the page is told when its loop comes to it.
func (n *modelNode) tell(w Watch) {
	page := n.pages[w.ID]
	var snapshots []Notice
	for _, id := range w.Scenes {
		snapshots = append(snapshots, n.state.Snapshot(id))
	}
	n.post(func() {
		if page == nil {
			return
		}
		delete(page.watching, w.Key)
		for _, value := range w.Ended {
			delete(page.sees, SceneID{"shop", w.Key, value})
		}
		if !slices.Equal(page.labels.Values(w.Key), w.Values) || !page.labels.Contains(scenecast.LabelWatch, w.Key) {
			return
		}
		for _, n := range snapshots {
			page.apply(n)
		}
		page.watching[w.Key] = true
	})
}

func text(s label.Set) string {
	b, _ := s.MarshalJSON()
	return string(b)
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
}

type modelMessage struct {
	due time.Time
	m   Message
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
	calm   bool // no node dies, nothing is cut or lost, and all is told in less time than events take to settle
	events []Event
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		t: t, r: rand.New(rand.NewPCG(seed, 1)), now: time.UnixMilli(1_800_000_000_000),
		heard: make(map[[2]scenecast.NodeID]time.Time),
	}
	m.calm = m.r.IntN(3) == 0
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
	n := &modelNode{id: m.last, pages: make(map[scenecast.ConnID]*modelPage), off: time.Duration(m.r.IntN(2000)) * time.Millisecond}
	n.state = NewState(n.id, false, func(string) []Key { return modelKeys })
	n.state.FollowEvents(func(string, EventKind) bool { return true })
	m.nodes = append(m.nodes, n)
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
	switch k := m.r.IntN(100); {
	case k < 35:
		m.join(n)
	case k < 60:
		if p := m.anyPage(n); p != nil {
			m.leave(n, p)
		}
	case k < 90:
		if p := m.anyPage(n); p != nil {
			for range 1 + m.r.IntN(3) {
				m.change(p)
				if m.r.IntN(2) == 0 {
					m.handOver(n, p)
				}
			}
			m.handOver(n, p)
		}
	case m.calm || len(m.nodes) == 1:
	case k < 93:
		n.side = m.r.IntN(2)
	case k < 97:
		for _, other := range m.nodes {
			other.side = 0
		}
	case k < 98: // it dies, and another one starts
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
		watching: make(map[string]bool), sees: make(map[SceneID]*modelView),
	}
}

func (m *model) join(n *modelNode) {
	p := m.newPage(n)
	if m.r.IntN(4) > 0 {
		p.labels = p.labels.With(scenecast.LabelUser, fmt.Sprint("u", m.r.IntN(8)))
	}
	n.pages[p.id] = p
	m.change(p)
	m.change(p)
	m.handOver(n, p)
}

func (m *model) change(p *modelPage) {
	order := func() string { return fmt.Sprint(m.r.IntN(3)) }
	switch m.r.IntN(8) {
	case 0, 1:
		p.relabel("order", order())
	case 2:
		p.relabel("order", order(), order())
	case 3:
		p.relabel("order")
	case 4:
		p.relabel("room", order())
	case 5:
		p.relabel("name", fmt.Sprint("n", m.r.IntN(3)))
	case 6:
		p.relabel(scenecast.LabelWatch, "order")
	case 7:
		p.relabel(scenecast.LabelWatch, "room", "order")
	}
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
	}
}

// batch is what the goroutine of a node does.
func (m *model) batch(n *modelNode) {
	now := m.now.Add(n.off)
	var alive []scenecast.NodeID
	for _, other := range m.nodes {
		if other != n && other.side == n.side {
			m.heard[[2]scenecast.NodeID{n.id, other.id}] = m.now
		}
	}
	for pair, at := range m.heard {
		if pair[0] == n.id && m.now.Sub(at) < 3500*time.Millisecond {
			alive = append(alive, pair[1])
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
	m.events = append(m.events, events...)
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

// expected is who is in which scene, by the pages that there are.
func (m *model) expected() (members map[SceneID]map[string]int, anonymous map[SceneID]int) {
	members, anonymous = make(map[SceneID]map[string]int), make(map[SceneID]int)
	for _, n := range m.nodes {
		for _, p := range n.pages {
			for _, k := range modelKeys {
				for _, value := range p.labels.Values(k.Name) {
					id := SceneID{"shop", k.Name, value}
					if members[id] == nil {
						members[id] = make(map[string]int)
					}
					if user := p.labels.Values(scenecast.LabelUser); user != nil {
						members[id][user[0]]++
					} else {
						anonymous[id]++
					}
				}
			}
		}
	}
	return members, anonymous
}

func (m *model) check() {
	members, anonymous := m.expected()
	shows := make(map[SceneID]map[string]Member)
	for i, n := range m.nodes {
		values := make(map[SceneID]bool)
		for _, k := range modelKeys {
			scenes, total := n.state.Values("shop", k.Name, "", 1000)
			if total != len(scenes) {
				m.t.Errorf("node %d: %d scenes, and tells %d", n.id, total, len(scenes))
			}
			for _, s := range scenes {
				values[SceneID{"shop", k.Name, s.Value}] = true
			}
		}
		for id, want := range members {
			got, scene := n.state.Members(id, "", 1000)
			counts := make(map[string]int)
			for _, g := range got {
				counts[g.User] = g.Connections
			}
			if !maps.Equal(counts, want) || scene.Anonymous != anonymous[id] || scene.Members != len(want) {
				m.t.Errorf("node %d, scene %v: %v and %+v, want %v and %d", n.id, id, counts, scene, want, anonymous[id])
			}
			if !values[id] {
				m.t.Errorf("node %d does not tell of scene %v", n.id, id)
			}
			delete(values, id)
			for _, g := range got {
				if i == 0 {
					if shows[id] == nil {
						shows[id] = make(map[string]Member)
					}
					shows[id][g.User] = g
				} else if first := shows[id][g.User]; !first.Shows.Equal(g.Shows) || !first.Since.Equal(g.Since) {
					m.t.Errorf("node %d, scene %v: %+v, and node %d has %+v", n.id, id, g, m.nodes[0].id, first)
				}
			}
		}
		if len(values) > 0 {
			m.t.Errorf("node %d has scenes without pages: %v", n.id, values)
		}
		if got, want := len(n.state.allScenes(m.t)), len(members); got > want {
			m.t.Errorf("node %d keeps %d scenes, and there are %d", n.id, got, want)
		}
		for _, p := range n.pages {
			m.checkPage(p, members, anonymous, shows)
		}
	}
	m.checkShows(shows)
	m.checkEvents(members)
}

// checkPage holds what a page knows against what there is.
func (m *model) checkPage(p *modelPage, members map[SceneID]map[string]int, anonymous map[SceneID]int, shows map[SceneID]map[string]Member) {
	want := make(map[SceneID]bool)
	for _, key := range p.labels.Values(scenecast.LabelWatch) {
		for _, value := range p.labels.Values(key) {
			want[SceneID{"shop", key, value}] = true
		}
	}
	for id := range p.sees {
		if !want[id] {
			m.t.Errorf("page %v sees %v, and is %s", p.id, id, text(p.labels))
		}
	}
	for id := range want {
		v := p.sees[id]
		if v == nil {
			m.t.Errorf("page %v does not see %v", p.id, id)
			continue
		}
		if v.count != len(members[id]) || v.anonymous != anonymous[id] {
			m.t.Errorf("page %v sees %+v in %v, want %v and %d", p.id, v, id, members[id], anonymous[id])
		}
		for user, shown := range v.members {
			if !v.partial && shown != text(shows[id][user].Shows) {
				m.t.Errorf("page %v sees that %s shows %s in %v, want %s", p.id, user, shown, id, text(shows[id][user].Shows))
			}
		}
	}
}

// checkShows: what a member shows is what one of its connections has.
func (m *model) checkShows(shows map[SceneID]map[string]Member) {
	for id, users := range shows {
		for user, member := range users {
			found := false
			for _, n := range m.nodes {
				for _, p := range n.pages {
					if p.labels.Contains(scenecast.LabelUser, user) && p.labels.Contains(id.Key, id.Value) {
						found = found || id.Key == "room" && member.Shows.Len() == 0 || member.Shows.Equal(p.labels.Of("name"))
					}
				}
			}
			if !found {
				m.t.Errorf("%s shows %s in %v, and no page of its does", user, text(member.Shows), id)
			}
		}
	}
}

// checkEvents: where nothing is cut or lost, each member comes and goes in turn, and is there at the end if it has come last. Of a key without
// linger two nodes may tell out of turn: the end of one presence, and the beginning of the next within a message's time.
func (m *model) checkEvents(members map[SceneID]map[string]int) {
	if !m.calm {
		return
	}
	seen, there := make(map[string]bool), make(map[string]bool)
	for _, e := range m.events {
		if seen[e.ID] || e.Scene.Key != "order" {
			continue
		}
		seen[e.ID] = true
		who := fmt.Sprint(e.Scene, " ", e.User)
		if came := e.Kind == Joined || e.Kind == Occupied; there[who] == came {
			m.t.Errorf("%s: %s, and it was told before", who, e.Kind)
		} else {
			there[who] = came
		}
	}
	for id, users := range members {
		if id.Key != "order" {
			continue
		}
		for user := range maps.Keys(users) {
			if who := fmt.Sprint(id, " ", user); !there[who] {
				m.t.Errorf("%s is there, and no event says so", who)
			}
		}
		if who := fmt.Sprint(id, " "); !there[who] {
			m.t.Errorf("%s is occupied, and no event says so", who)
		}
	}
	for who, is := range there {
		id, user, _ := strings.Cut(who, "} ")
		found := false
		for scene, users := range members {
			if fmt.Sprint(scene) == id+"}" {
				_, found = users[user]
				found = found || user == ""
			}
		}
		if is && !found {
			m.t.Errorf("%s is not there, and the last event says that it is", who)
		}
	}
}
