// Package tutorial is the wire of the tutorial that Scenecast grew out of ("Laravel 中使用 swoole 项目实战开发案例二"), byte for
// byte where the tutorial fixes it, and without its faults:
//
//	page → server   ws://host:9502/?page=home&token=T     every parameter but token becomes a label
//	server → page   {"code":200,"message":"打开swoole服务成功"}    the welcome
//	page → server   heartbeat                              the tutorial's server forgot to answer …
//	server → page   {"code":200,"message":"heartbeat"}     … so its pages reconnected every two minutes
//	server → page   the push's JSON, verbatim
//	server → page   {"code":206,"message":"gap","reason":…}  what the tutorial's pages never learned: they have missed something
//	backend         GET or POST /?func=NAME&token=T        runs a trigger and is answered at once
//
// A token that is missing or wrong is refused before anything is stored. The connection's other messages mean nothing
// and are ignored, as in the tutorial.
package tutorial

import (
	"encoding/json"
	"net/http"

	"scenecast"
	"scenecast/admission"
	"scenecast/websocket"
)

// DefaultWelcome is the tutorial's own text.
const DefaultWelcome = "打开swoole服务成功"

// The message that keeps a connection alive, and its answer.
var (
	heartbeat       = "heartbeat"
	heartbeatAnswer = websocket.TextFrame([]byte(`{"code":200,"message":"heartbeat"}`))
)

var (
	_ scenecast.Protocol = (*Protocol)(nil)
	_ scenecast.Mover    = (*Protocol)(nil)
)

// Options configure the protocol.
type Options struct {
	Authenticator *admission.Authenticator // admits pages
	Welcome       string                   // text of the first message. Defaults to DefaultWelcome.
	Idle          scenecast.IdlePolicy     // how long a page may say nothing
}

// Protocol is the tutorial's wire for WebSockets. It is its own listener.Admitter.
type Protocol struct {
	options Options
	welcome []byte // frame
}

// New makes the protocol.
func New(o Options) *Protocol {
	if o.Welcome == "" {
		o.Welcome = DefaultWelcome
	}
	return &Protocol{options: o, welcome: websocket.TextFrame(answer{Code: http.StatusOK, Message: o.Welcome}.json())}
}

// Name implements scenecast.Protocol.
func (p *Protocol) Name() string { return "tutorial" }

// Admit implements listener.Admitter.
func (p *Protocol) Admit(r *http.Request) (scenecast.Admission, error) {
	a, err := p.options.Authenticator.Admit(r, admission.QueryForm{})
	a.Protocol, a.Idle = p, p.options.Idle
	return a, err
}

// Opened implements scenecast.Protocol.
func (p *Protocol) Opened(c scenecast.Conn) { c.Send(p.welcome) }

// Received implements scenecast.Protocol.
func (p *Protocol) Received(c scenecast.Conn, m scenecast.Inbound) {
	if m.Text && string(m.Data) == heartbeat {
		c.Send(heartbeatAnswer)
	}
}

// Closed implements scenecast.Protocol.
func (p *Protocol) Closed(scenecast.Conn, scenecast.Ending) {}

// Export implements scenecast.Mover: the protocol keeps nothing per connection.
func (p *Protocol) Export(scenecast.Conn) (state []byte, ok bool) { return nil, true }

// Import implements scenecast.Mover.
func (p *Protocol) Import(scenecast.Conn, []byte) error { return nil }

// Traits implements scenecast.Protocol.
func (p *Protocol) Traits() scenecast.Traits { return scenecast.Traits{EncodeGap: encodeGap} }

// EncodePush implements scenecast.Protocol.
func (p *Protocol) EncodePush(push *scenecast.Push, _ scenecast.Delivery) []byte {
	return websocket.TextFrame(push.Message.Data)
}

// encodeGap is the message that tells of a gap. The code is not the one that a page of the tutorial shows messages of.
func encodeGap(n scenecast.GapNotice) []byte {
	return websocket.TextFrame(answer{Code: http.StatusPartialContent, Message: "gap", Reason: string(n.Reason), Dropped: n.Dropped}.json())
}

// answer is how the tutorial's server speaks, over either transport.
type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	ID      string `json:"id,omitempty"`      // of the push
	Matched *int   `json:"matched,omitempty"` // pages reached
	Reason  string `json:"reason,omitempty"`  // of a gap
	Dropped int    `json:"dropped,omitempty"` // messages, of a gap
}

func (a answer) json() []byte {
	b, _ := json.Marshal(a) // numbers and texts always encode
	return b
}
