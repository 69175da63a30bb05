package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"scenecast"
)

var propagator propagation.TraceContext

// The attributes that no semantic convention has.
const (
	keyApp       = attribute.Key("scenecast.app")
	keyKey       = attribute.Key("scenecast.key") // the name of an API key
	keyHook      = attribute.Key("scenecast.hook")
	keyMatched   = attribute.Key("scenecast.push.matched")   // connections that the audience has chosen
	keyDelivered = attribute.Key("scenecast.push.delivered") // of those, the ones whose outbox took it
	keyDropped   = attribute.Key("scenecast.push.dropped")   // … and did not
	keyNodes     = attribute.Key("scenecast.push.nodes")     // that have answered
	keyReplayed  = attribute.Key("scenecast.push.replayed")
)

// messaging are the attributes of spans about a push (semantic conventions, "Messaging").
func messaging(operation, kind, app, id string, bytes int) trace.SpanStartOption {
	return trace.WithAttributes(
		attribute.String("messaging.system", "scenecast"),
		attribute.String("messaging.operation.name", operation),
		attribute.String("messaging.operation.type", kind),
		attribute.String("messaging.destination.name", app),
		attribute.String("messaging.message.id", id),
		attribute.Int("messaging.message.body.size", bytes),
	)
}

// Publish is the span of a push, from when it is submitted until it is known what has become of it. Its methods may be called concurrently,
// also of nil.
type Publish struct{ span trace.Span }

// StartPublish starts the span of a push of the call that the context is of; nil where that is not sampled.
func StartPublish(ctx context.Context, app, id string, bytes int) *Publish {
	c := callOf(ctx)
	if c == nil || c.span == nil {
		return nil
	}
	_, span := c.tracing.start(trace.ContextWithSpan(ctx, c.span), "publish "+app, trace.SpanKindProducer, messaging("publish", "send", app, id, bytes))
	if span == nil {
		return nil
	}
	return &Publish{span}
}

// Context is what the push carries; nil: nothing.
func (p *Publish) Context() *scenecast.TraceContext {
	if p == nil {
		return nil
	}
	return contextOf(p.span)
}

// End ends the span; err says why the push was not published, or why it is not known. What comes after the first End is ignored.
func (p *Publish) End(t scenecast.Tally, replayed bool, err error) {
	if p == nil {
		return
	}
	if err != nil {
		p.span.SetStatus(codes.Error, err.Error())
	}
	p.span.SetAttributes(tally(t)...)
	p.span.SetAttributes(keyNodes.Int(t.Nodes))
	if replayed {
		p.span.SetAttributes(keyReplayed.Bool(true))
	}
	p.span.End()
}

func tally(t scenecast.Tally) []attribute.KeyValue {
	return []attribute.KeyValue{keyMatched.Int(t.Matched), keyDelivered.Int(t.Queued), keyDropped.Int(t.Dropped)}
}

// contextOf is that of a span that is sampled.
func contextOf(s trace.Span) *scenecast.TraceContext {
	c := s.SpanContext()
	return &scenecast.TraceContext{TraceID: c.TraceID(), SpanID: c.SpanID()}
}

// Delivery is the span of this node's delivery of one push to all of its pages.
type Delivery struct{ span trace.Span }

// StartDelivery starts the span of a push that is sampled; nil where this node does not trace.
func (t *Tracing) StartDelivery(p *scenecast.Push) *Delivery {
	if !t.On() {
		return nil
	}
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), remote(*p.Trace))
	_, span := t.start(ctx, "deliver "+p.App, trace.SpanKindConsumer, messaging("deliver", "process", p.App, p.ID, len(p.Message.Data)))
	if span == nil {
		return nil
	}
	return &Delivery{span}
}

// End ends the span with what was queued. What comes after the first End is ignored.
func (d *Delivery) End(t scenecast.Tally) {
	if d != nil {
		d.span.SetAttributes(tally(t)...)
		d.span.End()
	}
}

func remote(c scenecast.TraceContext) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: c.TraceID, SpanID: c.SpanID, TraceFlags: trace.FlagsSampled, Remote: true})
}

