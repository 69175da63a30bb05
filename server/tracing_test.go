package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"scenecast/redisclient/redistest"
)

// TestTraces: of a call that its caller samples, the spans are those of the call, of what it publishes and of the delivery, by the semantic
// conventions; a call that its caller does not sample, one without a good key, and what nobody asks for have none.
func TestTraces(t *testing.T) {
	collector := newSpanCollector(t)
	s := start(t, map[string]string{
		"tracing.endpoint": collector.URL, "tracing.sample_ratio": "0", "tracing.headers": "api-key=collector%20secret", "tracing.service_name": "push",
		"limits.trusted_proxies": "127.0.0.1",
		"pusher":                 "{id: '7', key: pusher-key, secret: pusher-secret}",
	}, nil)
	page := s.page("page=home")
	headers := tracedBy(apiKey, callerTrace(1), "01")
	headers["X-Forwarded-For"] = "203.0.113.9"
	if status, answer := s.callWith(http.MethodPost, "/v1/push?token=query-secret", headers, `{"to":{"page":"home"},"message":1}`); status != http.StatusBadRequest {
		t.Fatal(status, answer) // whose parameter is none: the call has a span, and no push
	}
	failed := collector.ofTrace(1, callerTrace(1))[0]
	if failed.attributes()["http.response.status_code"] != "400" || failed.Status.Code != 0 { // the caller's error is none of the server's
		t.Errorf("%+v", failed)
	}
	s.callWith(http.MethodPost, "/v1/push", tracedBy(apiKey, callerTrace(2), "00"), `{"to":{"page":"home"},"message":1}`)
	s.callWith(http.MethodPost, "/v1/push", tracedBy("wrong", callerTrace(3), "01"), `{"to":{"page":"home"},"message":1}`)
	s.callWith(http.MethodGet, "/healthz", tracedBy(apiKey, callerTrace(4), "01"), "")
	s.call(http.MethodPost, "/v1/push", apiKey, "", `{"to":{"page":"home"},"message":1}`)
	headers = tracedBy(apiKey, callerTrace(5), "01")
	headers["X-Forwarded-For"] = "203.0.113.9"
	status, answer := s.callWith(http.MethodPost, "/v1/push", headers, `{"to":{"page":"home"},"message":1,"id":"p1"}`)
	if status != http.StatusOK {
		t.Fatal(answer)
	}
	spans := collector.ofTrace(3, callerTrace(5))
	call, publish, delivery := spans[0], spans[1], spans[2]
	for i, want := range []otlpSpan{
		{Name: "POST /v1/push", Kind: kindServer, ParentSpanID: callerSpan},
		{Name: "publish default", Kind: kindProducer, ParentSpanID: call.SpanID},
		{Name: "deliver default", Kind: kindConsumer, ParentSpanID: publish.SpanID},
	} {
		if got := spans[i]; got.Name != want.Name || got.Kind != want.Kind || got.ParentSpanID != want.ParentSpanID || got.Status.Code != 0 {
			t.Errorf("the span %d is %+v, want %+v", i, got, want)
		}
	}
	host, _, _ := strings.Cut(s.addr, ":")
	wantAttributes(t, call, map[string]string{
		"http.request.method": "POST", "http.route": "/v1/push", "http.response.status_code": "200", "url.path": "/v1/push", "url.scheme": "http",
		"network.protocol.version": "1.1", "server.address": host, "client.address": "203.0.113.9", "user_agent.original": "caller/1",
		"scenecast.app": "default", "scenecast.key": "all",
	})
	wantAttributes(t, publish, map[string]string{
		"messaging.system": "scenecast", "messaging.operation.name": "publish", "messaging.operation.type": "send", "messaging.destination.name": "default",
		"messaging.message.id": "p1", "messaging.message.body.size": "1",
		"scenecast.push.matched": "1", "scenecast.push.delivered": "1", "scenecast.push.dropped": "0", "scenecast.push.nodes": "1",
	})
	wantAttributes(t, delivery, map[string]string{
		"messaging.system": "scenecast", "messaging.operation.name": "deliver", "messaging.operation.type": "process", "messaging.destination.name": "default",
		"messaging.message.id": "p1", "messaging.message.body.size": "1",
		"scenecast.push.matched": "1", "scenecast.push.delivered": "1", "scenecast.push.dropped": "0",
	})
	for key, want := range map[string]string{"service.name": "push", "service.instance.id": s.node(), "telemetry.sdk.name": "opentelemetry"} {
		if delivery.service[key] != want {
			t.Errorf("%s is %q, want %q", key, delivery.service[key], want)
		}
	}
	if got := collector.headers.Get("Api-Key"); got != "collector secret" {
		t.Errorf("the collector gets the header %q", got)
	}
	for range 3 { // a batch has a span for each push; what the SDK has sent before is in order
		s.read(page)
	}
	s.callWith(http.MethodPost, "/v1/push", tracedBy(apiKey, callerTrace(6), "01"), `[{"to":{"page":"home"},"message":1},{"to":{"page":"home"},"message":2}]`)
	if spans := collector.ofTrace(5, callerTrace(6)); spans[0].Kind != kindServer || spans[2].ParentSpanID != spans[0].SpanID || spans[2].Kind != kindProducer {
		t.Errorf("of a batch there are %+v", spans)
	}
	target := "/?func=setStock&left=1&token=" + apiKey
	s.callWith(http.MethodGet, target, tracedBy("", callerTrace(7), "01"), "")
	if spans := collector.ofTrace(3, callerTrace(7)); spans[0].Name != "GET /" || strings.Contains(fmt.Sprint(spans), apiKey) {
		t.Errorf("of a trigger there are %+v", spans)
	}
	s.end()
	collector.mu.Lock()
	defer collector.mu.Unlock()
	for _, span := range collector.spans {
		if n := span.TraceID; n != callerTrace(1) && n != callerTrace(5) && n != callerTrace(6) && n != callerTrace(7) {
			t.Errorf("there is a span of %+v", span)
		}
	}
}

