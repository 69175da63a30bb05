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
		Position string `json:"position"` // where in the log the page stands
	}{"welcome", c.ID().String(), c.Position().String()})
}

// Notes are what a page is told about a push besides.
type Notes struct {
	Late bool `json:"late,omitempty"` // it is older than others that the page has got
	Ack  bool `json:"ack,omitempty"`  // the page is to acknowledge it
}

// Push is a push as the page gets it. The data is the push's own bytes, so it is put in by hand: json.Marshal would rewrite it.
func Push(m *scenecast.Push, n Notes) []byte {
	head := encode(struct {
		Type     string `json:"type"`
		Position string `json:"position"`
		Event    string `json:"event,omitempty"`
		User     string `json:"user,omitempty"` // who has sent it: a page
		Notes
		Data int `json:"data"`
	}{"push", m.Position.String(), m.Message.Event, m.Message.User, n, 0})
	b := append(head[:len(head)-len(`0}`)], m.Message.Data...)
	return append(b, '}')
}

// Gap takes the place of what a page has missed.
func Gap(m scenecast.GapNotice) []byte {
	g := struct {
		Type     string        `json:"type"`
		Reason   scenecast.Gap `json:"reason"`
		Dropped  int           `json:"dropped,omitempty"`
		Position string        `json:"position,omitempty"` // where the page goes on
	}{"gap", m.Reason, m.Dropped, ""}
	if m.Reason != scenecast.GapDropped {
		g.Position = m.Newest.String()
	}
	return encode(g)
}

// encode never fails: what it gets are texts and numbers, and JSON that was checked when it came in.
func encode(message any) []byte {
	b, _ := json.Marshal(message)
	return b
}