// Of is the context of the call's span that a context is of; nil where that is not sampled.
func Of(ctx context.Context) *scenecast.TraceContext {
	if c := callOf(ctx); c != nil && c.span != nil {
		return contextOf(c.span)
	}
	return nil
}

// FromPage is a context for calls of hooks on behalf of a page that has sent this request. The page's traceparent is their parent, and does
// not decide whether they are sampled.
func (t *Tracing) FromPage(ctx context.Context, header http.Header) context.Context {
	if !t.On() {
		return ctx
	}
	return ofStranger(propagator.Extract(ctx, propagation.HeaderCarrier(header)))
}

// FromEvents is a context for a call of a hook whose body tells of events, each of which may have a traceparent. The call is a part of their trace where they all have one and the same,
// and otherwise of a new one that is linked to theirs.
func (t *Tracing) FromEvents(ctx context.Context, body []byte) context.Context {
	if !t.On() || !bytes.Contains(body, []byte(`"traceparent":"`)) {
		return ctx
	}
	var batch struct {
		Data struct {
			Events []struct{ Traceparent string }
		}
	}
	_ = json.Unmarshal(body, &batch) // a body of another form has no events
	var of []scenecast.TraceContext
	same := len(batch.Data.Events) > 0
	for _, e := range batch.Data.Events {
		c, err := scenecast.ParseTraceContext(e.Traceparent)
		if same = same && err == nil; err == nil {
			of = append(of, c)
		}
	}
	if len(of) == 0 {
		return ctx
	}
	for _, c := range of[1:] {
		same = same && c == of[0]
	}
	if same {
		return trace.ContextWithRemoteSpanContext(ctx, remote(of[0]))
	}
	return context.WithValue(ctx, linksKey{}, of)
}

type linksKey struct{}

// maxLinks bounds the links of a span.
const maxLinks = 128

// Hook makes the transport by which a hook is called: each call has a span and a traceparent while tracing is on.
func (t *Tracing) Hook(hook, app string) func(by http.RoundTripper) http.RoundTripper {
	return func(by http.RoundTripper) http.RoundTripper { return transport{t, hook, app, by} }
}

type transport struct {
	tracing   *Tracing
	hook, app string
	by        http.RoundTripper
}

// CloseIdleConnections lets http.Client close those of the transport below.
func (t transport) CloseIdleConnections() {
	if c, ok := t.by.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper. The span ends with the head of the response. The URL may have secrets in it, so the span has none.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.tracing.On() {
		return t.by.RoundTrip(r)
	}
	options := []trace.SpanStartOption{trace.WithAttributes(
		attribute.String("http.request.method", r.Method),
		attribute.String("server.address", r.URL.Hostname()),
		attribute.Int("server.port", portOf(r)),
		keyHook.String(t.hook),
		keyApp.String(t.app),
	)}
	if links, ok := r.Context().Value(linksKey{}).([]scenecast.TraceContext); ok {
		for _, c := range links[:min(len(links), maxLinks)] {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: remote(c)}))
		}
	}
	ctx, span := t.tracing.start(r.Context(), r.Method+" hooks."+t.hook, trace.SpanKindClient, options...)
	r = r.Clone(ctx)
	propagator.Inject(ctx, propagation.HeaderCarrier(r.Header))
	response, err := t.by.RoundTrip(r)
	if span == nil {
		return response, err
	}
	switch {
	case err != nil:
		span.SetAttributes(attribute.String("error.type", "unreachable"))
		span.SetStatus(codes.Error, "")
	default:
		setStatus(span, response.StatusCode, http.StatusBadRequest)
	}
	span.End()
	return response, err
}

// setStatus notes the status of an answer, which is an error from this one on.
func setStatus(span trace.Span, status, errorsFrom int) {
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= errorsFrom {
		span.SetAttributes(attribute.String("error.type", strconv.Itoa(status)))
		span.SetStatus(codes.Error, "")
	}
}

func portOf(r *http.Request) int {
	if port, err := strconv.Atoi(r.URL.Port()); err == nil {
		return port
	}
	if r.URL.Scheme == "https" {
		return 443
	}
	return 80
}