// traceparents are what hooks have got of W3C Trace Context.
type traceparents struct {
	mu   sync.Mutex
	list []string
}

func (p *traceparents) serve(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	var question struct {
		Type string
		Data struct {
			Events []struct{ Type, Traceparent string }
		}
	}
	_ = json.Unmarshal(body.Bytes(), &question)
	told := question.Type + " " + r.Header.Get("Traceparent")
	for _, e := range question.Data.Events {
		told += " " + e.Type + " " + e.Traceparent
	}
	p.mu.Lock()
	p.list = append(p.list, told)
	p.mu.Unlock()
	_, _ = w.Write([]byte("{}"))
}

func (p *traceparents) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list[len(p.list)-1]
}

// TestTracesOfHooks: hooks get the traceparent of the span of their call, which goes on with the trace of the page that connects, or of the
// call that has caused an event; and without tracing they get none.
func TestTracesOfHooks(t *testing.T) {
	collector := newSpanCollector(t)
	var got traceparents
	hook := httptest.NewServer(http.HandlerFunc(got.serve))
	defer hook.Close()
	target := fmt.Sprintf("{url: '%s/?key=hook-secret'}", hook.URL)
	s := startReloadable(t, map[string]string{
		"hooks.connect": target, "hooks.call": target,
		"hooks.events": fmt.Sprintf("[{name: e, url: '%s', max_wait: 1ms, events: [trigger]}]", hook.URL),
	})
	connect := func(trace, flags string) string {
		page, refusal := s.hookedPage("page=home&token="+pageToken, http.Header{"Traceparent": {"00-" + trace + "-" + callerSpan + "-" + flags}})
		if page == nil {
			t.Fatal(refusal)
		}
		defer page.CloseNow()
		if answer := s.ask(page, `{"type":"call","id":1,"method":"m"}`); answer != `{"type":"result","id":1,"data":{}}` {
			t.Error(answer)
		}
		got.mu.Lock()
		defer got.mu.Unlock()
		return got.list[len(got.list)-2]
	}
	if told := connect(callerTrace(1), "01"); told != "connect " || got.last() != "call " {
		t.Errorf("without tracing the hooks are told %q and %q", told, got.last())
	}
	s.reload(map[string]string{"tracing.endpoint": collector.URL, "tracing.sample_ratio": "1"})
	told := connect(callerTrace(2), "00") // a page does not decide whether it is sampled
	span := collector.ofTrace(1, callerTrace(2))[0]
	if want := "connect 00-" + callerTrace(2) + "-" + span.SpanID + "-01"; told != want || span.Name != "POST hooks.connect" || span.Kind != kindClient || span.ParentSpanID != callerSpan {
		t.Errorf("the connect hook is told %q, want %q; %+v", told, want, span)
	}
	wantAttributes(t, span, map[string]string{
		"http.request.method": "POST", "http.response.status_code": "200", "server.address": "127.0.0.1", "server.port": "*",
		"scenecast.app": "default", "scenecast.hook": "connect",
	})
	call := collector.await(1, func(s otlpSpan) bool { return s.Name == "POST hooks.call" })[0]
	if want := "call 00-" + call.TraceID + "-" + call.SpanID + "-01"; got.last() != want || call.ParentSpanID != "" {
		t.Errorf("the call hook is told %q, want %q", got.last(), want)
	}
	s.reload(map[string]string{"tracing.sample_ratio": "0"})
	if told := connect(callerTrace(3), "01"); !strings.HasPrefix(told, "connect 00-"+callerTrace(3)+"-") || !strings.HasSuffix(told, "-00") {
		t.Errorf("the connect hook is told %q", told)
	}
	status, answer := s.callWith(http.MethodPost, "/v1/triggers/pushHomeLogic", tracedBy(apiKey, callerTrace(4), "01"), "")
	if status != http.StatusOK {
		t.Fatal(answer)
	}
	spans := collector.ofTrace(4, callerTrace(4))
	server, events := spans[0], spans[1]
	want := "events 00-" + callerTrace(4) + "-" + events.SpanID + "-01 trigger 00-" + callerTrace(4) + "-" + server.SpanID + "-01"
	if server.Name != "POST /v1/triggers/{name}" || events.Name != "POST hooks.events" || events.ParentSpanID != server.SpanID || got.last() != want {
		t.Errorf("the hook of events is told %q, want %q; %+v", got.last(), want, spans)
	}
}

