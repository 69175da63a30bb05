// Package sockjs is the transport of pages that cannot keep a WebSocket open: a session over many POST requests, with the frames of
// SockJS (sockjs-protocol 0.3.3) as pusher-js speaks them. What the server sends comes as the response to /xhr_streaming, which does not
// end, or to /xhr, which ends behind the next frames and is asked again; what the page sends comes by /xhr_send.
//
// To a loop of package socket a session is a net.Conn on which WebSocket frames go. So it carries any scenecast.Protocol, and has the
// limits, the outbox, the pings and the close codes that other pages have. It is in the memory of the node that has opened it, and ends
// when no request has received for Options.DisconnectDelay.
package sockjs

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/problem"
	"scenecast/ratelimit"
)

// Options configure the sessions of a server.
type Options struct {
	DisconnectDelay time.Duration // a session that no request receives from for this long ends. Defaults to 5 s
	PollTime        time.Duration // a poll is answered after this long at the latest, by a heartbeat. Defaults to 25 s
	ReorderWait     time.Duration // a message is not kept back for longer, for one before it that has not come. Defaults to 200 ms
	MaxBody         int           // bytes of the body of one /xhr_send. Defaults to 1 MiB
	MaxBodySetting  string        // the setting that decides it, for who exceeds it
	Hostname        string        // under which clients reach this node, and no other; empty: they go on as they came

	// Broadcast sends a message to the Sessions of all other nodes, where Received takes it. Nil: there are no others.
	Broadcast func(message []byte)

	Logger *slog.Logger
}

// Opening is what a listener does for a session that begins.
type Opening interface {
	// Admit decides about the page. The path of the request is the session's base.
	Admit(r *http.Request) (scenecast.Admission, error)
	// Refuse says what a page that Admit refuses is told by frames; false: the request is answered over HTTP.
	Refuse(r *http.Request, err error) (Refusal, bool)
	// Attach gives the session to a loop, which closes it.
	Attach(c net.Conn, a scenecast.Admission)
}

// Refusal is what a page is told that is refused.
type Refusal struct {
	Frame  []byte // a WebSocket frame before the close frame; may be empty
	Code   scenecast.CloseCode
	Reason string
}

// Sessions are those of one node. Its methods may be called concurrently.
type Sessions struct {
	options Options
	log     *ratelimit.Log

	mu    sync.Mutex
	byKey map[string]*session // by base and session

	asking    asking
	misrouted atomic.Int64
}

// logLines bounds the lines of sessions in the log, per second.
const logLines = 5

// New makes the sessions of a node, none yet.
func New(o Options) *Sessions {
	defaultTo(&o.DisconnectDelay, 5*time.Second)
	defaultTo(&o.ReorderWait, 200*time.Millisecond)
	defaultTo(&o.PollTime, 25*time.Second)
	defaultTo(&o.MaxBody, 1<<20)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Sessions{options: o, log: ratelimit.NewLog(o.Logger, logLines), byKey: make(map[string]*session)}
	s.asking.node, s.asking.waiting = scenecast.NewNodeID(), make(map[string]chan struct{})
	return s
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Stats are figures of the sessions.
type Stats struct {
	Open      int   // sessions, those included that are being closed
	Misrouted int64 // requests that have come to another node than that of their session
}

// Stats is how it stands.
func (s *Sessions) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Open: len(s.byKey), Misrouted: s.misrouted.Load()}
}

// Address is what the path of a request says: /base/server/session/request.
type Address struct {
	Base    string // where the endpoint is
	Key     string // of the session: base, server and session, as the client has chosen them
	Request string // xhr, xhr_streaming or xhr_send
}

// The requests.
const (
	requestPoll   = "xhr"
	requestStream = "xhr_streaming"
	requestSend   = "xhr_send"
)

// maxID bounds the bytes of server and session in a path.
const maxID = 64

// ParseAddress reads a path; false: it is none of a session.
func ParseAddress(path string) (a Address, ok bool) {
	rest, request, _ := cutLast(path)
	base, session, _ := cutLast(rest)
	base, server, ok := cutLast(base)
	if !ok || server == "" || session == "" || len(server) > maxID || len(session) > maxID {
		return a, false
	}
	switch request {
	case requestPoll, requestStream, requestSend:
		return Address{base, rest, request}, true
	default:
		return a, false
	}
}

func cutLast(path string) (before, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// Serve answers a POST request to a path that ParseAddress takes. An error is a *problem.Problem, and is still to be answered.
func (s *Sessions) Serve(w http.ResponseWriter, r *http.Request, o Opening) error {
	a, ok := ParseAddress(r.URL.Path)
	if !ok {
		return problem.New(problem.NotFound, "no such path")
	}
	if a.Request == requestSend {
		return s.serveSend(w, r, a)
	}
	return s.serveReceive(w, r, a, o)
}

// find is the session of a key; if there is none, a new one, which the caller is to open.
func (s *Sessions) find(a Address, r *http.Request) (found *session, isNew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.byKey[a.Key]; ok {
		return found, false
	}
	found = newSession(s, a.Key, r)
	s.byKey[a.Key] = found
	return found, true
}

func (s *Sessions) get(key string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey[key]
}

func (s *Sessions) remove(ended *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey[ended.key] == ended {
		delete(s.byKey, ended.key)
	}
}
