// Package pusher is the wire of the Pusher Channels protocol, version 7, which docs/pusher.md compares with the others:
//
//	page → server   ws://host:9502/app/KEY?protocol=7&client=js&version=8.6.0
//	server → page   {"event":"pusher:connection_established","data":"{\"socket_id\":\"5203.17\",\"activity_timeout\":120}"}
//	page → server   {"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}
//	server → page   {"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}
//
// A subscription is a value of the label @channel, so what the server does for labels it does for channels. The socket_id is the
// connection's ID. Nothing is kept for a connection beside its labels.
package pusher

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/problem"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
	"scenecast/websocket"
)

// Options are what the protocol needs. The functions may be called concurrently, and do not wait.
type Options struct {
	// Authenticator counts pages. Who they are, a key says, and what they sign later.
	Authenticator *admission.Authenticator
	// FindKey finds the app that has a key now; nil: there is none.
	FindKey func(key string) *app.App
	// FindApp finds the app of the server's app with this name now; nil: it is none of this protocol any more.
	FindApp func(name string) *app.App
	// Publish puts a client event on its way. A problem that it is too large is told as it is.
	Publish func(p scenecast.Push) error
	// Tell is told of what pages do that webhooks may be told of. Nil: nobody is.
	Tell func(e Event)
}

// Event is something that a page has done, or has caused.
type Event struct {
	Kind     string // app.ClientEvent or app.CacheMiss
	App      string // of the server
	Channel  channel.Name
	Event    string          // of a client event: its name
	Data     json.RawMessage // … its data, as the message of a push: TextOf is the text
	SocketID string          // … who has sent it
	User     string          // … and is this member, of a presence channel
}

var (
	_ scenecast.Protocol = (*Protocol)(nil)
	_ scenecast.Mover    = (*Protocol)(nil)
	_ scenecast.Variants = (*Protocol)(nil)
)

// Protocol is the wire. It is its own listener.Admitter.
type Protocol struct {
	options   Options
	traits    scenecast.Traits
	positions bool      // pages are told where in the log events are
	resumable *Protocol // the same with positions; nil: this is it
}

// New makes the protocol.
func New(o Options) *Protocol {
	p := newProtocol(o, false)
	p.resumable = newProtocol(o, true)
	p.resumable.traits.EncodeGap = func(n scenecast.GapNotice) []byte { return websocket.TextFrame(gap(n)) }
	return p
}

func newProtocol(o Options, positions bool) *Protocol {
	return &Protocol{options: o, positions: positions, traits: scenecast.Traits{
		Topics: &scenecast.Topics{Key: channel.Label, Encode: func(m *scenecast.Push, d scenecast.Delivery, topic string) []byte {
			return websocket.TextFrame(push(m, channel.Name(topic), positions && d != scenecast.Late))
		}},
		EncodePresence: encodePresence,
		EncodeClose: func(code scenecast.CloseCode, reason string) []byte {
			return websocket.CloseFrame(closeCode(code), reason)
		},
	}}
}

// Name implements scenecast.Protocol.
func (p *Protocol) Name() string { return "pusher" }

// Traits implements scenecast.Protocol.
func (p *Protocol) Traits() scenecast.Traits { return p.traits }

// EncodePush implements scenecast.Protocol: a push that reaches pages by no channel.
func (p *Protocol) EncodePush(m *scenecast.Push, d scenecast.Delivery) []byte {
	return websocket.TextFrame(push(m, noChannel, p.positions && d != scenecast.Late))
}

func send(c scenecast.Conn, message []byte) { c.Send(websocket.TextFrame(message)) }

// Path is in front of the key.
const Path = "/app/"

// Admit implements listener.Admitter.
func (p *Protocol) Admit(r *http.Request) (scenecast.Admission, error) {
	_, key, _ := strings.Cut(r.URL.Path, Path)
	return p.AdmitKey(r, key)
}

