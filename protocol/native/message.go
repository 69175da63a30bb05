package native

import (
	"encoding/json"

	"scenecast"
)

// The messages to any page, as JSON without framing. Event streams (package sse) have them, too.

// Welcome is the first message to a page.
func Welcome(c scenecast.Conn) []byte {
	return encode(struct {
		Type     string `json:"type"`
		ID       string `json:"id"`
		Position string `json:"position,omitempty"` // where the page stands; missing before the first push
	}{"welcome", c.ID().String(), text(c.Position())})
}

// Push is a push. Late says that it is older than others that the page may have got. The data is the push's own bytes, so it is
// put in by hand: json.Marshal would rewrite it.
func Push(m *scenecast.Push, late bool) []byte {
	head := encode(struct {
		Type     string `json:"type"`
		Position string `json:"position"`
		Event    string `json:"event,omitempty"`
		Data     int    `json:"data"`
	}{"push", m.Position.String(), m.Message.Event, 0})
	b := append(head[:len(head)-len(`0}`)], m.Message.Data...)
	if late {
		b = append(b, `,"late":true`...)
	}
	return append(b, '}')
}

// Gap takes the place of what a page has missed.
func Gap(m scenecast.Missed) []byte {
	return encode(struct {
		Type     string        `json:"type"`
		Reason   scenecast.Gap `json:"reason"`
		Position string        `json:"position,omitempty"`
		Dropped  int           `json:"dropped,omitempty"`
	}{"gap", m.Reason, text(m.Newest), m.Dropped})
}

// text is a position, or empty for none.
func text(p scenecast.Position) string {
	if p == (scenecast.Position{}) {
		return ""
	}
	return p.String()
}

// encode never fails: what it gets are texts and numbers, and JSON that was checked when it came in.
func encode(message any) []byte {
	b, _ := json.Marshal(message)
	return b
}
