package tracing

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"scenecast"
	"scenecast/audience"
	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestResolve: a setting stands over a variable; a variable counts where there is no setting; what cannot be read is told, without values that
// may be secret.
func TestResolve(t *testing.T) {
	const base, own = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://own:1"
	on := Settings{URL: own + "/v1/traces", Headers: map[string]string{}, Sampling: Sampling{Ratio: DefaultRatio}}
	with := func(change func(s *Settings)) *Settings {
		s := on
		s.Headers = maps.Clone(on.Headers)
		change(&s)
		return &s
	}
	for name, c := range map[string]struct {
		given Given
		env   map[string]string
		want  *Settings
		warns string // part of the only warning
	}{
		"nothing":             {Given{SampleRatio: "1"}, nil, nil, ""},
		"setting":             {Given{Endpoint: own}, nil, &on, ""},
		"setting, slash":      {Given{Endpoint: own + "/"}, nil, &on, ""},
		"setting, whole path": {Given{Endpoint: own + "/v1/traces"}, nil, &on, ""},
		"variable":            {Given{}, map[string]string{base: own}, &on, ""},
		"path of a variable":  {Given{}, map[string]string{base: own + "/x/"}, with(func(s *Settings) { s.URL = own + "/x/v1/traces" }), ""},
		"setting over both":   {Given{Endpoint: own}, map[string]string{base: "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b"}, &on, ""},
		"for traces, as it is": {Given{}, map[string]string{base: "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": own + "/t"},
			with(func(s *Settings) { s.URL = own + "/t" }), ""},
		"disabled":          {Given{}, map[string]string{base: own, "OTEL_SDK_DISABLED": "TRUE"}, nil, ""},
		"no exporter":       {Given{}, map[string]string{base: own, "OTEL_TRACES_EXPORTER": "none"}, nil, ""},
		"disabled, and set": {Given{Endpoint: own}, map[string]string{"OTEL_SDK_DISABLED": "true"}, &on, ""},
		"no URL":            {Given{}, map[string]string{base: "secret@host:4317"}, nil, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		"no URL for traces": {Given{}, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "grpc://x"}, nil, "TRACES_ENDPOINT is no URL"},
		"other protocol":    {Given{}, map[string]string{base: own, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, &on, `"grpc"`},
		"headers": {Given{}, map[string]string{base: own, "OTEL_EXPORTER_OTLP_HEADERS": "a=1,b=x%20y", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "A=2"},
			with(func(s *Settings) { s.Headers = map[string]string{"A": "2", "B": "x y"} }), ""},
		"headers set": {Given{Endpoint: own, Headers: "c=3"}, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "a=1"},
			with(func(s *Settings) { s.Headers = map[string]string{"C": "3"} }), ""},
		"no headers":         {Given{}, map[string]string{base: own, "OTEL_EXPORTER_OTLP_HEADERS": "secret"}, &on, "the header 1 is none"},
		"ratio":              {Given{Endpoint: own, SampleRatio: "0.5"}, map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}, with(func(s *Settings) { s.Sampling.Ratio = 0.5 }), ""},
		"always":             {Given{Endpoint: own}, map[string]string{"OTEL_TRACES_SAMPLER": "always_on"}, with(func(s *Settings) { s.Sampling = Sampling{1, true} }), ""},
		"never, by parent":   {Given{Endpoint: own}, map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, with(func(s *Settings) { s.Sampling.Ratio = 0 }), ""},
		"ratio, by variable": {Given{Endpoint: own}, map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.2"}, with(func(s *Settings) { s.Sampling.Ratio = 0.2 }), ""},
		"no ratio":           {Given{Endpoint: own}, map[string]string{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}, with(func(s *Settings) { s.Sampling.IgnoreParent = true }), "OTEL_TRACES_SAMPLER_ARG"},
		"unknown sampler":    {Given{Endpoint: own}, map[string]string{"OTEL_TRACES_SAMPLER": "jaeger_remote"}, &on, "jaeger_remote"},
		"timeout":            {Given{Endpoint: own}, map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "1500"}, with(func(s *Settings) { s.Timeout = 1500 * time.Millisecond }), ""},
		"no timeout":         {Given{Endpoint: own}, map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, &on, "milliseconds"},
		"name":               {Given{Endpoint: own, ServiceName: "push"}, nil, with(func(s *Settings) { s.ServiceName = "push" }), ""},
	} {
		got, warnings := Resolve(c.given, func(name string) string { return c.env[name] })
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if told := strings.Join(warnings, "; "); (told == "") != (c.warns == "") || !strings.Contains(told, c.warns) || strings.Contains(told, "secret") {
			t.Errorf("%s: warns %q, want %q", name, told, c.warns)
		}
	}
}

