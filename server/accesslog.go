package server

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"scenecast"
	"scenecast/accesslog"
	"scenecast/config"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/tracing"
)

// openAccessLog opens the access log, if there is to be one.
func (s *Server) openAccessLog(c config.AccessLog) (err error) {
	if c.To != "" {
		s.access, err = accesslog.Open(accesslog.Options{To: c.To, Format: c.Format, Logger: s.log}, os.Stdout, os.Stderr)
	}
	return err
}

// accessFlush is how long the end of the server waits for the disk that the access log is on.
const accessFlush = time.Second

// followCalls has spans be made of the calls of backends, and lines of the access log. While nothing wants to know of them, they pass as
// they are.
func (s *Server) followCalls(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.access == nil && !s.tracing.On() {
			next.ServeHTTP(w, r)
			return
		}
		from := s.apps.proxies().Origin(r)
		call, r := tracing.NewCall(s.tracing, r, from)
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		id := ""
		if s.access != nil {
			id = requestID(r)
			w.Header().Set(requestIDHeader, id)
		}
		defer func() {
			call.End(answer.status)
			if s.access != nil {
				s.access.Call(accesslog.Call{
					Request: r, Route: cmp.Or(call.Route(), otherRoute), Status: answer.status, Bytes: answer.bytes, Took: time.Since(call.Began()), From: from,
					App: call.App, Key: call.Key, RequestID: id, TraceID: call.TraceID(),
				})
			}
		}()
		next.ServeHTTP(answer, r)
	})
}

const requestIDHeader = "X-Request-Id"

// maxRequestID bounds the ID that a client, or a proxy, gives its request.
const maxRequestID = 128

// requestID is the ID that a request has been given, where that is one, and otherwise one that is drawn.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	for _, c := range []byte(id) {
		if c <= ' ' || c >= 0x7f {
			id = ""
			break
		}
	}
	if id == "" || len(id) > maxRequestID {
		return strings.ToLower(rand.Text())
	}
	return id
}

// accessPages has a line of the access log be written for each page that ends. It is an observer of the hub.
type accessPages struct {
	log *accesslog.Log

	mu    sync.Mutex
	pages map[scenecast.ConnID]accessPage
}

// accessPage is what is known of a page from its beginning.
type accessPage struct {
	from  netip.Addr // not valid: it has none, or it is not known
	began time.Time  // zero: that is not known
}

var (
	_ hub.Observer          = (*accessPages)(nil)
	_ hub.AdmissionObserver = (*accessPages)(nil)
)

// Admitted implements hub.AdmissionObserver.
func (p *accessPages) Admitted(c hub.Member, a scenecast.Admission) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[c.ID()] = accessPage{a.From, time.Now()}
}

// page is what is known of a page; false: nothing is. Nil knows of none.
func (p *accessPages) page(id scenecast.ConnID) (page accessPage, known bool) {
	if p == nil {
		return page, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	page, known = p.pages[id]
	return page, known
}

// adopt notes what is known of a page that was another process's. Nil notes nothing.
func (p *accessPages) adopt(id scenecast.ConnID, page accessPage) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[id] = page
}

// Joined implements hub.Observer.
func (p *accessPages) Joined(hub.Member) {}

// Relabelled implements hub.Observer.
func (p *accessPages) Relabelled(hub.Member, label.Set) {}

// Left implements hub.Observer.
func (p *accessPages) Left(c hub.Member, e scenecast.Ending) {
	id := c.ID()
	p.mu.Lock()
	page := p.pages[id]
	delete(p.pages, id)
	p.mu.Unlock()
	labels := c.Labels()
	line := accesslog.Page{App: c.App(), Connection: id.String(), From: page.from, Cause: e.Cause.String(), Code: int(e.Code), Detail: e.Detail}
	if !page.began.IsZero() {
		line.Took = max(time.Since(page.began), 1)
	}
	if names := labels.Values(scenecast.LabelProtocol); len(names) > 0 {
		line.Protocol = names[0]
	}
	if users := labels.Values(scenecast.LabelUser); len(users) > 0 && c.Trusted(scenecast.LabelUser) {
		line.User = users[0]
	}
	if counted, ok := c.(hub.TrafficMember); ok {
		traffic := counted.Traffic()
		line.Pushes, line.Messages = traffic.Pushes, traffic.Messages
	}
	p.log.Page(line)
}
