package load

import (
	"net/http"
	"net/url"

	"scenecast/language"
)

// Dialect is how pages and backends talk to one kind of server. Options.Dialect names it; a Scenecast server is the default.
// Safe for concurrent use.
type Dialect interface {
	// Target is what a page asks for in its handshake, path and query: these are its labels. It may change them.
	Target(labels url.Values) string
	// Subprotocol is the WebSocket subprotocol that a page asks for; may be empty.
	Subprotocol() string
	// Begin is what a page says when the handshake is done, if anything. Open means that the server says no welcome: the
	// page gets messages from now on.
	Begin() (say []byte, open bool)
	// Hear tells what a server's text message is. Where several came in one, rest is what follows the first. All of it
	// is valid only until the next call of the page.
	Hear(text []byte) (h Heard, rest []byte)
	// Push is the HTTP call that publishes a message.
	Push(to Audience, message []byte) Call
	// Answer reads what the server says to it.
	Answer(status int, body []byte) (Answer, error)
}

// Kind is what a server may mean.
type Kind uint8

// The kinds of what is heard.
const (
	Strange Kind = iota // nothing that this bench knows
	Chatter             // part of the protocol, and no more
	Welcome             // the page is open
	Pushed              // a message
)

// Heard is one thing that the server has said.
type Heard struct {
	Kind  Kind
	Data  []byte // of Pushed: the message as it was published
	Reply []byte // what the page must say to it; may be empty
}

// Audience is whom a push is for: the pages with a label, or, where Key is empty, those of an expression.
type Audience struct {
	Key, Value string
	JSON       []byte // the same as an audience of Scenecast
}

// Call is an HTTP call with the method POST.
type Call struct {
	Path   string // path and query
	Header []string
	Body   []byte
}

// Answer is what a server says to a push.
type Answer struct {
	Matched int // pages; Untold where the server does not say
	Queued  int
	Dropped int
}

// Untold is a number of pages that the server does not tell.
const Untold = -1

// refused is an answer that says no.
func refused(status int, why string) error {
	return language.Errorf("the server answers %d %s: %s", status, language.Phrase(http.StatusText(status)), why)
}
