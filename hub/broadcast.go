package hub

import (
	"encoding/json"
	"hash/crc32"
	"time"

	"scenecast"
	"scenecast/hub/session"
	"scenecast/label"
)

// message is what hubs of several nodes tell each other, as JSON: nodes of different versions must understand it. One of the pointers is
// set; one that is not known is another version's.
type message struct {
	Session *leftSession  `json:"session,omitempty"`
	Acked   *acknowledged `json:"acked,omitempty"`
}

// leftSession is what a page has left behind that may come back to another node.
type leftSession struct {
	App    string      `json:"app"`
	Key    session.Key `json:"key"`
	Seqs   []uint64    `json:"seqs,omitempty"` // pushes with a ttl that it has got
	Until  time.Time   `json:"until,omitzero"` // when the last of them ends
	Labels label.Set   `json:"labels"`         // of the backend
}

// acknowledged is an acknowledgement of a push that the page did not get here.
type acknowledged struct {
	Key      session.Key        `json:"key"`
	Position scenecast.Position `json:"position"`
}

// tell sends a message to the hubs of all other nodes.
func (h *Hub) tell(m message) {
	if h.broadcast == nil {
		return
	}
	b, err := json.Marshal(m)
	if err != nil {
		h.logger.Error("hub: a message to other nodes cannot be encoded", "err", err)
		return
	}
	h.broadcast(b)
}

func (h *Hub) tellSession(app string, k session.Key, left session.State, until time.Time) {
	h.tell(message{Session: &leftSession{app, k, left.Delivered, until, left.Labels}})
}

func (h *Hub) tellAcknowledgement(k session.Key, p scenecast.Position) {
	h.tell(message{Acked: &acknowledged{k, p}})
}

// Received implements scenecast.Node.
func (h *Hub) Received(b []byte) {
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		h.logger.Warn("hub: a message of another node cannot be read", "err", err)
		return
	}
	switch {
	case m.Session != nil:
		h.receiveSession(m.Session)
	case m.Acked != nil:
		h.sessions.Acknowledge(m.Acked.Key, m.Acked.Position)
	}
}

// receiveSession remembers what a page has left behind on another node. It is done on a shard, each of which knows which pushes last; the
// messages about one page go to the same shard, so they stay in order.
func (h *Hub) receiveSession(l *leftSession) {
	left := session.State{Delivered: l.Seqs, Labels: l.Labels}
	s := h.shards[crc32.ChecksumIEEE([]byte(l.Key))%uint32(len(h.shards))]
	s.loop.Post(func() { h.sessions.Receive(l.Key, left, l.Until, s.lasts(l.App)) })
}