// AdmitKey lets a page in that shows a key, or says by an error with a code of the protocol why not.
func (p *Protocol) AdmitKey(r *http.Request, key string) (scenecast.Admission, error) {
	var none scenecast.Admission
	if key == "" || strings.Contains(key, "/") {
		return none, refuse(codePathNotFound, problem.NotFound, "the path is /app/ and a key")
	}
	if err := checkVersions(r.URL.RawQuery); err != nil {
		return none, err
	}
	known := p.options.FindKey(key)
	switch {
	case known == nil:
		return none, refuse(codeNoApp, problem.NotFound, "no app has the key %.64q", key)
	case !known.Enabled:
		r := refuse(codeDisabled, problem.Forbidden, "the app is disabled")
		r.Problem = r.DecidedBy(app.SettingEnabled)
		return none, r
	}
	a, err := p.options.Authenticator.AdmitPage(r, auth.Page{App: known.Name, Token: scenecast.Token{Credential: known.Credential(key)}})
	if err != nil {
		if full := problem.Of(err); full.Kind == problem.TooMany && full.Setting == admission.SettingMaxConnections {
			return none, &refusal{full, codeOverQuota}
		}
		return none, err
	}
	a.Protocol = p
	if known.Resume && p.resumable != nil {
		a.Protocol = p.resumable
	}
	return a, nil
}

// The versions of the protocol that are spoken: they differ in what clients do.
const (
	oldestProtocol = 5
	newestProtocol = 7
)

var versionForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*([-+._~][0-9A-Za-z.+_~-]*)?$`)

const maxVersion = 64

// checkVersions checks what a client says of itself.
func checkVersions(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return refuse(codePathNotFound, problem.Invalid, "the URL's query is not well-formed")
	}
	if version := values.Get("version"); version != "" && (len(version) > maxVersion || !versionForm.MatchString(version)) {
		return refuse(codeVersion, problem.Invalid, "%.64q is no version of a client, as 8.6.0", version)
	}
	spoken := values.Get("protocol")
	if spoken == "" {
		return refuse(codeNoProtocol, problem.Invalid, "the parameter protocol is missing; protocol=7 is known")
	}
	n, err := strconv.Atoi(spoken)
	if err != nil {
		n = math.MaxInt
	}
	if n < oldestProtocol || n > newestProtocol {
		return refuse(codeProtocol, problem.Invalid, "protocol=%.20s is not known; protocols %d to %d are", spoken, oldestProtocol, newestProtocol)
	}
	return nil
}

// Opened implements scenecast.Protocol.
func (p *Protocol) Opened(c scenecast.Conn) { send(c, established(c.ID())) }

// Closed implements scenecast.Protocol.
func (p *Protocol) Closed(scenecast.Conn, scenecast.Ending) {}

// stateResumable is what is kept for a connection that is told positions. Of others nothing is: they have their labels.
const stateResumable = 1

// Export implements scenecast.Mover.
func (p *Protocol) Export(scenecast.Conn) (state []byte, ok bool) {
	if p.positions {
		state = []byte{stateResumable}
	}
	return state, true
}

// Variant implements scenecast.Variants.
func (p *Protocol) Variant(state []byte) scenecast.Protocol {
	if p.resumable != nil && len(state) == 1 && state[0] == stateResumable {
		return p.resumable
	}
	return p
}

// Import implements scenecast.Mover.
func (p *Protocol) Import(scenecast.Conn, []byte) error { return nil }

// Received implements scenecast.Protocol. Nothing that a page says closes its connection: a mistake is told by an event.
func (p *Protocol) Received(c scenecast.Conn, in scenecast.Inbound) {
	if !in.Text {
		fail(c, 0, "a message is a text frame, not a binary one")
		return
	}
	m, ok := readMessage(in.Data)
	if !ok {
		fail(c, 0, "a message is a JSON object with event, channel and data")
		return
	}
	known := p.options.FindApp(c.App())
	if known == nil {
		return // the page is about to be closed
	}
	switch m.event {
	case eventPing:
		send(c, pong)
	case eventPong:
	case "pusher:subscribe":
		p.subscribe(c, known, m.data)
	case "pusher:unsubscribe":
		unsubscribe(c, m.data)
	case "pusher:signin":
		signIn(c, known, m.data)
	default:
		p.publish(c, known, m)
	}
}

// fail tells a page that something was not done.
func fail(c scenecast.Conn, code scenecast.CloseCode, text string) {
	send(c, failure(code, text))
}
