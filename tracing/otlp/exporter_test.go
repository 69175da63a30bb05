package otlp

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkresource "go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// everything is a span that has every field that the protocol has, and one that has none that may be left out.
func everything() []sdk.ReadOnlySpan {
	state, _ := trace.ParseTraceState("vendor=1")
	context := func(span byte, remote bool) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{0x5b, 0x8e, 0xff, 0xf7, 0x98, 3, 0x81, 3, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c},
			SpanID:  trace.SpanID{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, span}, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: remote,
		})
	}
	of := sdkresource.NewSchemaless(attribute.String("service.name", "push"))
	scope := instrumentation.Scope{Name: "scenecast", Version: "1"}
	at := time.Unix(1544712660, 7)
	return tracetest.SpanStubs{
		{
			Name: "publish \xffshop", SpanContext: context(0x74, false), Parent: context(0x73, true), SpanKind: trace.SpanKindProducer,
			StartTime: at, EndTime: at.Add(time.Second),
			Attributes: []attribute.KeyValue{
				attribute.String("s", "订单"), attribute.Bool("b", true), attribute.Int64("i", math.MaxInt64), attribute.Float64("f", 1.5),
				attribute.Float64("n", math.NaN()), attribute.StringSlice("l", []string{"a", ""}),
			},
			Events: []sdk.Event{{Name: "e", Time: at, Attributes: []attribute.KeyValue{attribute.Int("n", 1)}}},
			Links:  []sdk.Link{{SpanContext: context(1, true)}},
			Status: sdk.Status{Code: codes.Error, Description: "why"}, DroppedAttributes: 2, DroppedEvents: 3, DroppedLinks: 4,
			Resource: of, InstrumentationScope: scope,
		},
		{Name: "b", SpanContext: context(2, false), SpanKind: trace.SpanKindInternal, StartTime: at, EndTime: at, Resource: of, InstrumentationScope: scope, Status: sdk.Status{Code: codes.Ok}},
	}.Snapshots()
}

