package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// The SDK reads this when tracing is put on: spans are sent soon.
func init() { _ = os.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10") }

// otlpSpan is a span as the collector gets it.
type otlpSpan struct {
	TraceID, SpanID, ParentSpanID string
	Name                          string
	Kind                          int
	Links                         []struct{ TraceID, SpanID string }
	Status                        struct{ Code int }
	Attributes                    []otlpAttribute
	service                       map[string]string // attributes of its resource
}

type otlpAttribute struct {
	Key   string
	Value map[string]any
}

func (s otlpSpan) attributes() map[string]string { return flat(s.Attributes) }

func flat(list []otlpAttribute) map[string]string {
	m := make(map[string]string)
	for _, a := range list {
		for _, v := range a.Value {
			m[a.Key] = fmt.Sprint(v)
		}
	}
	return m
}

// The kinds of spans (trace.proto).
const (
	kindServer   = 2
	kindClient   = 3
	kindProducer = 4
	kindConsumer = 5
)

// spanCollector is a collector of OTLP over HTTP.
type spanCollector struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	spans   []otlpSpan
	headers http.Header // of the last request
	came    chan struct{}
}

func newSpanCollector(t *testing.T) *spanCollector {
	c := &spanCollector{t: t, came: make(chan struct{}, 1)}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *spanCollector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []otlpAttribute }
			ScopeSpans []struct {
				Scope struct{ Name string }
				Spans []otlpSpan
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
		c.t.Errorf("%s %v: %v", r.URL.Path, r.Header, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = r.Header
	for _, of := range body.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				s.service = flat(of.Resource.Attributes)
				c.spans = append(c.spans, s)
			}
		}
	}
	select {
	case c.came <- struct{}{}:
	default:
	}
}

// await are the spans for which want holds, as soon as there are so many.
func (c *spanCollector) await(n int, want func(otlpSpan) bool) []otlpSpan {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		c.mu.Lock()
		var found []otlpSpan
		for _, s := range c.spans {
			if want(s) {
				found = append(found, s)
			}
		}
		all := c.spans
		c.mu.Unlock()
		if len(found) >= n {
			return found
		}
		select {
		case <-c.came:
		case <-timeout:
			c.t.Fatalf("%d of %d spans are there, among %+v", len(found), n, all)
		}
	}
}

// ofTrace are the spans of a trace, as soon as there are so many.
func (c *spanCollector) ofTrace(n int, id string) []otlpSpan {
	c.t.Helper()
	spans := c.await(n, func(s otlpSpan) bool { return s.TraceID == id })
	slices.SortFunc(spans, func(a, b otlpSpan) int { return a.Kind - b.Kind })
	return spans
}

// tells is the service, and a header, of the span of a call whose caller does not say whether it is sampled; none: it has no span.
func (c *spanCollector) tells(s *reloadable) string {
	if s.Config().Tracing.Endpoint == "" {
		return "none"
	}
	c.mu.Lock()
	before := len(c.spans)
	c.mu.Unlock()
	s.call(http.MethodGet, "/v1/connections/1.1", apiKey, "", "")
	s.callWith(http.MethodGet, "/v1/connections/1.1", tracedBy(apiKey, callerTrace(before), "01"), "")
	last := c.ofTrace(1, callerTrace(before))[0] // which comes behind the other one
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spans[before].TraceID == last.TraceID {
		return "none"
	}
	return fmt.Sprintf("%s k=%q", last.service["service.name"], c.headers.Get("K"))
}

const callerSpan = "00f067aa0ba902b7"

// callerTrace is the n-th trace of a caller.
func callerTrace(n int) string { return fmt.Sprintf("4bf92f3577b34da6a3ce929d0e0e%04x", n) }

// tracedBy are headers of a call that is a part of this trace.
func tracedBy(key, trace, flags string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + key, "Traceparent": "00-" + trace + "-" + callerSpan + "-" + flags, "User-Agent": "caller/1"}
}

func wantAttributes(t *testing.T, s otlpSpan, want map[string]string) {
	t.Helper()
	got := s.attributes()
	for key, value := range want {
		if value == "*" && got[key] != "" {
			want[key] = got[key]
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s has\n%v\nwant\n%v", s.Name, got, want)
	}
}
