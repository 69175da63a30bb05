package hub

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"scenecast"
	"scenecast/hub/session"
	"scenecast/index"
	"scenecast/label"
)

// Inspector is a Loop that knows how its sockets stand. Its method is called on the owner's goroutine.
type Inspector interface {
	Inspect(s scenecast.Slot) scenecast.SocketState
}

// detail is what is known of a member.
func (s *Shard) detail(slot scenecast.Slot, labels label.Set) *scenecast.Detail {
	m := s.members.at(slot.Index)
	t := s.trusts.of(m.trust)
	state := s.socketState(slot)
	d := &scenecast.Detail{
		Sources: make(map[string]scenecast.LabelSource), Since: state.Opened, From: s.from(slot, state.Peer),
		OutboxBytes: state.OutboxBytes, OutboxFrames: state.OutboxFrames, CatchingUp: m.is(catchingUp),
	}
	for _, key := range labels.Keys() {
		d.Sources[key] = t.sourceOf(key)
	}
	if m.is(hasPageID) {
		d.Page, d.Identity = labels.Value(scenecast.LabelPage), identityIn(labels, t.identity)
	}
	return d
}

// socketState is how the socket of a slot stands, as far as the loop tells.
func (s *Shard) socketState(slot scenecast.Slot) scenecast.SocketState {
	if l, ok := s.loop.(Inspector); ok {
		return l.Inspect(slot)
	}
	return scenecast.SocketState{}
}

// from is where a member comes from that this peer has connected; the zero address: that is not known.
func (s *Shard) from(slot scenecast.Slot, peer netip.Addr) netip.Addr {
	if s.hub.origin == nil {
		return peer
	}
	return s.hub.origin(s.loop.Lease(slot), peer)
}

// sourceOf is who has given a member the labels of a key.
func (t trust) sourceOf(key string) scenecast.LabelSource {
	switch {
	case slices.Contains(t.backend, key):
		return scenecast.FromBackend
	case slices.Contains(t.token, key):
		return scenecast.FromToken
	case label.Reserved(key) && !label.Grantable(key): // a page subscribes to channels
		return scenecast.FromServer
	}
	return scenecast.FromPage
}

// pageKey is room for the key of a page whose connection ends. It is used again: many may end at once.
type pageKey struct {
	columns index.Columns
	key     []byte
}

var keysOfPage = []string{scenecast.LabelPage, scenecast.LabelUser}

// noteEnding keeps how a member with a page ID has ended. Its key is that of sessionKey, made without its other labels.
func (s *Shard) noteEnding(slot scenecast.Slot, m *member, e scenecast.Ending) {
	if !m.is(hasPageID) {
		return
	}
	app, k := s.app(m), &s.pageKey
	k.columns = app.index.Columns(keysOfPage, k.columns)
	values := k.columns.Of(slot.Index)
	k.key = session.AppendPage(k.key[:0], app.app, firstValue(values[0]))
	if users := values[1]; len(users) > 0 {
		k.key = append(append(k.key, '@'), firstValue(users)...)
	} else {
		k.key = append(k.key, s.trusts.of(m.trust).identity...)
	}
	s.hub.endings.Add(k.key, time.Now(), e)
}

// firstValue is the value that comes first in a set of labels; nil: there is none.
func firstValue(values [][]byte) []byte {
	if len(values) == 0 {
		return nil
	}
	return slices.MinFunc(values, bytes.Compare)
}
