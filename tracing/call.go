package tracing

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Call is an HTTP call under way: what its handler says of it, for its span and for the access log. One goroutine at a time uses it.
type Call struct {
	tracing *Tracing // nil, or off: there is no span
	request *http.Request
	from    netip.Addr
	began   time.Time

	route    string // empty: that of the pattern
	App, Key string // whose it is: the name of the API key, and never the key. Empty: that was not known, or not asked
	span     trace.Span
}

type callKey struct{}

// NewCall begins a call, and returns the request by which handlers find it. from is the client's address.
func NewCall(t *Tracing, r *http.Request, from netip.Addr) (*Call, *http.Request) {
	c := &Call{tracing: t, from: from, began: time.Now()}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	c.request = r
	return c, r
}

func callOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Began is when the call began.
func (c *Call) Began() time.Time { return c.began }

// Route is the pattern of the path, as in /v1/triggers/{name}; empty: nothing serves the path.
func (c *Call) Route() string {
	if c.route != "" {
		return RouteOf(c.route)
	}
	return RouteOf(c.request.Pattern)
}

// RouteOf is the path of a pattern of http.ServeMux, as in /v1/triggers/{name}; empty: it is that of what nothing else serves.
func RouteOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	if pattern == "/" {
		return ""
	}
	return strings.TrimSuffix(pattern, "{$}")
}

// SetRoute says which route the call has that a context is of, where no pattern of http.ServeMux does.
func SetRoute(ctx context.Context, route string) {
	if c := callOf(ctx); c != nil {
		c.route = route
	}
}

// Authorized says whose the call is that a context is of, as soon as its credential is known to be good: its span starts, as of when the call
// began. So strangers cause no spans. A page, which everybody can be, does not decide whether its trace is sampled.
func Authorized(ctx context.Context, app, key string, isPage bool) {
	c := callOf(ctx)
	if c == nil {
		return
	}
	c.App, c.Key = app, key
	if !c.tracing.On() || c.span != nil {
		return
	}
	r := c.request
	parent := propagator.Extract(context.Background(), propagation.HeaderCarrier(r.Header))
	if isPage {
		parent = ofStranger(parent)
	}
	_, c.span = c.tracing.start(parent, r.Method+" "+c.Route(), trace.SpanKindServer, trace.WithTimestamp(c.began), trace.WithAttributes(c.attributes()...))
}

// attributes are those of a server's span (semantic conventions, "HTTP"). The query is left out: tokens are in it.
func (c *Call) attributes() []attribute.KeyValue {
	r := c.request
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	list := []attribute.KeyValue{
		attribute.String("http.request.method", r.Method),
		attribute.String("http.route", c.Route()),
		attribute.String("url.path", r.URL.Path),
		attribute.String("url.scheme", scheme),
		attribute.String("network.protocol.version", strings.TrimSuffix(strings.TrimPrefix(r.Proto, "HTTP/"), ".0")),
		keyApp.String(c.App),
	}
	if c.Key != "" {
		list = append(list, keyKey.String(c.Key))
	}
	if c.from.IsValid() {
		list = append(list, attribute.String("client.address", c.from.String()))
	}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		list = append(list, attribute.String("server.address", host))
	} else if r.Host != "" {
		list = append(list, attribute.String("server.address", r.Host))
	}
	if agent := r.UserAgent(); agent != "" {
		list = append(list, attribute.String("user_agent.original", agent))
	}
	return list
}

// TraceID is that of a call that is sampled, in hexadecimal; otherwise empty.
func (c *Call) TraceID() string {
	if c.span == nil {
		return ""
	}
	id := c.span.SpanContext().TraceID()
	return hex.EncodeToString(id[:])
}

// End ends the call with the status that was answered.
func (c *Call) End(status int) {
	if c.span != nil {
		setStatus(c.span, status, http.StatusInternalServerError)
		c.span.End()
	}
}
