package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/api"
)

// drainKeys are those of an operator and of a backend.
const drainKeys = "[{name: operator, key: " + adminKey + ", allow: [admin]}, {name: all, key: " + apiKey + "}]"

// drainCall makes a call about draining.
func (r *running) drainCall(method, body string) (d api.Drain) {
	r.t.Helper()
	status, answer := r.call(method, "/v1/drain", adminKey, "", body)
	if err := json.Unmarshal([]byte(answer), &d); err != nil || status != 200 {
		r.t.Fatalf("%s /v1/drain %s: %d %s", method, body, status, answer)
	}
	return d
}

// drained waits until no page is left.
func (r *running) drained() {
	r.t.Helper()
	awaitThat(r.t, "the node to be drained", func() bool { return r.drainCall("GET", "").State == api.DrainDrained })
}

// metricsText is what the metrics tell.
func (r *running) metricsText() string {
	answer := httptest.NewRecorder()
	r.MetricsHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

// readiness is what a load balancer is told.
func (r *running) readiness() (status int, answer string) {
	return r.call("GET", "/readyz", "", "", "")
}

// TestDrainCall: pages of every wire are told, and refused from then on, while calls are answered on the connections that they have.
// Then the node takes pages again.
func TestDrainCall(t *testing.T) {
	s := start(t, map[string]string{"api_keys": drainKeys}, nil)
	conn, in := s.raw("")
	ask := func() (status int, closes bool) {
		t.Helper()
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, response)
		return response.StatusCode, response.Close
	}
	if status, closes := ask(); status != 200 || closes {
		t.Fatal(status, closes)
	}
	tutorial, native, stream := s.page("page=home"), s.native("token="+pageToken), s.events("token="+pageToken)
	s.read(native)
	stream.next()
	s.awaitConnections(3)
	if d := s.drainCall("GET", ""); d != (api.Drain{State: api.DrainServing, Connections: 3}) {
		t.Errorf("before: %+v", d)
	}
	d := s.drainCall("POST", `{"delay":"0s","within":"1s"}`)
	if d.Before != 3 || d.Since == nil || !d.From.Equal(*d.Since) || d.Until.Sub(*d.From).String() != "1s" {
		t.Errorf("the answer: %+v", d)
	}
	if code := s.closeCode(tutorial); code != 4503 {
		t.Errorf("the tutorial's page: %d", code)
	}
	if got := s.goodbye(native); got != "4503 server is going away" {
		t.Errorf("the native page: %s", got)
	}
	if event := stream.next(); !strings.HasPrefix(event, "retry: ") || !strings.Contains(event, `"code":4503`) {
		t.Errorf("the stream: %q", event)
	}
	s.drained()

	if status, answer := s.readiness(); status != 503 || !strings.Contains(answer, "this node is drained (POST /v1/drain)") {
		t.Errorf("readiness: %d %s", status, answer)
	}
	_, refused := s.raw(upgrade("/?token=" + pageToken))
	if response, err := http.ReadResponse(refused, nil); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("another page of the tutorial: %+v, %v", response, err)
	}
	if got := s.goodbye(s.native("token=" + pageToken)); got != "4503 the server is going away; try again" {
		t.Errorf("another native page: %s", got)
	}
	if status, closes := ask(); status != 200 || closes {
		t.Errorf("a call on a connection that there was: %d, closes: %v", status, closes)
	}
	if status, answer := s.push(`{"to":"*","message":1}`); status != 200 {
		t.Errorf("a push: %d %s", status, answer)
	}
	if _, nodes := s.call(http.MethodGet, "/v1/nodes", apiKey, "", ""); !strings.Contains(nodes, fmt.Sprintf(`"draining":"drained","draining_since":%q`, d.Since.Format(time.RFC3339Nano))) {
		t.Errorf("the nodes: %s, the drain: %+v", nodes, d)
	}
	if text := s.metricsText(); !strings.Contains(text, "\nscenecast_draining 1\n") || !strings.Contains(text, `scenecast_endings_total{cause="draining"} 3`) {
		t.Errorf("the metrics:\n%s", text)
	}

	if again := s.drainCall("POST", `{"delay":"1h","within":"1h"}`); again.State != api.DrainDrained || !again.Until.Equal(*d.Until) {
		t.Errorf("a second call: %+v, the first: %+v", again, d)
	}
	for range 2 {
		if d := s.drainCall("DELETE", ""); d != (api.Drain{State: api.DrainServing}) {
			t.Errorf("undone: %+v", d)
		}
	}
	if status, answer := s.readiness(); status != 200 {
		t.Errorf("readiness: %d %s", status, answer)
	}
	s.page("page=home")
	s.awaitConnections(1)
	if text := s.metricsText(); !strings.Contains(text, "\nscenecast_draining 0\n") {
		t.Errorf("the metrics:\n%s", text)
	}
	for _, want := range []string{
		`msg="going to drain" connections=3 after=0s within=1s`, `msg=draining connections=3 within=1s`, `msg="drained: no page is left" took=`,
		`msg="the drain was ended; pages are let in"`,
		`msg=audit call="POST /v1/drain" app=default key=operator state=`, `msg=audit call="DELETE /v1/drain" app=default key=operator state=serving connections=0`,
	} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, s.log)
		}
	}
	if strings.Contains(s.log.String(), `audit call="GET`) {
		t.Error("a call that only asks is in the audit")
	}
}

