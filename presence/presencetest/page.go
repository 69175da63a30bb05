package presencetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"scenecast"
	"scenecast/label"
	"scenecast/presence/presencemodel"
	"scenecast/protocol/native"
)

// page is a connection, and what its client knows.
type page struct {
	id     string // of the page, which no other one has
	loop   *loop
	slot   scenecast.Slot
	labels label.Set // that it is to have

	mu     sync.Mutex
	views  presencemodel.Views
	faults []string // what was wrong with what it was told
}

// message is a message of docs/protocol.md, "Presence", to a page.
type message struct {
	Type      string `json:"type"`
	Key       string `json:"key"`
	Value     string `json:"value"`
	Count     int    `json:"count"`
	Anonymous int    `json:"anonymous"`
	Partial   bool   `json:"partial"`
	Members   []struct {
		User   string       `json:"user"`
		Labels label.Change `json:"labels"`
		Since  time.Time    `json:"since"`
	} `json:"members"`
}

var kinds = map[string]scenecast.PresenceKind{
	"presence":  scenecast.PresenceSnapshot,
	"joined":    scenecast.PresenceJoined,
	"left":      scenecast.PresenceLeft,
	"updated":   scenecast.PresenceUpdated,
	"count":     scenecast.PresenceCount,
	"unwatched": scenecast.PresenceEnded,
}

// take is what a client does with a message.
func (p *page) take(frame []byte) {
	var m message
	err := json.Unmarshal(frame, &m)
	kind, known := kinds[m.Type]
	if err != nil || !known {
		p.fault(fmt.Errorf("was told %q, which is no message of presence", frame))
		return
	}
	n := scenecast.PresenceNotice{Kind: kind, Key: m.Key, Value: m.Value, Count: m.Count, Anonymous: m.Anonymous, Partial: m.Partial}
	for _, member := range m.Members {
		n.Members = append(n.Members, scenecast.PresenceMember{User: member.User, Labels: label.Set{}.Apply(member.Labels), Since: member.Since})
	}
	p.mu.Lock()
	err = p.views.Take(&n)
	p.mu.Unlock()
	if err != nil {
		p.fault(err)
	}
}

func (p *page) fault(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fmt.Sprintf("page %s %v", p.id, err))
}

// wire is that of the pages: what they are told is that of Scenecast's own wire, and what they say is a change of their labels.
type wire struct{}

var _ scenecast.Protocol = wire{}

func (wire) Name() string { return "presencetest" }
func (wire) Traits() scenecast.Traits {
	return scenecast.Traits{EncodePresence: native.Presence}
}
func (wire) EncodePush(*scenecast.Push, scenecast.Delivery) []byte { return nil }
func (wire) Opened(scenecast.Conn)                                 {}
func (wire) Closed(scenecast.Conn, scenecast.Ending)               {}

func (wire) Received(c scenecast.Conn, m scenecast.Inbound) {
	var change label.Change
	if err := json.Unmarshal(m.Data, &change); err != nil {
		panic(err)
	}
	c.Relabel(change)
}