// FuzzHeaders: no text upsets the reading, and what is read can be sent.
func FuzzHeaders(f *testing.F) {
	for _, text := range []string{"a=1,b=x%20y", "a", "=,", "a=%zz", "a=b=c", "é=1", "a=%0d%0aevil: 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		headers, err := ParseHeaders(text)
		if err != nil && len(headers) > 0 {
			t.Errorf("%v, %v", headers, err)
		}
		for name, value := range headers {
			if !isToken(name) || strings.ContainsAny(value, "\r\n") {
				t.Errorf("%q: %q", name, value)
			}
		}
	})
}

func tracingTo(t *testing.T, url string, s Sampling) *Tracing {
	t.Helper()
	traced := New(Options{Version: "1", Node: "7", Logger: slog.New(slog.DiscardHandler)})
	traced.Apply(&Settings{URL: url, Sampling: s, Timeout: time.Second})
	return traced
}

// TestStrangersDoNotDecide: a page's traceparent does not have its trace sampled, and does not keep it from being so; a backend's does.
func TestStrangersDoNotDecide(t *testing.T) {
	for ratio, want := range map[float64]bool{0: false, 1: true} {
		traced := tracingTo(t, "http://127.0.0.1:1", Sampling{Ratio: ratio})
		for _, flags := range []string{"00", "01"} {
			for _, isPage := range []bool{true, false} {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Traceparent", "00-00000000000000000000000000000001-00f067aa0ba902b7-"+flags) // of any ratio, by its ID
				call, r := NewCall(traced, r, netip.Addr{})
				Authorized(r.Context(), "app", "key", isPage)
				if sampled, want := call.TraceID() != "", isPage && want || !isPage && flags == "01"; sampled != want {
					t.Errorf("of ratio %v, flags %s, a page %v: sampled %v", ratio, flags, isPage, sampled)
				}
				call.End(http.StatusOK)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		traced.Close(ended)
	}
}

// TestLongTexts: what a client sends is cut off, so that a queue of spans holds no more than it is to hold.
func TestLongTexts(t *testing.T) {
	got := make(chan []byte, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- body
	}))
	defer collector.Close()
	traced := tracingTo(t, collector.URL, Sampling{Ratio: 1})
	long := strings.Repeat("a", 100_000)
	r := httptest.NewRequest(http.MethodGet, "/"+long, nil)
	r.Host = long
	r.Header.Set("User-Agent", long)
	call, r := NewCall(traced, r, netip.Addr{})
	Authorized(r.Context(), "app", "key", true)
	call.End(http.StatusOK)
	traced.Close(t.Context())
	if body := <-got; len(body) > 3*maxValue+4096 || !strings.Contains(string(body), long[:maxValue]) {
		t.Errorf("%d bytes: %.200s", len(body), body)
	}
}

