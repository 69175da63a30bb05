package hub

import (
	"slices"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub/receipt"
	"scenecast/hub/replay"
	"scenecast/hub/ttlstore"
	"scenecast/index"
	"scenecast/label"
	"scenecast/ratelimit"
)

// Shard is the part of the hub that lives on one loop. All its methods are called on the loop's owner goroutine. The loop tells of an
// ending by a call of its own, so no member leaves while the shard goes through some of them.
type Shard struct {
	hub         *Hub
	number      int // its index among the hub's
	loop        Loop
	members     members              // by slot index
	apps        map[string]*appIndex // by name; an app without connections has none
	classes     classes
	trusts      trusts
	tokens      tokens
	position    scenecast.Position         // of the last push
	epochBegan  time.Time                  // when the shard came to the epoch of position
	receipts    receipt.Pending            // what is not known yet of pushes whose publishers wait
	catchUps    map[uint32]*catchUp        // of the members that are catching up, by slot index
	ttlStores   map[string]*ttlstore.Store // by app; an app without pushes that last may have none
	turns       []func() (done bool)       // what waits for its turn; see inTurn
	pageKey     pageKey                    // scratch
	sceneCounts []*sceneCount              // that are under way, one after the other
	chosen      []uint32                   // scratch: what an audience has selected
	toldAcks    ratelimit.Bucket           // acknowledgements that other nodes are told of
	view        view                       // the connection that a protocol is being told of

	sweeping   bool                 // sweep comes again
	latePasses map[uint32]*latePass // by slot index
	readyLate  []*latePass          // those that can go on, in turn
	runsLate   bool                 // the loop runs them in the background

	moved movedPages // that another process has

	pageRates  []pageRate                   // by slot index, of pages that have talked while there is a limit
	publishers map[uint32]*ratelimit.Bucket // by slot index, of pages that publish

	traffic   []Traffic // by slot index; where the hub counts it
	delivered deliveryCounts
	lookup    lookup
}

// appIndex is an app's connections on this shard, which nothing that is done in another app can reach.
type appIndex struct {
	app   string
	index *index.Index // of their labels, by slot index
}

// Opened is for the loop (socket.Handler): the page joins, goes on where it was, and its protocol may greet it.
func (s *Shard) Opened(slot scenecast.Slot, a scenecast.Admission) {
	// Between its handshake and now the configuration may have changed, and a token may have been revoked.
	if ending, ok := s.refusal(a.App, a.Trusted, a.Token); ok {
		s.loop.Close(slot, ending)
		return
	}
	labels := s.join(slot, a, scenecast.ConnID{Node: s.hub.node, Seq: s.hub.number(s.hub.opened.Add(1))})
	if s.hub.countsTraffic {
		*s.trafficOf(slot.Index) = Traffic{}
		s.hub.observers.admitted(s.viewWith(slot, labels), a)
	}
	c := s.resume(slot, a.Resume, labels)
	a.Protocol.Opened(s.viewOf(slot))
	if a.Resume.Malformed {
		s.tellGap(slot, a.Protocol, scenecast.GapNotice{Reason: scenecast.GapPosition, Newest: s.position})
	}
	switch {
	case c == nil:
		s.startLatePass(slot)
	case s.isCatchingUp(c):
		s.step(c)
	}
}

// refusal is how a page ends at once that was let in by this token; false: it may stay.
func (s *Shard) refusal(app string, trusted label.Set, t scenecast.Token) (e scenecast.Ending, ok bool) {
	switch {
	case s.hub.admits != nil && !s.hub.admits(app, t.Credential):
		return outdated, true
	case s.hub.revocations.Revoked(app, trusted, t):
		return revoked, true
	default:
		return e, false
	}
}

// join adds a member with an ID of its own, which may be of another node's: one that the connection has had before. It returns the
// labels that the member has.
func (s *Shard) join(slot scenecast.Slot, a scenecast.Admission, id scenecast.ConnID) label.Set {
	m := s.members.grow(slot.Index)
	*m = member{
		class:      s.classes.of(s.newClass(a.Protocol, a.App)),
		seq:        id.Seq,
		node:       s.hub.nodes.number(s.hub.node, id.Node),
		generation: slot.Generation,
	}
	t := trust{
		token:      a.Trusted.Keys(),
		credential: a.Token.Credential,
		maySet:     bothMaySet(a.Token.MaySet, a.Backend.MaySet),
		limit:      slices.Clone(a.Backend.MaySet),
	}
	labels := a.Labels.Union(a.Trusted, a.Backend.Labels, serverLabels(a, id))
	if a.PageID != "" {
		m.set(hasPageID)
		t.identity = identityOf(a.Trusted)
		labels, t.backend = s.restore(slot.Index, m, a, t.identity, labels)
	}
	t.backend = append(t.backend, a.Backend.Labels.Keys()...)
	m.trust = s.trusts.acquire(t)
	s.setToken(slot.Index, a.Token)
	s.app(m).index.Join(slot.Index, labels)
	s.hub.connections.Add(1)
	s.hub.observers.joined(s.viewWith(slot, labels))
	return labels
}