// wire is what these are, byte by byte: names, IDs in hexadecimal, 64-bit numbers as texts and enumerations as numbers, as
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding and trace.proto of opentelemetry-proto 1.10 say.
const wire = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"push"}}]},"scopeSpans":[{` +
	`"scope":{"name":"scenecast","version":"1"},"spans":[` +
	`{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","traceState":"vendor=1","parentSpanId":"eee19b7ec3c1b173",` +
	`"flags":769,"name":"publish ` + "\ufffd" + `shop","kind":4,"startTimeUnixNano":"1544712660000000007","endTimeUnixNano":"1544712661000000007",` +
	`"attributes":[{"key":"s","value":{"stringValue":"订单"}},{"key":"b","value":{"boolValue":true}},{"key":"i","value":{"intValue":"9223372036854775807"}},` +
	`{"key":"f","value":{"doubleValue":1.5}},{"key":"n","value":{"doubleValue":"NaN"}},` +
	`{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":""}]}}}],"droppedAttributesCount":2,` +
	`"events":[{"timeUnixNano":"1544712660000000007","name":"e","attributes":[{"key":"n","value":{"intValue":"1"}}]}],"droppedEventsCount":3,` +
	`"links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b101","traceState":"vendor=1","flags":769}],"droppedLinksCount":4,` +
	`"status":{"message":"why","code":2}},` +
	`{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b102","traceState":"vendor=1","flags":257,"name":"b","kind":1,` +
	`"startTimeUnixNano":"1544712660000000007","endTimeUnixNano":"1544712660000000007","status":{"code":1}}]}]}]}`

func TestWire(t *testing.T) {
	got, err := encode(everything())
	if err != nil || string(got) != wire {
		t.Errorf("%v\n%s\nwant\n%s", err, got, wire)
	}
}

// collector answers with what it is told, and keeps what comes.
type collector struct {
	mu      sync.Mutex
	answers []func(w http.ResponseWriter)
	bodies  []string
	headers []http.Header
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	c.bodies, c.headers = append(c.bodies, r.Method+" "+r.URL.Path+" "+string(body)), append(c.headers, r.Header)
	var answer func(http.ResponseWriter)
	if len(c.answers) > 0 {
		answer, c.answers = c.answers[0], c.answers[1:]
	}
	c.mu.Unlock()
	if answer != nil {
		answer(w)
	}
}

func answered(code int, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func text200(body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = io.WriteString(w, body) }
}

// TestAnswers: what becomes of a batch follows what the collector answers, and a hostile one is not believed, followed or read without end.
func TestAnswers(t *testing.T) {
	strange := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer strange.Close()
	for name, c := range map[string]struct {
		answers     []func(http.ResponseWriter)
		taken, lost int
		requests    int
		why         string
	}{
		"taken":             {nil, 2, 0, 1, ""},
		"taken in part":     {[]func(http.ResponseWriter){text200(`{"partialSuccess":{"rejectedSpans":"1","errorMessage":"full\n"}}`)}, 1, 1, 1, `rejected spans: "full\n"`},
		"more than there":   {[]func(http.ResponseWriter){text200(`{"partialSuccess":{"rejectedSpans":99}}`)}, 0, 2, 1, "rejected"},
		"fewer than none":   {[]func(http.ResponseWriter){text200(`{"partialSuccess":{"rejectedSpans":"-5"}}`)}, 2, 0, 1, ""},
		"no JSON":           {[]func(http.ResponseWriter){text200(`<html>`)}, 2, 0, 1, ""},
		"a long answer":     {[]func(http.ResponseWriter){text200(strings.Repeat(" ", 1<<20))}, 2, 0, 1, ""},
		"wrong":             {[]func(http.ResponseWriter){answered(400)}, 0, 2, 1, "answered 400"},
		"busy for a moment": {[]func(http.ResponseWriter){answered(503), answered(429, "Retry-After", "0")}, 2, 0, 3, ""},
		"busy for long":     {[]func(http.ResponseWriter){answered(503, "Retry-After", "3000")}, 0, 2, 1, "answered 503"},
		"elsewhere":         {[]func(http.ResponseWriter){answered(307, "Location", strange.URL)}, 0, 2, 1, "answered 307"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := &collector{answers: c.answers}
			server := httptest.NewServer(collector)
			defer server.Close()
			var taken, lost int
			var why error
			e := New(Options{
				URL: server.URL + "/v1/traces", Headers: map[string]string{"Api-Key": "k"}, UserAgent: "scenecast/1",
				Exported: func(t, l int, err error) { taken, lost, why = t, l, err },
			})
			defer func() { _ = e.Shutdown(t.Context()) }()
			if err := e.ExportSpans(t.Context(), everything()); err != nil {
				t.Errorf("the SDK would print %v", err)
			}
			if taken != c.taken || lost != c.lost || (why == nil) != (c.why == "") || why != nil && !strings.Contains(why.Error(), c.why) {
				t.Errorf("taken %d, lost %d, %v", taken, lost, why)
			}
			collector.mu.Lock()
			defer collector.mu.Unlock()
			if len(collector.bodies) != c.requests {
				t.Fatalf("%d requests, want %d", len(collector.bodies), c.requests)
			}
			for i, body := range collector.bodies {
				h := collector.headers[i]
				if body != "POST /v1/traces "+wire || h.Get("Api-Key") != "k" || h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "scenecast/1" {
					t.Errorf("the request %d: %v\n%s", i, h, body)
				}
			}
		})
	}
}

// TestShutdown: a collector that never answers holds nobody up: Shutdown breaks off what is under way, and what comes later is lost at once.
func TestShutdown(t *testing.T) {
	asked, end := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-end
	}))
	defer server.Close()
	defer close(end)
	lost := make(chan int, 2)
	e := New(Options{URL: server.URL, Timeout: time.Hour, Exported: func(_, l int, _ error) { lost <- l }})
	go func() { _ = e.ExportSpans(context.Background(), everything()) }()
	<-asked
	_ = e.Shutdown(t.Context())
	if n := <-lost; n != 2 {
		t.Errorf("%d were lost", n)
	}
	_ = e.ExportSpans(context.Background(), everything())
	if n := <-lost; n != 2 {
		t.Errorf("afterwards %d were lost", n)
	}
}

// TestErrorsHideURL: the log is told why nothing answers, and not the URL, which may have a secret in it.
func TestErrorsHideURL(t *testing.T) {
	var why error
	e := New(Options{URL: "http://user:secret@127.0.0.1:1/v1/traces?key=secret", Timeout: 300 * time.Millisecond, Exported: func(_, _ int, err error) { why = err }})
	defer func() { _ = e.Shutdown(t.Context()) }()
	_ = e.ExportSpans(t.Context(), everything())
	if why == nil || strings.Contains(why.Error(), "secret") {
		t.Errorf("%v", why)
	}
}