// TestQueueIsBounded: while the collector hangs, spans beyond the queue are dropped and counted, nobody waits, and Close ends when its context
// does. In the end each span is counted once.
func TestQueueIsBounded(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	end := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer hung.Close()
	defer close(end)
	traced := New(Options{Logger: slog.New(slog.DiscardHandler)})
	traced.Apply(&Settings{URL: hung.URL, Timeout: time.Hour})
	p := &scenecast.Push{App: "app", To: audience.Everybody(), Trace: &scenecast.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{1}}}
	const spans = 1000
	for range spans {
		traced.StartDelivery(p).End(scenecast.Tally{})
	}
	if s := traced.Stats(); s.Dropped != spans-64 {
		t.Errorf("%+v", s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	traced.Close(ctx)
	if s := traced.Stats(); s != (Stats{Dropped: spans - 64, Failed: 64}) {
		t.Errorf("at the end %+v", s)
	}
	if traced.On() || traced.StartDelivery(p) != nil {
		t.Error("it goes on behind its end")
	}
	traced.Apply(&Settings{URL: hung.URL})
	if traced.On() {
		t.Error("settings put it on again")
	}
}

// TestApplyAgain: what was traced by settings before is sent where they say, and nothing is lost between two.
func TestApplyAgain(t *testing.T) {
	var counts [2]atomic.Int64
	var urls [2]string
	for i := range counts {
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			counts[i].Add(int64(strings.Count(string(body), `"spanId"`)))
		}))
		defer s.Close()
		urls[i] = s.URL
	}
	traced := New(Options{Logger: slog.New(slog.DiscardHandler)})
	p := &scenecast.Push{To: audience.Everybody(), Trace: &scenecast.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{1}}}
	for i, url := range urls {
		traced.Apply(&Settings{URL: url})
		traced.Apply(&Settings{URL: url}) // which are the same
		for range 3 + i {
			traced.StartDelivery(p).End(scenecast.Tally{})
		}
	}
	traced.Close(t.Context())
	if a, b := counts[0].Load(), counts[1].Load(); a != 3 || b != 4 {
		t.Errorf("%d and %d spans", a, b)
	}
}

// TestEventsOfOneTrace: a call about events is a part of their trace where all have the same, and otherwise linked to theirs.
func TestEventsOfOneTrace(t *testing.T) {
	traced := tracingTo(t, "http://127.0.0.1:1", Sampling{Ratio: 1})
	defer func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		traced.Close(ended)
	}()
	a, b := scenecast.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{1}}, scenecast.TraceContext{TraceID: [16]byte{2}, SpanID: [8]byte{1}}
	body := func(of ...string) []byte {
		var events []string
		for _, text := range of {
			events = append(events, fmt.Sprintf(`{"type":"trigger","traceparent":%q}`, text))
		}
		return []byte(`{"type":"events","data":{"events":[` + strings.Join(events, ",") + `]}}`)
	}
	for _, c := range []struct {
		body   []byte
		parent scenecast.TraceContext
		links  int
	}{
		{body(a.String(), a.String()), a, 0},
		{body(a.String(), b.String()), scenecast.TraceContext{}, 2},
		{body(a.String(), ""), scenecast.TraceContext{}, 1},
		{body("", "rubbish"), scenecast.TraceContext{}, 0},
		{[]byte(`not "traceparent":" JSON`), scenecast.TraceContext{}, 0},
	} {
		ctx := traced.FromEvents(t.Context(), c.body)
		parent := trace.SpanContextFromContext(ctx)
		links, _ := ctx.Value(linksKey{}).([]scenecast.TraceContext)
		if parent.TraceID() != c.parent.TraceID || len(links) != c.links {
			t.Errorf("%s: %v, %v", c.body, parent, links)
		}
	}
}

// TestNothingWhenOff: off, calls and pushes allocate nothing for tracing.
func TestNothingWhenOff(t *testing.T) {
	traced := New(Options{Logger: slog.New(slog.DiscardHandler)})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if traced.On() {
			t.Error("on")
		}
		Authorized(ctx, "app", "key", false)
		span := StartPublish(ctx, "app", "id", 1)
		if span.Context() != nil {
			t.Error("it has a context")
		}
		span.End(scenecast.Tally{}, false, nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
