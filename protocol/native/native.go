// Package native is Scenecast's own wire, scenecast.v1, which docs/protocol.md describes for whoever writes a client. A
// page opens /v1/connect?token=T&page=home with the subprotocol scenecast.v1; messages are JSON objects in text frames,
// told apart by their type.
package native

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"

	"scenecast"
	"scenecast/admission"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/websocket"
)

// Subprotocol is what a page asks for in Sec-WebSocket-Protocol.
const Subprotocol = "scenecast.v1"

var (
	_ scenecast.Protocol = (*Protocol)(nil)
	_ scenecast.Mover    = (*Protocol)(nil)
)

// Protocol is the native wire. It is its own listener.Admitter.
type Protocol struct {
	authenticator *admission.Authenticator
	backend       Backend
	refused       [len(requestTypes)]atomic.Int64 // requests of pages that were refused, by type
}

// New makes the protocol for the pages that the authenticator admits. Backend is what they call; nil: nothing.
func New(authenticator *admission.Authenticator, backend Backend) *Protocol {
	return &Protocol{authenticator: authenticator, backend: backend}
}

// Name implements scenecast.Protocol.
func (p *Protocol) Name() string { return "native" }

// Admit implements listener.Admitter.
func (p *Protocol) Admit(r *http.Request) (scenecast.Admission, error) {
	a, err := p.authenticator.Admit(r, admission.QueryForm{})
	a.Protocol = p
	return a, err
}

// The answers to a page.
type (
	done struct { // the answer to a request that has been carried out
		Type     string          `json:"type"`
		ID       json.RawMessage `json:"id,omitempty"` // the request's
		Position string          `json:"position"`     // where in the log the page stands, also if no push is for it
	}
	refusal struct { // the answer to one that has not
		Type    string          `json:"type"`
		ID      json.RawMessage `json:"id,omitempty"`
		Kind    problem.Kind    `json:"kind"`
		Detail  string          `json:"detail"`
		Where   string          `json:"where,omitempty"`
		Setting string          `json:"setting,omitempty"`
	}
)

// Opened implements scenecast.Protocol.
func (p *Protocol) Opened(c scenecast.Conn) { c.Send(websocket.TextFrame(Welcome(c))) }

// Closed implements scenecast.Protocol.
func (p *Protocol) Closed(scenecast.Conn, scenecast.Ending) {}

// Export implements scenecast.Mover: the protocol keeps nothing per connection.
func (p *Protocol) Export(scenecast.Conn) (state []byte, ok bool) { return nil, true }

// Import implements scenecast.Mover.
func (p *Protocol) Import(scenecast.Conn, []byte) error { return nil }

// Traits implements scenecast.Protocol.
func (p *Protocol) Traits() scenecast.Traits {
	return scenecast.Traits{
		Acknowledges: true,
		EncodeGap:    func(n scenecast.GapNotice) []byte { return websocket.TextFrame(Gap(n)) },

		EncodeExpiring: expiringFrame,
		EncodePresence: func(n *scenecast.PresenceNotice) []byte { return websocket.TextFrame(Presence(n)) },
	}
}

// EncodePush implements scenecast.Protocol. Whoever asked for receipts does not wait for pages that come to match later.
func (p *Protocol) EncodePush(m *scenecast.Push, d scenecast.Delivery) []byte {
	if d == scenecast.Late {
		return websocket.TextFrame(Push(m, Notes{Late: true}))
	}
	return websocket.TextFrame(Push(m, Notes{Ack: m.Receipt == scenecast.ReceiptAcked}))
}

// Received implements scenecast.Protocol. A message that cannot be read closes the connection, because then page and
// server disagree about the protocol; a request that may not be carried out is answered.
func (p *Protocol) Received(c scenecast.Conn, m scenecast.Inbound) {
	r, err := parseRequest(m)
	if err != nil {
		c.Close(scenecast.EndingBy(scenecast.CauseBadMessage, err.Error()))
		return
	}
	switch r.Type {
	case "ack":
		c.Acknowledge(r.Position)
	case "ping":
		send(c, done{"pong", r.ID, c.Position().String()})
	case "call":
		p.call(c, r)
	case "token":
		p.renew(c, r.ID, *r.Token)
	case "set":
		p.answer(c, r, p.set(c, r.Labels))
	case "watch":
		p.answer(c, r, p.watch(c, r.Key))
	case "unwatch":
		p.answer(c, r, p.unwatch(c, r.Key))
	}
}

