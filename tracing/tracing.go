// Package tracing makes the spans of OpenTelemetry: of calls of backends, of what these publish, of each node's delivery of a push, and of
// calls of hooks. It is the only one that knows OpenTelemetry.
//
// Tracing is off until Apply has been given settings, and may be put on and off while the server runs. Off, it costs one load of a pointer
// for each call. A span that is not sampled is nil, and a nil *Span, *Publish or *Call takes every call and does nothing.
//
// A trace is followed where W3C Trace Context leads: the traceparent of a call of a backend is its parent, a push carries its own through
// the log (scenecast.Push.Trace), and calls of hooks carry one on. Whether a trace is sampled is decided once, by whoever begins it; but not
// by pages, which are strangers: for those the ratio of the settings alone counts.
package tracing

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"scenecast/tracing/otlp"
)

// Scope is the name of the instrumentation scope of all spans.
const Scope = "scenecast"

// Settings say which spans go where.
type Settings struct {
	URL         string            // of the collector, all of it
	Headers     map[string]string // of each request to it, which may be secret
	Sampling    Sampling
	ServiceName string        // empty: that of OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES, otherwise scenecast
	Timeout     time.Duration // of a batch. Defaults to 10 s.
}

// Options are what is known from the beginning.
type Options struct {
	Version string // of what runs
	Node    string // service.instance.id
	Logger  *slog.Logger
}

// Tracing makes spans. Its methods may be called concurrently.
type Tracing struct {
	o       Options
	current atomic.Pointer[provider] // nil: off
	stats   stats

	mu       sync.Mutex
	settings *Settings
	closed   bool
	ending   sync.WaitGroup // providers that were replaced
}

// provider makes spans by one set of settings.
type provider struct {
	sdk      *sdk.TracerProvider
	exporter *otlp.Exporter
	tracer   trace.Tracer
}

// New makes a tracing that is off.
func New(o Options) *Tracing {
	t := &Tracing{o: o}
	t.stats.logger = o.Logger
	return t
}

// On reports whether spans are made. Of a nil Tracing none are.
func (t *Tracing) On() bool { return t != nil && t.current.Load() != nil }

// Apply puts other settings in force; nil: tracing is off. What has been traced before goes where it was to go.
func (t *Tracing) Apply(s *Settings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || reflect.DeepEqual(t.settings, s) {
		return
	}
	t.settings = s
	var next *provider
	if s != nil {
		next = t.newProvider(*s)
	}
	if before := t.current.Swap(next); before != nil {
		t.ending.Go(func() { before.end(context.Background()) })
	}
}

func (t *Tracing) newProvider(s Settings) *provider {
	exporter := otlp.New(otlp.Options{
		URL:       s.URL,
		Headers:   maps.Clone(s.Headers),
		Timeout:   s.Timeout,
		UserAgent: "scenecast/" + t.o.Version,
		Exported:  t.stats.exported,
	})
	made := sdk.NewTracerProvider(
		sdk.WithSampler(newSampler(s.Sampling)),
		sdk.WithRawSpanLimits(limits()),
		sdk.WithResource(t.resource(s.ServiceName)),
		sdk.WithSpanProcessor(newQueue(exporter, &t.stats)),
	)
	return &provider{made, exporter, made.Tracer(Scope, trace.WithInstrumentationVersion(t.o.Version))}
}

// maxValue bounds the texts of attributes in characters: paths, hosts and names of programs are whatever a client sends.
const maxValue = 2048

// limits are those of spans by the environment (OTEL_SPAN_…), and of texts where that has none.
func limits() sdk.SpanLimits {
	l := sdk.NewSpanLimits()
	if l.AttributeValueLengthLimit < 0 {
		l.AttributeValueLengthLimit = maxValue
	}
	return l
}

// resource says what the spans are of. A name in the settings stands over OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, and these over
// what is said of the process without them.
func (t *Tracing) resource(name string) *resource.Resource {
	own := []attribute.KeyValue{attribute.String("service.name", "scenecast"), attribute.String("service.instance.id", t.o.Node)}
	if t.o.Version != "" {
		own = append(own, attribute.String("service.version", t.o.Version))
	}
	options := []resource.Option{resource.WithTelemetrySDK(), resource.WithAttributes(own...), resource.WithFromEnv()}
	if name != "" {
		options = append(options, resource.WithAttributes(attribute.String("service.name", name)))
	}
	r, err := resource.New(context.Background(), options...)
	if err != nil {
		t.o.Logger.Warn("tracing: OTEL_RESOURCE_ATTRIBUTES cannot be read", "err", err)
	}
	return r
}

// endWithin bounds how long a provider that was replaced sends what it has.
const endWithin = 5 * time.Second

// end sends what waits, until ctx ends or it takes too long. What is left then is lost, and counted.
func (p *provider) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = p.exporter.Shutdown(ctx) })() // so that what is under way breaks off, and the rest fails at once
	_ = p.sdk.Shutdown(context.WithoutCancel(ctx))
}

// Close sends what waits, until ctx ends, and ends tracing. A nil Tracing has nothing to send.
func (t *Tracing) Close(ctx context.Context) {
	if t == nil {
		return
	}
	t.mu.Lock()
	t.closed = true
	before := t.current.Swap(nil)
	t.mu.Unlock()
	if before != nil {
		before.end(ctx)
	}
	t.ending.Wait()
}

// start starts a span; nil where tracing is off, or the span is not sampled. The context has the span also where that is not sampled.
func (t *Tracing) start(ctx context.Context, name string, kind trace.SpanKind, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	p := t.provider()
	if p == nil {
		return ctx, nil
	}
	ctx, span := p.tracer.Start(ctx, name, append(options, trace.WithSpanKind(kind))...)
	if !span.IsRecording() {
		return ctx, nil
	}
	return ctx, span
}

func (t *Tracing) provider() *provider {
	if t == nil {
		return nil
	}
	return t.current.Load()
}
