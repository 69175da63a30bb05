package listener

import (
	"net"
	"net/http"

	"scenecast"
	"scenecast/problem"
	"scenecast/sockjs"
)

// serveSockJS answers a request of a session; an error is still to be answered.
func (s *Server) serveSockJS(w http.ResponseWriter, r *http.Request, e *Endpoint) (err error) {
	switch r.Method {
	case http.MethodPost:
		origins := s.options.Origins().any
		if err = origins.check(r); err == nil {
			origins.setHeaders(r, w.Header())
			return e.Sessions.Serve(w, r, &opening{s, e, connectionOf(r).conn})
		}
	case http.MethodOptions:
		err = s.servePreflight(w, r, "POST", "Content-Type")
	default:
		w.Header().Set("Allow", "OPTIONS, POST")
		err = problem.New(problem.MethodNotAllowed, "%s takes POST", r.URL.Path)
	}
	if err != nil {
		s.options.Origins().any.setHeaders(r, w.Header())
	}
	return err
}

// opening is a session that begins with a request.
type opening struct {
	server   *Server
	endpoint *Endpoint
	conn     net.Conn // of the request
}

var _ sockjs.Opening = (*opening)(nil)

// Admit implements sockjs.Opening.
func (o *opening) Admit(r *http.Request) (a scenecast.Admission, err error) {
	s := o.server
	s.turns.await(r.Context(), s.draining)
	if a, err = s.admit(r, o.endpoint); err != nil {
		return a, err
	}
	if err := s.mayBePage(o.conn); err != nil {
		s.options.Release(a.Lease)
		return a, err
	}
	return a, nil
}

// Refuse implements sockjs.Opening.
func (o *opening) Refuse(r *http.Request, err error) (sockjs.Refusal, bool) {
	e := o.endpoint
	if e.CloseCode == nil {
		return sockjs.Refusal{}, false
	}
	o.server.refusedQuietly(r, err)
	code, reason := e.CloseCode(err)
	var frame []byte
	if e.Refusal != nil {
		frame = e.Refusal(err)
	}
	return sockjs.Refusal{Frame: frame, Code: code, Reason: reason}, true
}

// Attach implements sockjs.Opening.
func (o *opening) Attach(c net.Conn, a scenecast.Admission) { o.server.nextLoop().Attach(c, nil, a) }
