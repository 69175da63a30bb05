package listener

import (
	"net/http"

	"scenecast"
	"scenecast/sockjs"
	"scenecast/websocket"
)

// Admitter decides about the page that a request is to become, before anything is stored. Safe for concurrent use.
type Admitter interface {
	// Admit reads the request. An error (a *problem.Problem) refuses it, and it is answered over HTTP. A page that is admitted
	// holds a lease of the quota: whoever does not give it to a loop releases the lease.
	Admit(r *http.Request) (scenecast.Admission, error)
}

// Transport is what becomes of the connection of a page that is admitted.
type Transport int

// The transports.
const (
	WebSocket   Transport = iota // RFC 6455; a request that asks for no upgrade is the handler's
	EventStream                  // a response without end; all requests are the endpoint's
	SockJS                       // a session over many requests (package sockjs); all requests are the endpoint's
)

// Endpoint is where pages connect in one way. Endpoints are asked in their order, on event loops and by net/http alike.
type Endpoint struct {
	Match     func(path string) bool // whether a path is the endpoint's; Path makes one
	Transport Transport
	Admitter  Admitter
	Blocking  bool // the admitter may wait, so no event loop may call it

	// Refuse answers over HTTP, in the endpoint's own form.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)

	// CloseCode, where it is set, has pages that the admitter refuses told by a close frame: a browser can read that, and not
	// the status of a refused handshake. Of WebSockets, and of SockJS.
	CloseCode func(err error) (scenecast.CloseCode, string)
	// Refusal, where it is set besides, makes a frame that such a page gets before the close frame.
	Refusal func(err error) []byte

	// Of WebSockets.
	Subprotocol string // that the page must offer; empty: none

	// Of event streams.
	ContentType string
	// Retry makes the whole stream of a page that is refused for a while, because EventSource comes back from a stream that has
	// ended, and from no other status than 200. False: the refusal is final, and is answered by Refuse.
	Retry func(err error) (stream []byte, ok bool)

	// Of SockJS: the sessions. The admitter is given the base of a session as the path.
	Sessions *sockjs.Sessions
}

// Path matches one path.
func Path(path string) func(string) bool { return func(p string) bool { return p == path } }

// serves reports whether the request is for the endpoint.
func (e *Endpoint) serves(r *http.Request) bool {
	return e.Match(r.URL.Path) && (e.Transport != WebSocket || websocket.IsUpgrade(r))
}

// endpointFor is the endpoint that the request is for; nil: it is the handler's.
func (s *Server) endpointFor(r *http.Request) *Endpoint {
	for i := range s.options.Endpoints {
		if e := &s.options.Endpoints[i]; e.serves(r) {
			return e
		}
	}
	return nil
}
