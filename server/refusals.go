package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"scenecast"
	"scenecast/accesslog"
	"scenecast/admission"
	"scenecast/problem"
	"scenecast/ratelimit"
)

// refusalLines bounds the lines about refusals in the log, per second.
const refusalLines = 10

// refusals counts and logs the requests that are refused, of pages and of backends: wrong tokens and keys, limits, mistakes. Its methods may be called concurrently and do not wait.
type refusals struct {
	log     *ratelimit.Log
	proxies func() admission.Proxies
	failed  func(from netip.Addr) // is told of each wrong token
	access  *accesslog.Log        // has a line for each page; nil: there is none

	mu    sync.Mutex
	pages map[problem.Kind]int64
	calls map[problem.Kind]int64
}

func newRefusals(log *slog.Logger, proxies func() admission.Proxies, failed func(from netip.Addr)) *refusals {
	r := &refusals{
		log:     ratelimit.NewLog(log, refusalLines),
		proxies: proxies,
		failed:  failed,
		pages:   make(map[problem.Kind]int64),
		calls:   make(map[problem.Kind]int64),
	}
	// The usual kinds begin at 0, so that a first refusal is seen as one more.
	for _, kind := range []problem.Kind{
		problem.Invalid, problem.LimitExceeded, problem.Unauthorized, problem.Forbidden, problem.TooMany, problem.UpgradeRequired,
		problem.Internal, problem.Unavailable,
	} {
		r.pages[kind] = 0
	}
	for _, kind := range []problem.Kind{problem.Invalid, problem.Unauthorized, problem.Forbidden, problem.NotFound, problem.TooMany, problem.Internal} {
		r.calls[kind] = 0
	}
	return r
}

// page notes a page that was refused, whatever it connects by.
func (f *refusals) page(r *http.Request, p *problem.Problem) {
	f.note("page refused", f.pages, r, p)
	if f.access != nil {
		f.access.Refused(r, f.proxies().Origin(r), string(p.Kind), p.Kind.Status())
	}
}

// call notes a call of a backend that was refused.
func (f *refusals) call(r *http.Request, p *problem.Problem) { f.note("call refused", f.calls, r, p) }

// note logs the path without the query, because tokens are in it.
func (f *refusals) note(message string, counts map[problem.Kind]int64, r *http.Request, p *problem.Problem) {
	f.mu.Lock()
	counts[p.Kind]++
	f.mu.Unlock()
	from := f.proxies().Origin(r)
	if p.Kind == problem.Unauthorized {
		f.failed(from)
	}
	f.log.Info(message, "method", r.Method, "path", r.URL.Path, "client", from, "kind", p.Kind, "why", p.Error())
}

// token notes a wrong token that a connected page has sent; of some pages it is not known where they come from.
func (f *refusals) token(from netip.Addr, p *problem.Problem) {
	attributes := []any{"kind", p.Kind, "why", p.Error()}
	if from.IsValid() {
		f.failed(from)
		attributes = append([]any{"client", from}, attributes...)
	}
	f.log.Info("token refused", attributes...)
}

// count copies one of the maps, with names for metrics.
func (f *refusals) count(counts map[problem.Kind]int64) map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	byName := make(map[string]int64, len(counts))
	for kind, n := range counts {
		byName[string(kind)] = n
	}
	return byName
}

// healthPaths are those that a balancer asks, from an address that may be anybody's.
var healthPaths = []string{"/healthz", "/readyz"}

// checkAddress refuses requests of addresses that have shown too many wrong tokens.
func (s *Server) checkAddress(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(healthPaths, r.URL.Path) {
			if err := s.addresses.Check(s.apps.proxies().Origin(r)); err != nil {
				s.refusals.call(r, problem.Of(err))
				refuse(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// limited is how much was refused by each rate.
func (s *Server) limited() map[string]int64 {
	byPushes, byDeliveries := s.pushes.Limited()
	connects, tokens := s.addresses.Refused()
	return map[string]int64{
		"key_pushes": byPushes, "key_deliveries": byDeliveries, "connect_rate": connects, "failed_tokens": tokens, "page_sets": s.hub.ActsRefused(scenecast.ActSet), "page_calls": s.hub.ActsRefused(scenecast.ActCall),
	}
}
