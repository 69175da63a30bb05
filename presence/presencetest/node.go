package presencetest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/presence"
	"scenecast/presence/presencemodel"
)

const app = "shop"

var keys = []presence.Key{
	{Name: presencemodel.Order, Show: []string{presencemodel.Name}, Linger: 300 * time.Millisecond, MaxMembers: 4},
	{Name: presencemodel.Room, MaxMembers: 1000},
}

// node is an engine with a hub of two loops and presence, as server has them.
type node struct {
	*hub.Hub
	id       scenecast.NodeID
	engine   scenecast.Engine
	presence *presence.Service
	loops    []*loop
	pages    []*page
	opened   uint32
	cut      bool // off from the others
	dead     bool
}

var _ scenecast.Node = (*node)(nil)

func newNode(id scenecast.NodeID, engine scenecast.Engine) *node {
	n := &node{id: id, engine: engine}
	quiet := slog.New(slog.DiscardHandler)
	o := presence.Options{
		Node: id, Keys: func(string) []presence.Key { return keys }, Hub: func() presence.Hub { return n.Hub }, Nodes: n.known, Logger: quiet,
	}
	if b, ok := engine.(scenecast.Broadcaster); ok {
		o.Broadcast = b.Broadcast
	}
	n.presence = presence.NewService(o)
	n.Hub = hub.New(hub.Options{
		Node: id, Limits: label.DefaultLimits, Log: engine, Broadcast: o.Broadcast, Observers: []hub.Observer{n.presence}, Logger: quiet,
	})
	for range 2 {
		n.loops = append(n.loops, newLoop(n.Hub))
	}
	return n
}

// known are the nodes that the engine knows.
func (n *node) known() (nodes []presence.Node) {
	if lister, ok := n.engine.(scenecast.NodeLister); ok {
		for _, other := range lister.Nodes().Nodes {
			nodes = append(nodes, presence.Node{ID: other.ID, Started: other.Started})
		}
	}
	return nodes
}

func (n *node) start(ctx context.Context) error {
	for _, l := range n.loops {
		l.start()
	}
	if err := n.engine.Start(ctx, n); err != nil {
		return err
	}
	n.presence.Start()
	return nil
}

// stop stops everything but the engine.
func (n *node) stop() {
	n.presence.Close()
	for _, l := range n.loops {
		l.stop()
	}
	n.Hub.Close()
}

// Received implements scenecast.Node.
func (n *node) Received(message []byte) {
	if presence.IsMessage(message) {
		n.presence.Received(message)
	} else {
		n.Hub.Received(message)
	}
}

// join has a page come with these labels.
func (n *node) join(id string, labels label.Set) {
	l := n.loops[int(n.opened)%len(n.loops)]
	p := &page{id: id, loop: l, slot: scenecast.Slot{Index: n.freeSlot(l), Generation: n.opened}, labels: labels, views: make(presencemodel.Views)}
	n.opened++
	n.pages = append(n.pages, p)
	a := scenecast.Admission{
		App:      app,
		Labels:   labels.Filter(func(l label.Label) bool { return l.Key == presencemodel.Order || l.Key == presencemodel.Room }),
		Trusted:  labels.Filter(func(l label.Label) bool { return l.Key == presencemodel.Name || l.Key == scenecast.LabelUser }),
		PageID:   id,
		Watch:    labels.Values(scenecast.LabelWatch),
		Protocol: wire{},
	}
	l.Post(func() {
		l.pages[p.slot.Index] = p
		l.shard.Opened(p.slot, a)
	})
}

// freeSlot is the smallest that no page of the loop has.
func (n *node) freeSlot(l *loop) (index uint32) {
	taken := make(map[uint32]bool)
	for _, p := range n.pages {
		taken[p.slot.Index] = taken[p.slot.Index] || p.loop == l
	}
	for taken[index] {
		index++
	}
	return index
}

func (n *node) leave(p *page) {
	p.loop.Post(func() {
		p.loop.shard.Closed(p.slot, scenecast.Ending{})
		delete(p.loop.pages, p.slot.Index)
	})
}

// change has a page change its labels, or the backend those that the page shows.
func (n *node) change(p *page, c label.Change) error {
	p.labels = p.labels.Apply(c)
	if _, shown := c[presencemodel.Name]; shown {
		return n.relabel(p, c)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	p.loop.Post(func() { p.loop.shard.Received(p.slot, scenecast.Inbound{Text: true, Data: data}) })
	return nil
}

// watches are the keys that the page watches.
func (p *page) watches() []string { return p.labels.Values(scenecast.LabelWatch) }

// relabel changes labels in the name of the backend, and waits.
func (n *node) relabel(p *page, c label.Change) error {
	to, err := audience.Parse(scenecast.LabelPage + ` == "` + p.id + `"`)
	if err != nil {
		return err
	}
	replied := make(chan scenecast.Reply, 1)
	n.Hub.Answer(scenecast.Query{App: app, To: to, Relabel: &scenecast.Relabel{Change: c}}, func(r scenecast.Reply) { replied <- r })
	if r := <-replied; r.Changed != 1 {
		return fmt.Errorf("page %s: the backend has changed the labels of %d", p.id, r.Changed)
	}
	return nil
}
