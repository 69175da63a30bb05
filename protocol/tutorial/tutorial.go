// Package tutorial is the wire of the tutorial that Scenecast grew out of ("Laravel 中使用 swoole 项目实战开发案例二"), byte for
// byte where the tutorial fixes it, and without its faults:
//
//	page → server   ws://host:9502/?page=home&token=T     every parameter but token becomes a label
//	server → page   {"code":200,"message":"打开swoole服务成功"}    the welcome
//	page → server   heartbeat                              the tutorial's server forgot to answer …
//	server → page   {"code":200,"message":"heartbeat"}     … so its pages reconnected every two minutes
//	server → page   the push's JSON, verbatim
//	backend         GET or POST /?func=NAME&token=T        runs a trigger and is answered at once
//
// A token that is missing or wrong is refused before anything is stored. The connection's other messages mean nothing
// and are ignored, as in the tutorial.
package tutorial

import (
	"encoding/json"
	"net/http"
	"net/url"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/websocket"
)

// DefaultWelcome is the tutorial's own text.
const DefaultWelcome = "打开swoole服务成功"

// tokenParam is the one query parameter that is no label.
const tokenParam = "token"

// The message that keeps a connection alive, and its answer.
var (
	heartbeat       = "heartbeat"
	heartbeatAnswer = websocket.TextFrame([]byte(`{"code":200,"message":"heartbeat"}`))
)

var (
	_ scenecast.Protocol = (*Protocol)(nil)
	_ scenecast.Gate     = (*Protocol)(nil)
)

// Options configure the protocol.
type Options struct {
	App     string            // whose pages these are. Defaults to scenecast.DefaultApp.
	Tokens  auth.PageTokens   // that let a page in
	Limits  label.Limits      // of a page's labels. Defaults to label.DefaultLimits.
	Welcome string            // text of the first message. Defaults to DefaultWelcome.
	Silence scenecast.Silence // how long a page may say nothing
}

// Protocol is the tutorial's wire for WebSockets. It is its own gate.
type Protocol struct {
	options Options
	welcome []byte // frame
}

// New makes the protocol.
func New(o Options) *Protocol {
	if o.App == "" {
		o.App = scenecast.DefaultApp
	}
	if o.Limits == (label.Limits{}) {
		o.Limits = label.DefaultLimits
	}
	if o.Welcome == "" {
		o.Welcome = DefaultWelcome
	}
	return &Protocol{options: o, welcome: websocket.TextFrame(answer{Code: http.StatusOK, Message: o.Welcome}.json())}
}

// Name implements scenecast.Protocol.
func (p *Protocol) Name() string { return "tutorial" }

// Admit implements scenecast.Gate: the token first, then the labels.
func (p *Protocol) Admit(r *http.Request) (scenecast.Admission, error) {
	query, err := parseQuery(r)
	if err != nil {
		return scenecast.Admission{}, err
	}
	token := query[tokenParam]
	if len(token) != 1 || !p.options.Tokens.Valid(token[0]) {
		return scenecast.Admission{}, problem.New(problem.Unauthorized,
			"the page's token is missing or wrong (setting: client_tokens)").At(tokenParam)
	}
	delete(query, tokenParam)
	for key := range query {
		if label.Reserved(key) {
			return scenecast.Admission{}, problem.New(problem.Invalid, "label keys with @ are the server's own").At(key)
		}
	}
	labels := label.FromMap(query)
	if err := p.options.Limits.Check(labels); err != nil {
		return scenecast.Admission{}, err
	}
	return scenecast.Admission{
		App:      p.options.App,
		Labels:   labels,
		Protocol: p,
		Silence:  p.options.Silence,
	}, nil
}

// Opened implements scenecast.Protocol.
func (p *Protocol) Opened(c scenecast.Conn) { c.Send(p.welcome) }

// Received implements scenecast.Protocol.
func (p *Protocol) Received(c scenecast.Conn, m scenecast.Inbound) {
	if m.Text && string(m.Data) == heartbeat {
		c.Send(heartbeatAnswer)
	}
}

// EncodePush implements scenecast.Encoder.
func (p *Protocol) EncodePush(push *scenecast.Push) []byte {
	return websocket.TextFrame(push.Message.Data)
}

// answer is how the tutorial's server speaks, over either transport.
type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	ID      string `json:"id,omitempty"`      // of the push
	Matched *int   `json:"matched,omitempty"` // pages reached
}

func (a answer) json() []byte {
	b, _ := json.Marshal(a) // numbers and texts always encode
	return b
}

// parseQuery is r.URL.Query(), but for what cannot be read: that is refused, not dropped. The problem does not quote the
// query, because the token is in it.
func parseQuery(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(problem.Invalid, "the URL's query is not well-formed: key=value pairs joined by &, percent-encoded")
	}
	return query, nil
}
