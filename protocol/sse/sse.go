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

// ContentType is that of an event stream.
const ContentType = "text/event-stream; charset=utf-8"

var (
	_ scenecast.Protocol = (*Protocol)(nil)
	_ scenecast.Mover    = (*Protocol)(nil)
)

// Protocol is the wire of event streams. It is its own listener.Admitter.
type Protocol struct {
	authenticator *admission.Authenticator
}

// New makes the protocol for the pages that the authenticator admits.
func New(authenticator *admission.Authenticator) *Protocol { return &Protocol{authenticator} }

// Name implements scenecast.Protocol.
func (p *Protocol) Name() string { return "sse" }

// Polyfills of EventSource cannot always set the header Last-Event-ID; these are the query parameters that they send instead.
var lastEventIDParams = []string{"lastEventId", "lastEventID", "Last-Event-ID"}

// Admit implements listener.Admitter. A browser that comes back by itself opens the same URL again, so what it adds counts more
// than what the URL says.
func (p *Protocol) Admit(r *http.Request) (scenecast.Admission, error) {
	a, err := p.authenticator.Admit(r, admission.QueryForm{Since: lastEventIDParams, Watch: true})
	a.Protocol = p
	if id := r.Header.Get("Last-Event-Id"); id != "" && err == nil {
		a.Resume = admission.ResumeAfter(id)
	}
	return a, err
}

// How long a browser waits before it comes back by itself: each page another time, or all of them would come to a server that has
// restarted at once.
const (
	retryFrom = 1 * time.Second
	retryOver = 4 * time.Second
)

// Opened implements scenecast.Protocol. The welcome has an ID, so that a page resumes from here that gets nothing at all. A key
// that it cannot watch is no reason to get no pushes; an EventSource could not read it from a refusal anyway.
func (p *Protocol) Opened(c scenecast.Conn) {
	c.Send(message(retryField(), c.Position(), native.Welcome(c)))
	for key := range c.Labels().Of(scenecast.LabelWatch).All() {
		if err := p.authenticator.CheckWatch(c.App(), key.Value, true); err != nil {
			c.Send(message("", scenecast.Position{}, native.Unwatchable(key.Value, err)))
		}
	}
}

// Received implements scenecast.Protocol: a page that only listens says nothing.
func (p *Protocol) Received(scenecast.Conn, scenecast.Inbound) {}

// Closed implements scenecast.Protocol.
func (p *Protocol) Closed(scenecast.Conn, scenecast.Ending) {}

// Export implements scenecast.Mover: the protocol keeps nothing per connection.
func (p *Protocol) Export(scenecast.Conn) (state []byte, ok bool) { return nil, true }

// Import implements scenecast.Mover.
func (p *Protocol) Import(scenecast.Conn, []byte) error { return nil }

// Traits implements scenecast.Protocol. The ping is a comment, which keeps proxies from taking the stream for dead.
func (p *Protocol) Traits() scenecast.Traits {
	return scenecast.Traits{
		ListenOnly:     true,
		EncodeGap:      func(n scenecast.GapNotice) []byte { return message("", n.Newest, native.Gap(n)) },
		EncodeClose:    encodeClose,
		EncodeExpiring: func(in time.Duration) []byte { return message("", scenecast.Position{}, native.Expiring(in)) },
		EncodePresence: func(n *scenecast.PresenceNotice) []byte { return message("", scenecast.Position{}, native.Presence(n)) },
		Ping:           []byte(":\n\n"),
	}
}

// EncodePush implements scenecast.Protocol. A late push has no ID: the page has got what is newer.
func (p *Protocol) EncodePush(m *scenecast.Push, d scenecast.Delivery) []byte {
	if d == scenecast.Late {
		return message("", scenecast.Position{}, native.Push(m, native.Notes{Late: true}))
	}
	if !isPlain(m.Message.Event) {
		return message("", m.Position, native.Push(m, native.Notes{}))
	}
	return event("", m.Position, m.Message.Event, m.Message.Data)
}

// Retry is the whole stream of a page that is refused for a while (listener.Endpoint): a time to come back, and why. False: the
// refusal is final.
func Retry(err error) (stream []byte, ok bool) {
	switch code, reason := native.CloseCode(err); code {
	case scenecast.CloseTooMany, scenecast.CloseShuttingDown, scenecast.CloseInternalError:
		return closeEvent(retryField(), code, reason), true
	default:
		return nil, false
	}
}

// encodeClose is the last event of a stream.
func encodeClose(code scenecast.CloseCode, reason string) []byte {
	head := ""
	if code == scenecast.CloseShuttingDown {
		head = retryField()
	}
	return closeEvent(head, code, reason)
}

func closeEvent(head string, code scenecast.CloseCode, reason string) []byte {
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

func retryField() string {
	return "retry: " + strconv.FormatInt((retryFrom+rand.N(retryOver)).Milliseconds(), 10) + "\n"
}
