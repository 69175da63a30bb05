// Package sse is event streams: Server-Sent Events (HTML Standard, 9.2), which docs/protocol.md describes. A page opens
// /v1/events?token=T&page=home with any EventSource, and only listens. Plain pushes are plain events; whatever else there is
// to say is an event named scenecast, whose data is the message of the native protocol.
package sse

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/protocol/native"
)

// MediaType is the Content-Type of an event stream.
const MediaType = "text/event-stream; charset=utf-8"

var (
	_ scenecast.Protocol    = (*Protocol)(nil)
	_ scenecast.Gate        = (*Protocol)(nil)
	_ scenecast.Streamer    = (*Protocol)(nil)
	_ scenecast.GapEncoder  = (*Protocol)(nil)
	_ scenecast.LateEncoder = (*Protocol)(nil)
)

// Protocol is the wire of event streams. It is its own gate.
type Protocol struct {
	desk *admission.Desk
}

// New makes the protocol for the pages that the desk lets in.
func New(desk *admission.Desk) *Protocol { return &Protocol{desk} }

// Name implements scenecast.Protocol.
func (p *Protocol) Name() string { return "sse" }

// Admit implements scenecast.Gate. A browser that comes back by itself opens the same URL again, so what it adds counts more
// than what the URL says.
func (p *Protocol) Admit(r *http.Request) (scenecast.Admission, error) {
	a, err := p.desk.Admit(r)
	a.Protocol = p
	if id := r.Header.Get("Last-Event-Id"); id != "" && err == nil {
		a.Resume = admission.ResumeAfter(id)
	}
	return a, err
}

// How long a browser waits before it comes back by itself. Those that are sent away because the server goes are spread, or all
// of them would knock at the next server at once.
const (
	retry      = 2 * time.Second
	spreadFrom = 1 * time.Second
	spreadOver = 4 * time.Second
)

// Opened implements scenecast.Protocol. The welcome has an ID, so that a page resumes from here that gets nothing at all.
func (p *Protocol) Opened(c scenecast.Conn) {
	c.Send(message(retryField(retry), c.Position(), native.Welcome(c)))
}

// Received implements scenecast.Protocol: a page that only listens says nothing.
func (p *Protocol) Received(scenecast.Conn, scenecast.Inbound) {}

// EncodePush implements scenecast.Encoder.
func (p *Protocol) EncodePush(m *scenecast.Push) []byte {
	if !isPlain(m.Message.Event) {
		return message("", m.Position, native.Push(m, native.Notes{}))
	}
	return event("", m.Position, m.Message.Event, m.Message.Data)
}

// EncodeLate implements scenecast.LateEncoder. A late push has no ID: the page has got what is newer.
func (p *Protocol) EncodeLate(m *scenecast.Push) []byte {
	return message("", scenecast.Position{}, native.Push(m, native.Notes{Late: true}))
}

// EncodeGap implements scenecast.GapEncoder.
func (p *Protocol) EncodeGap(m scenecast.Missed) []byte { return message("", m.Newest, native.Gap(m)) }

// Ping implements scenecast.Streamer: a comment, which keeps proxies from taking the stream for dead.
func (p *Protocol) Ping() []byte { return []byte(":\n\n") }

// Goodbye implements scenecast.Streamer.
func (p *Protocol) Goodbye(code scenecast.CloseCode, reason string) []byte {
	head := ""
	if code == scenecast.CloseShuttingDown {
		head = retryField(spreadFrom + rand.N(spreadOver))
	}
	data, _ := json.Marshal(struct { // a number and a text: it cannot fail
		Type   string              `json:"type"`
		Code   scenecast.CloseCode `json:"code"`
		Reason string              `json:"reason"`
	}{"close", code, reason})
	return message(head, scenecast.Position{}, data)
}

// general is the name of the events that are no plain pushes.
const general = "scenecast"

// isPlain reports whether a push's event can be the name of an event of the stream. One with a line's end in it would end the
// field, and what follows would be taken for another; the others would be taken for what they are not: by the page, or by
// EventSource itself, which calls by these names when it has connected and when it has failed.
func isPlain(name string) bool {
	return !strings.ContainsAny(name, "\r\n\x00") && !slices.Contains([]string{general, "open", "error"}, name)
}

func retryField(d time.Duration) string {
	return "retry: " + strconv.FormatInt(d.Milliseconds(), 10) + "\n"
}