// TestDrainCallWaits: as long as the delay goes on, pages stay and come; a drain that is undone then closes none.
func TestDrainCallWaits(t *testing.T) {
	s := start(t, map[string]string{"api_keys": drainKeys}, nil)
	page := s.page("page=home")
	if d := s.drainCall("POST", `{"delay":"1h"}`); d.State != api.DrainWaiting || d.From.Sub(*d.Since).String() != "1h0m0s" || d.Until.Sub(*d.From) != time.Duration(s.Config().Drain)/2 {
		t.Errorf("the answer: %+v", d)
	}
	if status, _ := s.readiness(); status != 503 {
		t.Errorf("readiness: %d", status)
	}
	s.page("page=list")
	s.awaitConnections(2)
	if status, answer := s.push(`{"to":{"page":"home"},"message":1}`); status != 200 || s.read(page) != "1" {
		t.Errorf("a push: %d %s", status, answer)
	}
	if _, err := s.Reload(t.Context(), s.Config()); err != nil {
		t.Errorf("a reload: %v", err)
	}
	if d := s.drainCall("DELETE", ""); d.State != api.DrainServing || d.Connections != 2 {
		t.Errorf("undone: %+v", d)
	}
}

// TestStopOfADrainedNode: SIGTERM waits for what is left of drain_delay, and that has passed.
func TestStopOfADrainedNode(t *testing.T) {
	s := start(t, map[string]string{"api_keys": drainKeys, "drain_delay": "1s"}, nil)
	page := s.page("page=home")
	d := s.drainCall("POST", "")
	if code := s.closeCode(page); code != 4503 || d.From.Sub(*d.Since).String() != "1s" {
		t.Errorf("the page: %d; the answer: %+v", code, d)
	}
	s.drained()
	s.end()
	if strings.Count(s.log.String(), `msg="going to drain"`) != 1 {
		t.Errorf("load balancers were told twice:\n%s", s.log)
	}
	if _, err := s.Drain(t.Context(), api.DrainRequest{}); err == nil || !strings.Contains(err.Error(), "going away") {
		t.Errorf("a drain of a server that has ended: %v", err)
	}
	if _, err := s.Undrain(); err == nil || !strings.Contains(err.Error(), "going away") {
		t.Errorf("taken back: %v", err)
	}
}

// TestStopWhileDraining: the pages that a long drain has not told yet are told as on any SIGTERM.
func TestStopWhileDraining(t *testing.T) {
	s := start(t, map[string]string{"api_keys": drainKeys}, nil)
	const pages = 300 // of which a batch has 100
	ins := make([]*bufio.Reader, pages)
	for i := range ins {
		_, ins[i] = s.raw(upgrade("/?token=" + pageToken))
	}
	s.awaitConnections(pages)
	s.drainCall("POST", `{"delay":"0s","within":"24h"}`)
	awaitThat(t, "the first batch", func() bool { return s.drainCall("GET", "").Connections <= pages-100 })
	s.end()
	for i, in := range ins {
		if rest, _ := io.ReadAll(in); !strings.Contains(string(rest), "\x11\x97server is going away") { // 4503
			t.Fatalf("the page %d got %q", i, rest)
		}
	}
}

// TestDrainCallWithLatePages: a page that was being let in when pages began to be refused is told as well.
func TestDrainCallWithLatePages(t *testing.T) {
	slow := slowTokens{make(chan struct{}), make(chan struct{})}
	s := startWith(t, map[string]string{"api_keys": drainKeys}, func(o *options) { o.PageAuthenticator = slow })
	late := make(chan websocket.StatusCode, 1)
	go func() {
		defer close(late)
		c, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/?token=other", nil)
		if err != nil {
			t.Error(err)
			return
		}
		late <- s.closeCode(c)
	}()
	<-slow.asked
	s.drainCall("POST", `{"delay":"0s"}`)
	s.drained()
	close(slow.answer)
	if code := <-late; code != 4503 {
		t.Errorf("the page was closed with %d", code)
	}
}

// TestDrainCallMistakes: what cannot be is refused, and nothing begins.
func TestDrainCallMistakes(t *testing.T) {
	s := start(t, map[string]string{"api_keys": drainKeys}, nil)
	for _, c := range []struct{ body, want string }{
		{`{"delay":5}`, `"where":"delay"`},
		{`{"delay":"-1s"}`, `takes a length of time from \"0s\" to \"24h\"`},
		{`{"within":"25h"}`, `"where":"within"`},
		{`{"within":null}`, `"where":"within"`},
		{`{"wait":true}`, `unknown field; there are delay, within`},
	} {
		if status, answer := s.call("POST", "/v1/drain", adminKey, "", c.body); status != 400 || !strings.Contains(answer, c.want) {
			t.Errorf("%s: %d %s, want %s", c.body, status, answer, c.want)
		}
	}
	if d := s.drainCall("GET", ""); d.State != api.DrainServing {
		t.Errorf("a drain has begun: %+v", d)
	}
}