// serverLabels are those that the server gives a member.
func serverLabels(a scenecast.Admission, id scenecast.ConnID) label.Set {
	own := make([]label.Label, 0, 3+len(a.Watch))
	own = append(own,
		label.Label{Key: scenecast.LabelID, Value: id.String()},
		label.Label{Key: scenecast.LabelProtocol, Value: a.Protocol.Name()})
	if a.PageID != "" {
		own = append(own, label.Label{Key: scenecast.LabelPage, Value: a.PageID})
	}
	for _, key := range a.Watch {
		own = append(own, label.Label{Key: scenecast.LabelWatch, Value: key})
	}
	return label.New(own...)
}

// appIndex is the app's, made when its first connection comes.
func (s *Shard) appIndex(app string) *appIndex {
	a := s.apps[app]
	if a == nil {
		a = &appIndex{app: app, index: index.New()}
		s.apps[app] = a
	}
	return a
}

// Received is for the loop (socket.Handler).
func (s *Shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	if member := s.at(slot); member != nil && s.allowsMessage(slot) {
		if s.hub.countsTraffic {
			s.trafficOf(slot.Index).Messages++
		}
		s.classes.all[member.class].protocol.Received(s.viewOf(slot), m)
	}
}

// at is the member in a slot; nil if it has left.
func (s *Shard) at(slot scenecast.Slot) *member {
	m := s.members.at(slot.Index)
	if m == nil || m.class == 0 || m.generation != slot.Generation {
		return nil
	}
	return m
}

func (s *Shard) id(m *member) scenecast.ConnID {
	return scenecast.ConnID{Node: s.hub.nodes.id(s.hub.node, m.node), Seq: m.seq}
}

// slot is the address of the member at an index.
func (s *Shard) slot(index uint32) scenecast.Slot {
	return scenecast.Slot{Index: index, Generation: s.members.at(index).generation}
}

// choose selects an app's connections. The result is valid until the next call.
func (s *Shard) choose(app string, to audience.Expr) []uint32 {
	a := s.apps[app]
	if a == nil {
		return nil
	}
	s.chosen = a.index.Select(to, s.chosen[:0])
	return s.chosen
}

func (s *Shard) deliver(d *delivery) (t scenecast.Tally) {
	s.moveTo(d.push.Position)
	copies := s.track(d)
	frames := frames{delivery: d, copies: copies}
	if app := s.apps[d.push.App]; app != nil {
		frames.index = app.index
	}
	chosen := s.choose(d.push.App, d.push.To)
	queued := chosen[:0] // those that took it
	for _, i := range chosen {
		m := s.members.at(i)
		if m.class != frames.class {
			k := &s.classes.all[m.class]
			s.delivered.turnTo(k.wire, len(queued), t.Dropped)
			frames.begin(m.class, k.protocol)
		}
		frame := frames.of(i)
		if m.is(catchingUp) {
			s.catchUps[i].Deliver(replay.Live{Position: d.push.Position, Frame: frame})
		} else if !s.loop.SendShared(scenecast.Slot{Index: i, Generation: m.generation}, frame) {
			t.Dropped++
			continue
		}
		queued = append(queued, i)
		if copies != nil {
			copies.Add(i, frames.asked)
		}
	}
	t.Queued = len(queued)
	t.Matched = t.Queued + t.Dropped
	if copies != nil {
		copies.Expect()
	}
	if d.push.TTL > 0 {
		s.keep(d.push, queued)
	}
	if s.hub.countsTraffic {
		for _, i := range queued {
			s.trafficOf(i).Pushes++
		}
	}
	s.delivered.end(t.Queued, t.Dropped)
	return t
}

// track begins the receipt's part on this shard; nil: nobody wants to know.
func (s *Shard) track(d *delivery) *receipt.Copies {
	if d.receipt == nil {
		return nil
	}
	return s.receipts.Track(d.receipt)
}

// relabel gives a member the labels that it has from now on. Pushes that come later see them, and so do those that last.
func (s *Shard) relabel(slot scenecast.Slot, before, next label.Set) {
	m := s.members.at(slot.Index)
	next = endWatching(before, next)
	s.app(m).index.Relabel(slot.Index, next)
	if m.is(catchingUp) {
		s.relabelCatchUp(s.catchUps[slot.Index], next)
	}
	s.hub.observers.relabelled(s.viewWith(slot, next), before)
	s.viewOf(slot) // which the protocol may go on with
	s.startLatePass(slot)
}
