package hub

import (
	"time"

	"scenecast"
	"scenecast/hub/session"
	"scenecast/label"
)

// sessionKey is the key under which what a member with a page ID leaves behind is kept. Identity is that of its trust.
func sessionKey(app string, labels label.Set, identity string) session.Key {
	return session.NewKey(app, labels.Value(scenecast.LabelPage), identityIn(labels, identity))
}

// identityIn is who a member with these labels is: its user, or else the identity of its trust.
func identityIn(labels label.Set, identity string) string {
	if user := labels.Values(scenecast.LabelUser); len(user) > 0 {
		return "@" + user[0]
	}
	return identity
}

// restore gives a member that joins with a page ID what it has left behind: the pushes that last and that it has got, and the labels that
// the backend had given it, as if the backend gave it these now. It returns the labels that the member has, and which keys of them are
// the backend's.
func (s *Shard) restore(index uint32, m *member, a scenecast.Admission, identity string, labels label.Set) (label.Set, []string) {
	if s.hub.sessions.IsEmpty() {
		return labels, nil
	}
	left, holds := s.hub.sessions.Join(sessionKey(a.App, labels, identity))
	m.setTo(holdsLabels, holds)
	for _, seq := range left.Delivered {
		s.ttlStores[a.App].Delivered(index, seq)
	}
	change := make(label.Change)
	for _, key := range left.Labels.Keys() {
		if !a.Trusted.Has(key) && !a.Backend.Labels.Has(key) { // what the token says counts, and what the backend says now
			change[key] = left.Labels.Values(key)
		}
	}
	next := labels.Apply(change)
	if len(change) == 0 || s.hub.limits.Load().Check(next) != nil {
		return labels, nil
	}
	return next, change.Keys()
}

// save notes, for a member that leaves, what it leaves behind: its slot will be another's.
func (s *Shard) save(index uint32, m *member) {
	app := s.app(m)
	store := s.ttlStores[app.app]
	unacked := s.receipts.Leave(index, m.is(hasPageID))
	seqs, until := store.Leave(index)
	if !m.is(hasPageID) {
		return
	}
	t := s.trusts.of(m.trust)
	if s.hub.sessions.IsEmpty() && len(unacked)+len(seqs)+len(t.backend) == 0 {
		return
	}
	labels := app.index.Labels(index)
	key := sessionKey(app.app, labels, t.identity)
	left := session.State{
		Delivered: seqs,
		Unacked:   unacked,
		Labels:    setByBackend(labels, t),
	}
	if len(seqs)+left.Labels.Len() > 0 {
		s.hub.tellSession(app.app, key, left, until)
	}
	s.hub.sessions.Leave(key, session.Leaving{
		State:          left,
		DeliveredUntil: until,
		Lasts:          s.lasts(app.app),
		Holds:          m.is(holdsLabels),
	})
}

// lasts reports which pushes of an app last, by their sequence numbers, as far as the shard knows: what it has not come to yet may.
func (s *Shard) lasts(app string) func(seq uint64) bool {
	store := s.ttlStores[app]
	return func(seq uint64) bool { return seq > s.position.Seq || store.Lasts(seq) }
}

// setByBackend is the labels of the keys that the backend has set.
func setByBackend(labels label.Set, t trust) label.Set {
	if len(t.backend) == 0 {
		return label.Set{}
	}
	var of []label.Label
	for l := range labels.All() {
		if t.isBackends(l.Key) {
			of = append(of, l)
		}
	}
	return label.New(of...)
}

// saveLabels notes which labels the backend has given a member so far, for a connection that its page opens before this one is known
// to be dead.
func (s *Shard) saveLabels(m *member, labels label.Set) {
	if !m.is(hasPageID) {
		return
	}
	t := s.trusts.of(m.trust)
	key := sessionKey(s.app(m).app, labels, t.identity)
	m.setTo(holdsLabels, s.hub.sessions.Relabel(key, setByBackend(labels, t), m.is(holdsLabels)))
}

// acknowledge takes a member's acknowledgement of the push at a position: one that this connection got, or one before it of the same page.
func (s *Shard) acknowledge(index uint32, m *member, p scenecast.Position) {
	if s.receipts.Acknowledge(index, p) || !m.is(hasPageID) || s.hub.sessions.IsEmpty() && s.hub.broadcast == nil {
		return
	}
	app := s.app(m)
	key := sessionKey(app.app, app.index.Labels(index), s.trusts.of(m.trust).identity)
	if s.hub.sessions.Acknowledge(key, p) || s.hub.broadcast == nil {
		return
	}
	// Any page can make up acknowledgements, and each would go to all nodes.
	if p.Seq <= s.position.Seq && s.toldAcks.Take(time.Since(s.hub.began)) == 0 {
		s.hub.tellAcknowledgement(key, p)
	}
}