// TestTracesOfNodes: three nodes that share a log by NATS, or by Redis, each make one span of their delivery of a push, whichever has taken
// it, with the counts of their own pages; and of a push that is not sampled none.
func TestTracesOfNodes(t *testing.T) {
	for engine, settings := range map[string]func(t *testing.T) []map[string]string{
		"nats": func(t *testing.T) []map[string]string { return clusterSettings(t, 3) },
		"redis": func(t *testing.T) []map[string]string {
			redis := redistest.Start(t)
			var nodes []map[string]string
			for range 3 {
				nodes = append(nodes, map[string]string{"engine": "redis", "redis.url": redis.URL(), "cluster.answer_timeout": "3s"})
			}
			return nodes
		},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			collector := newSpanCollector(t)
			own := settings(t)
			for _, o := range own {
				maps.Copy(o, map[string]string{"tracing.endpoint": collector.URL, "tracing.sample_ratio": "0"})
			}
			nodes := startThese(t, own)
			nodes[0].page("page=home")
			nodes[1].page("page=home")
			nodes[1].page("page=home")
			id := ""
			for n, answer := 0, ""; !strings.Contains(answer, `"matched":3,"queued":3,"dropped":0,"nodes":3,"nodes_known":3`); n++ {
				if n == 20 { // a machine that is busy may keep a node from answering in time, and the log from its leader
					t.Fatal(answer)
				}
				id = callerTrace(n)
				_, answer = nodes[0].callWith(http.MethodPost, "/v1/push", tracedBy(apiKey, id, "01"), `{"to":{"page":"home"},"message":1}`)
			}
			nodes[0].callWith(http.MethodPost, "/v1/push", tracedBy(apiKey, id, "00"), `{"to":{"page":"home"},"message":1}`)
			spans := collector.ofTrace(5, id)
			publish := spans[1]
			delivered := make(map[string]string)
			for _, s := range spans[2:] {
				a := s.attributes()
				delivered[s.service["service.instance.id"]] = fmt.Sprint(s.Name, " ", a["scenecast.push.matched"], " ", a["scenecast.push.delivered"], " ", a["scenecast.push.dropped"])
				if s.ParentSpanID != publish.SpanID || s.Kind != kindConsumer {
					t.Errorf("%+v is no delivery of %+v", s, publish)
				}
			}
			var counted struct {
				ByNode []struct{ Node, Matched int } `json:"by_node"`
			}
			_, answer := nodes[2].call(http.MethodPost, "/v1/audience", apiKey, "", `{"to":"*"}`)
			if err := json.Unmarshal([]byte(answer), &counted); err != nil || len(counted.ByNode) != 3 {
				t.Fatal(answer, err)
			}
			want := make(map[string]string)
			for _, n := range counted.ByNode {
				want[fmt.Sprint(n.Node)] = fmt.Sprintf("deliver default %d %d 0", n.Matched, n.Matched)
			}
			if len(spans) != 5 || !reflect.DeepEqual(delivered, want) {
				t.Errorf("%v of %d spans, want %v", delivered, len(spans), want)
			}
		})
	}
}

// TestCollectorThatHangs: a collector that takes connections and never answers changes nothing but that spans are lost: calls are answered, the
// log has one line, and the server ends in its time.
func TestCollectorThatHangs(t *testing.T) {
	end := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer hung.Close()
	defer close(end)
	s := start(t, map[string]string{"tracing.endpoint": hung.URL, "tracing.sample_ratio": "1", "drain": "2s"}, nil)
	for range 50 {
		if status, answer := s.push(`{"to":"*","message":1}`); status != http.StatusOK {
			t.Fatal(answer)
		}
	}
	s.end()
	if n := strings.Count(s.log.String(), "tracing: "); n != 1 {
		t.Errorf("%d lines of the log are about tracing:\n%s", n, s.log.String())
	}
}
