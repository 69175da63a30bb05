package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scenecast"
	"scenecast/audience"
)

// check compares what was told with what nodes got.
func (m *model) check() {
	for i, s := range m.sinks {
		m.checkNode(fmt.Sprint("node ", i), s)
	}
	for i, s := range m.dead {
		m.checkNode(fmt.Sprint("dead node ", i), s)
	}
	for _, o := range m.outcomes {
		m.checkOutcome(o)
	}
	happened := m.happened()
	m.checkHappened(happened)
	for _, a := range m.askings {
		m.checkAsking(a)
	}
	if m.lost == 0 { // otherwise what one node has got of a lost tail stands elsewhere in the others' order
		want := strings.Join(m.sinks[0].delivered(), " ")
		for i, s := range m.sinks {
			if got := strings.Join(s.delivered(), " "); got != want {
				m.errorf("node %d got %q, and node 0 %q", i, got, want)
			}
		}
		for i, s := range m.dead {
			if got := strings.Join(s.delivered(), " "); !strings.HasPrefix(want, got) {
				m.errorf("dead node %d got %q, and node 0 %q", i, got, want)
			}
		}
	}
	m.checkPages(happened)
	for _, p := range m.pages {
		m.checkRoamer(p, happened)
	}
}

// checkRoamer: a page that has changed nodes while all this went on has shown nothing twice, and, unless it was told of a gap, everything. What
// is tried again with a key is the same push, within the window of keys.
func (m *model) checkRoamer(p *roamer, happened []*scenecast.Push) {
	ids, keys := make(map[string]shown), make(map[string]shown)
	gaps := 0
	for _, s := range p.shown {
		if s.ID == "" {
			gaps++
			continue
		}
		if before, twice := ids[s.ID]; twice {
			m.errorf("%s has shown %v, and %v", p.name, before, s)
		}
		ids[s.ID] = s
		if s.Key == "" {
			continue
		}
		if before, twice := keys[s.Key]; twice && s.At.Sub(before.At) < m.plan.window && !m.isGone(before.ID) {
			m.errorf("%s has shown %v, and %v", p.name, before, s)
		}
		keys[s.Key] = s
	}
	if gaps > 0 && m.lost == 0 {
		m.errorf("%s is told of %d gaps", p.name, gaps)
	}
	for _, push := range happened {
		_, has := ids[push.ID]
		if _, hasKey := keys[push.IdempotencyKey]; !has && !hasKey && gaps == 0 {
			m.errorf("%s has not shown %s, and is told of no gap", p.name, push.ID)
		}
	}
}

// isGone reports whether the log has lost a push for good, as all nodes that had read it are dead.
func (m *model) isGone(id string) bool {
	if m.killed == 0 || slices.ContainsFunc(m.sinks, func(s *sink) bool { return s.has(id, "") }) {
		return false
	}
	for _, entry := range m.log.entries {
		if r, err := decodeRecord(entry.record, audience.Parse); entry.epoch == 0 && err == nil &&
			slices.ContainsFunc(r.pushes, func(p *scenecast.Push) bool { return p.ID == id }) {
			return false
		}
	}
	return true
}

// checkNode: a node gets each push once, in the order of positions, and of those with one key only such as lie a window apart.
func (m *model) checkNode(name string, s *sink) {
	ids, keys := make(map[string]bool), make(map[string]*scenecast.Push)
	last := uint64(0)
	for _, p := range s.pushes() {
		if ids[p.ID] {
			m.errorf("%s got %s twice", name, p.ID)
		}
		if p.Position.Seq <= last {
			m.errorf("%s got %v behind %d", name, p.Position, last)
		}
		ids[p.ID], last = true, p.Position.Seq
		if p.IdempotencyKey == "" {
			continue
		}
		if before := keys[p.IdempotencyKey]; before != nil && p.At.Sub(before.At) < m.plan.window {
			m.errorf("%s got %s and, %v later, %s, which have the key %s", name, before.ID, p.At.Sub(before.At), p.ID, p.IdempotencyKey)
		}
		keys[p.IdempotencyKey] = p
	}
}

// has reports whether a node got a push, or where that may be so, one with its key.
func (s *sink) has(id, key string) bool {
	for _, p := range s.pushes() {
		if p.ID == id || key != "" && p.IdempotencyKey == key {
			return true
		}
	}
	return false
}

// happened are the pushes that the log has: of records with one origin and number the first, and of pushes with one key the first within a
// window.
func (m *model) happened() (pushes []*scenecast.Push) {
	type name struct {
		origin scenecast.NodeID
		number uint64
	}
	records, keys := make(map[name]bool), make(map[string]*scenecast.Push)
	for _, entry := range m.log.entries {
		if entry.epoch != 0 {
			continue
		}
		r, err := decodeRecord(entry.record, audience.Parse)
		if err != nil {
			m.errorf("the log has a record that cannot be read: %v", err)
		}
		if records[name{r.origin, r.number}] {
			continue
		}
		records[name{r.origin, r.number}] = true
		for _, p := range r.pushes {
			if key := p.IdempotencyKey; key != "" {
				if before := keys[key]; before != nil && p.At.Sub(before.At) < m.plan.window {
					continue
				}
				keys[key] = p
			}
			pushes = append(pushes, p)
		}
	}
	return pushes
}

// checkHappened: a node has what the log has, or, where it had read a lost tail, something with the same key.
func (m *model) checkHappened(pushes []*scenecast.Push) {
	for i, s := range m.sinks {
		if got := len(s.pushes()); m.lost == 0 && got != len(pushes) {
			m.errorf("node %d got %d pushes, and the log has %d", i, got, len(pushes))
		}
		for _, p := range pushes {
			key := ""
			if m.lost > 0 {
				key = p.IdempotencyKey
			}
			if !s.has(p.ID, key) {
				m.errorf("the log has %s, and node %d did not get it", p.ID, i)
			}
		}
	}
}

