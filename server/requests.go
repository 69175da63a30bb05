package server

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"scenecast/histogram"
	"scenecast/metrics"
	"scenecast/tracing"
)

// requests counts HTTP requests by route. A route is a method that is known and the pattern of a path, so there are no more of them than the
// program has, whatever clients ask for. Safe for concurrent use.
type requests struct {
	mu     sync.Mutex
	routes map[route]*routeRequests
}

type route struct{ method, pattern string }

// routeRequests are those to one route.
type routeRequests struct {
	took     *histogram.Histogram
	statuses map[int]int64 // guarded by requests.mu
}

// knownMethods are those that routes are told apart by.
var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// otherRoute are requests to what is no route.
const otherRoute = "other"

// name is the route in metrics.
func (r route) name() string {
	path := tracing.RouteOf(r.pattern)
	if path == "" || !slices.Contains(knownMethods, r.method) {
		return otherRoute
	}
	return r.method + " " + path
}

// measure counts the requests that a handler answers, which sets their Pattern, as http.ServeMux does.
func (q *requests) measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		measured := &measuredWriter{ResponseWriter: w, began: time.Now()}
		defer func() { q.count(route{r.Method, r.Pattern}, measured) }()
		next.ServeHTTP(measured, r)
	})
}

func (q *requests) count(to route, w *measuredWriter) {
	if !slices.Contains(knownMethods, to.method) {
		to = route{}
	}
	if w.status == 0 { // nothing was written
		w.begin(http.StatusOK)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.routes[to]
	if of == nil {
		if q.routes == nil {
			q.routes = make(map[route]*routeRequests)
		}
		of = &routeRequests{took: histogram.New(histogram.CallBounds), statuses: make(map[int]int64)}
		q.routes[to] = of
	}
	of.took.Observe(w.took)
	of.statuses[w.status]++
}

// figures are the requests so far, for metrics.
func (q *requests) figures() (counts []metrics.Requests, times map[string]histogram.Snapshot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	times = make(map[string]histogram.Snapshot)
	byName := make(map[metrics.Requests]int64)
	for to, of := range q.routes {
		name := to.name()
		times[name] = times[name].With(of.took.Snapshot())
		for status, n := range of.statuses {
			byName[metrics.Requests{Route: name, Status: strconv.Itoa(status)}] += n
		}
	}
	for r, n := range byName {
		r.Count = n
		counts = append(counts, r)
	}
	return counts, times
}

// measuredWriter notes when the answer begins, and with which status.
type measuredWriter struct {
	http.ResponseWriter
	began  time.Time
	took   time.Duration
	status int // 0: it has not begun
}

func (w *measuredWriter) begin(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status, w.took = status, time.Since(w.began)
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *measuredWriter) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *measuredWriter) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find what this writer does not have.
func (w *measuredWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