// answer tells the page what has become of its request.
func (p *Protocol) answer(c scenecast.Conn, r request, err error) {
	if err != nil {
		p.refuse(c, r.Type, r.ID, problem.Of(err))
		return
	}
	send(c, done{r.Type, r.ID, c.Position().String()})
}

// set changes the page's labels, all that it names or, with an error, none.
func (p *Protocol) set(c scenecast.Conn, change label.Change) error {
	rules := p.authenticator.Rules(c.App()).OfToken(c.MaySet())
	if err := rules.CheckClient(change.Keys(), c.Trusted); err != nil {
		return problem.At(err, "labels")
	}
	if err := rules.Limits.Check(c.Labels().Apply(change)); err != nil {
		return problem.At(err, "labels")
	}
	if !c.Allows(scenecast.ActSet) {
		return problem.New(problem.TooMany, "the page changes its labels more often than it may").DecidedBy("limits.page_sets")
	}
	c.Relabel(change)
	return nil
}

// watch has the page be told who is in its scenes of a key. One that it watches already begins anew, with a snapshot.
func (p *Protocol) watch(c scenecast.Conn, key string) error {
	labels := c.Labels()
	if err := p.authenticator.CheckWatch(c.App(), key, labels.Has(key)); err != nil {
		return problem.At(err, "key")
	}
	watched := withoutKey(labels.Values(scenecast.LabelWatch), key)
	if labels.Contains(scenecast.LabelWatch, key) {
		c.Relabel(label.Change{scenecast.LabelWatch: watched})
	}
	c.Relabel(label.Change{scenecast.LabelWatch: append(watched, key)})
	return nil
}

func (p *Protocol) unwatch(c scenecast.Conn, key string) error {
	watched := c.Labels().Values(scenecast.LabelWatch)
	if !slices.Contains(watched, key) {
		return problem.New(problem.Invalid, "the page does not watch %.64s", key).At("key")
	}
	c.Relabel(label.Change{scenecast.LabelWatch: withoutKey(watched, key)})
	return nil
}

// Refused are how many requests of pages were refused, by type. Any goroutine may call it.
func (p *Protocol) Refused() map[string]int64 {
	counts := make(map[string]int64, len(requestTypes))
	for i, of := range requestTypes {
		counts[of] = p.refused[i].Load()
	}
	return counts
}

func withoutKey(keys []string, key string) []string {
	return slices.DeleteFunc(keys, func(k string) bool { return k == key })
}

// requestTypes are the types of requests that may be refused.
var requestTypes = [...]string{"call", "set", "token", "unwatch", "watch"}

// refuse tells a page why its request of a type is not carried out.
func (p *Protocol) refuse(c scenecast.Conn, of string, id json.RawMessage, why *problem.Problem) {
	p.refused[slices.Index(requestTypes[:], of)].Add(1)
	send(c, refusal{Type: "error", ID: id, Kind: why.Kind, Detail: why.Detail, Where: why.Where, Setting: why.Setting})
}

func send(c scenecast.Conn, message any) { c.Send(websocket.TextFrame(encode(message))) }

// CloseCode is the close code that tells a page why it was refused: a browser cannot read the status of a refused handshake, so
// the handshake succeeds and a close frame follows.
func CloseCode(err error) (scenecast.CloseCode, string) {
	p := problem.Of(err)
	switch p.Kind {
	case problem.Unauthorized:
		return scenecast.CloseUnauthorized, p.Error()
	case problem.Forbidden:
		return scenecast.CloseForbidden, p.Error()
	case problem.TooMany:
		return scenecast.CloseTooMany, p.Error()
	case problem.Unavailable:
		return scenecast.CloseShuttingDown, p.Error()
	case problem.Internal:
		return scenecast.CloseInternalError, p.Error()
	default:
		return scenecast.CloseBadMessage, p.Error()
	}
}