func (m *model) checkOutcome(o outcome) {
	key := ""
	if m.lost > 0 { // a node that has read the lost tail had the key taken by another push, of the same words
		key = o.key
	}
	// A retry may find its first attempt lost with a tail, and only its origin knows whether it will be appended again.
	if m.plan.calm && o.err != nil && (m.lost == 0 || o.key == "") {
		m.errorf("%s: %v, and nothing was in the way", o.id, o.err)
	}
	switch {
	case o.err == nil:
		for i, s := range m.sinks {
			if !s.has(o.got.ID, key) {
				m.errorf("%s was acknowledged as %s at %v, and node %d did not get it", o.id, o.got.ID, o.got.Position, i)
			}
		}
		tally := o.got.Tally
		// Of a push that another node took, nobody may be able to tell just now.
		if tally.Nodes < 1 && !o.got.Replayed || o.got.Known < tally.Nodes || tally.Nodes > m.started || o.got.Replayed != (o.got.ID != o.id || o.got.Replayed) {
			m.errorf("%s: %d of %d nodes, %d were ever started, replayed %v", o.id, tally.Nodes, o.got.Known, m.started, o.got.Replayed)
		}
		if tally.Matched != tally.Nodes || m.plan.calm && tally.Written > tally.Nodes || o.receipt == scenecast.ReceiptQueued && o.key == "" && tally.Written != 0 {
			m.errorf("%s: %+v", o.id, tally)
		}
		if m.plan.calm && m.lost == 0 && m.killed == 0 && !o.got.Replayed && o.receipt == scenecast.ReceiptWritten && tally.Written != tally.Nodes {
			m.errorf("%s: written %d of %d, and no message was lost", o.id, tally.Written, tally.Nodes)
		}
	case errors.Is(o.err, scenecast.ErrUnavailable):
		for _, s := range append(m.sinks, m.dead...) {
			if s.has(o.id, "") {
				m.errorf("%s was refused, and a node got it", o.id)
			}
		}
	case errors.Is(o.err, scenecast.ErrUncertain), errors.Is(o.err, scenecast.ErrClosed) && m.killed > 0:
	default:
		m.errorf("%s: %v", o.id, o.err)
	}
	if bound := 1500*time.Millisecond + 3500*time.Millisecond + time.Second + 500*time.Millisecond; o.took > bound {
		m.errorf("%s was answered after %v: %+v, %v", o.id, o.took, o.got, o.err)
	}
}

// checkAsking: each node does what was asked at most once, and nobody after the asker was told.
func (m *model) checkAsking(a asking) {
	done := 0
	for _, s := range append(m.sinks, m.dead...) {
		here := 0
		for _, q := range s.asked() {
			if q.query.Disconnect.Ending.Detail != a.id {
				continue
			}
			here++
			if late := q.at.Sub(a.begun); late > 2*500*time.Millisecond {
				m.errorf("%s was done %v after it was asked", a.id, late)
			}
		}
		if here > 1 {
			m.errorf("%s was done %d times at one node", a.id, here)
		}
		done += here
	}
	switch {
	case a.err == nil:
		if n := a.reply.Tally.Nodes; n < 1 || n > a.reply.Known || a.reply.Known > a.started || n > done {
			m.errorf("%s: %d of %d nodes; %d have done it, and %d were ever started", a.id, n, a.reply.Known, done, a.started)
		}
	case errors.Is(a.err, scenecast.ErrUnavailable), errors.Is(a.err, scenecast.ErrClosed) && m.killed > 0:
	default:
		m.errorf("%s: %v", a.id, a.err)
	}
}

// checkPages moves pages from each node, where they stand at one push after the other, to each other node, also to one that was
// started later: with what they have got, they have everything once, or are told of a gap.
func (m *model) checkPages(happened []*scenecast.Push) {
	for from, s := range append(m.sinks, m.dead...) {
		pushes := s.pushes()
		for to, e := range m.engines {
			for i := range pushes {
				m.checkPage(fmt.Sprintf("a page that stood at node %d at %v and comes to node %d", from, pushes[i].Position, to), pushes[:i+1], e, m.sinks[to], happened)
			}
		}
	}
}

func (m *model) checkPage(name string, got []*scenecast.Push, e *Engine, s *sink, happened []*scenecast.Push) {
	counts := make(map[string]int) // by ID, or key
	count := func(p *scenecast.Push) {
		counts[p.ID]++
		if key := p.IdempotencyKey; key != "" {
			counts[key]++
		}
	}
	for _, p := range got {
		count(p)
	}
	at := got[len(got)-1].Position
	for {
		pushes, err := e.After(context.Background(), at, 50)
		var gap *scenecast.GapError
		if errors.As(err, &gap) {
			if m.lost == 0 {
				m.errorf("%s is told %v", name, gap)
			}
			return
		}
		if err != nil {
			m.errorf("%s: %v", name, err)
		}
		if len(pushes) == 0 {
			break
		}
		for _, p := range pushes {
			count(p)
			at = p.Position
		}
	}
	for _, p := range s.pushes() {
		if n := counts[p.ID]; n > 1 {
			m.errorf("%s has %s %d times", name, p.ID, n)
			return
		}
	}
	for _, p := range happened {
		if counts[p.ID] == 0 && (m.lost == 0 || counts[p.IdempotencyKey] == 0) {
			m.errorf("%s has not got %s, which the log has, and is told of no gap", name, p.ID)
			return
		}
	}
}
