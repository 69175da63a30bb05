package sockjs_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"scenecast"
	"scenecast/problem"
	"scenecast/socket"
	"scenecast/sockjs"
)

const page = "/pusher/app/key/12/abc"

func TestPolling(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{Hostname: "a.example.com"}, socket.Options{})
	n.expect(page+"/xhr?protocol=7&t=1&n=1", "", "200 o{\"hostname\":\"a.example.com\"}\n")
	polled := make(chan string)
	go func() { polled <- n.post(page+"/xhr?n=2", "") }()
	n.expect(page+"/xhr_send?n=3", `["one"]`, "204 ")
	if got := <-polled; got != "200 a[\"one\"]\n" {
		t.Errorf("got %q", got)
	}
	// What comes between polls waits, and leaves together.
	n.expect(page+"/xhr_send?n=4", `["two","three"]`, "204 ")
	n.expect(page+"/xhr_send?n=5", `["four"]`, "204 ")
	n.expect(page+"/xhr?n=6", "", "200 a[\"two\",\"three\",\"four\"]\n")
	n.expect(page+"/xhr_send?n=7", `["close 4200 come \"back\""]`, "204 ")
	n.expect(page+"/xhr?n=8", "", "200 c[4200,\"come \\\"back\\\"\"]\n")
}

func TestStreaming(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{})
	s := n.stream(page + "/xhr_streaming?n=1")
	s.expect("o")
	n.expect(page+"/xhr_send", `["{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"x\"}}"]`, "204 ")
	s.expect(`a["{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"x\"}}"]`)
	n.expect(page+"/xhr_send", `["tab\tnul\u0000 \u2028 \u2029 é 订单 😀 \\ "]`, "204 ")
	s.expect(`a["tab\u0009nul\u0000 \u2028 \u2029 é 订单 😀 \\ "]`)
	n.expect(page+"/xhr_send", `["close 4100 "]`, "204 ")
	s.expect(`c[4100,""]`, "")
	n.expect(page+"/xhr_send", `["late"]`, "404 no such session: it has ended, or is another node's\n")
}

// A session ends when no request receives from it any more, and one that has ended can be told from one that has not.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{DisconnectDelay: 20 * time.Millisecond}, socket.Options{})
	s := n.stream(page + "/xhr_streaming")
	s.expect("o")
	s.abort()
	if e := n.ending(); e.Cause != scenecast.CauseReset {
		t.Errorf("streaming: ended by %v", e.Cause)
	}
	n.expect(page+"/xhr", "", "200 o\n")
	if e := n.ending(); e.Cause != scenecast.CauseReset {
		t.Errorf("polling: ended by %v", e.Cause)
	}
}

// Another request that receives takes the place of the one before, whose client may be gone without the server having noticed.
func TestSecondReceiver(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{})
	first := n.stream(page + "/xhr_streaming")
	first.expect("o")
	second := n.stream(page + "/xhr_streaming")
	first.expect("")
	n.expect(page+"/xhr_send", `["x"]`, "204 ")
	second.expect(`a["x"]`)
}

// A stream ends as pusher-js gives it up: at the end of the frame with which it has more than 256 Ki units of UTF-16. Nothing is written behind
// that, so nothing is lost.
func TestLongStream(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{OutboxBytes: 4 << 20})
	s := n.stream(page + "/xhr_streaming")
	s.expect("o")
	const count, size = 500, 2000
	n.expect(page+"/xhr_send", fmt.Sprintf(`["flood %d %d"]`, count, size), "204 ")
	streams, length := 1, len(prelude)+1+len("o\n")
	for got := 0; got < count; {
		line := s.next()
		if line == "" {
			t.Fatalf("the stream has ended after %d of %d", got, count)
		}
		for message := range strings.SplitSeq(line, ",") {
			if !strings.Contains(message, fmt.Sprintf(`"%d `, got)) {
				t.Fatalf("got %.20q, want message %d", message, got)
			}
			got++
		}
		length += len(utf16.Encode([]rune(line))) + 1
		if length > 256<<10 {
			s.abort()
			s = n.stream(page + "/xhr_streaming")
			streams, length = streams+1, len(prelude)+1
		}
	}
	if want := count * size / (256 << 10); streams < want {
		t.Errorf("%d streams, want %d or more", streams, want)
	}
}

// A client that does not give up a long stream by itself sees it end.
func TestLongStreamEnds(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{})
	s := n.stream(page + "/xhr_streaming")
	s.expect("o")
	n.expect(page+"/xhr_send", `["flood 200 2000"]`, "204 ")
	got := 0
	for line := s.next(); line != ""; line = s.next() {
		got += strings.Count(line, `"`) / 2
	}
	s = n.stream(page + "/xhr_streaming")
	for ; got < 200; got += strings.Count(s.next(), `"`) / 2 {
	}
	if got != 200 {
		t.Errorf("got %d messages", got)
	}
}

// A message that overtakes an earlier one waits for it.
func TestOrder(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{ReorderWait: patience}, socket.Options{})
	n.expect(page+"/xhr?n=10", "", "200 o\n")
	var done sync.WaitGroup
	for _, number := range []int{13, 12, 11} {
		done.Go(func() { n.expect(fmt.Sprintf("%s/xhr_send?n=%d", page, number), fmt.Sprintf(`["%d"]`, number), "204 ") })
	}
	for _, want := range []string{"11", "12", "13"} {
		if got := <-n.heard; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	done.Wait()
}

// A message whose predecessors do not come does not wait forever, and they take effect when they come at last.
func TestOrderWithoutPredecessors(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{ReorderWait: 10 * time.Millisecond}, socket.Options{})
	n.expect(page+"/xhr?n=10", "", "200 o\n")
	for _, number := range []int{20, 19} {
		n.expect(fmt.Sprintf("%s/xhr_send?n=%d", page, number), fmt.Sprintf(`["%d"]`, number), "204 ")
		if got := <-n.heard; got != fmt.Sprint(number) {
			t.Errorf("got %s, want %d", got, number)
		}
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{PingEvery: 30 * time.Millisecond, PongWait: patience})
	s := n.stream(page + "/xhr_streaming")
	s.expect("o", "h")
	n.expect(page+"/xhr_send", `[]`, "204 ") // which answers
	s.expect("h")                            // … so there is another one
}

// The time that a request may take to come in ends no response, of a poll as little as of a stream.
func TestResponseOutlastsBodyTimeout(t *testing.T) {
	t.Parallel()
	n := startWithBodyTimeout(t, 2*time.Second, sockjs.Options{}, socket.Options{PingEvery: 3 * time.Second, PongWait: patience})
	s := n.stream(page + "/xhr_streaming")
	s.expect("o", "h")
	const polled = "/pusher/app/key/12/polled"
	n.expect(polled+"/xhr", "", "200 o\n")
	n.expect(polled+"/xhr", "", "200 h\n")
}

// A heartbeat of the client gets one back, but its answer to one does not.
func TestHeartbeatOfClient(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{})
	s := n.stream(page + "/xhr_streaming")
	s.expect("o")
	n.expect(page+"/xhr_send", `[]`, "204 ")
	s.expect("h")
	n.expect(page+"/xhr_send", `[]`, "204 ")
	n.expect(page+"/xhr_send", `["x"]`, "204 ")
	s.expect(`a["x"]`)

	const polling = "/pusher/app/key/12/poll"
	n.expect(polling+"/xhr", "", "200 o\n")
	for range 2 {
		n.expect(polling+"/xhr_send", `[]`, "204 ")
		n.expect(polling+"/xhr", "", "200 h\n")
	}
}

// A client that is silent is gone, although its stream is open.
func TestNoAnswerToHeartbeat(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{PingEvery: 10 * time.Millisecond, PongWait: 10 * time.Millisecond})
	s := n.stream(page + "/xhr_streaming")
	s.expect("o", "h")
	if e := n.ending(); e.Cause != scenecast.CauseNoPong {
		t.Errorf("ended by %v", e.Cause)
	}
	s.expect(`c[4410,"no pong within 10ms"]`, "")
}

// A poll ends after a while, for proxies that wait for no longer.
func TestPollTime(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{PollTime: time.Millisecond}, socket.Options{})
	n.expect(page+"/xhr", "", "200 o\n")
	n.expect(page+"/xhr", "", "200 h\n")
}

// A page that does not take what it gets is closed as others are.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{OutboxBytes: 64 << 10})
	n.expect(page+"/xhr", "", "200 o\n")
	n.expect(page+"/xhr_send", `["flood 100 2000"]`, "204 ")
	if e := n.ending(); e.Cause != scenecast.CauseOutboxFull {
		t.Errorf("ended by %v", e.Cause)
	}
	var got strings.Builder
	for i := 0; !strings.Contains(got.String(), "c[4408,"); i++ {
		if i == 100 {
			t.Fatalf("no close frame behind %d bytes", got.Len())
		}
		got.WriteString(n.post(page+"/xhr", ""))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{MaxBody: 100, MaxBodySetting: "http.max_body"}, socket.Options{})
	const refused = "/pusher/app/refused/1/x"
	n.expect(refused+"/xhr", "", "200 o\na[\"{\\\"event\\\":\\\"pusher:error\\\"}\"]\nc[4001,\"no \\\"refused\\\" app\"]\n")
	n.expect(refused+"/xhr_streaming", "", "200 "+prelude+"\no\na[\"{\\\"event\\\":\\\"pusher:error\\\"}\"]\nc[4001,\"no \\\"refused\\\" app\"]\n")
	n.expect(page+"/xhr", "", "200 o\n")
	for body, want := range map[string]string{
		"":                                     "400 the body is not a JSON array of strings\n",
		"x":                                    "400 the body is not a JSON array of strings\n",
		`"one"`:                                "400 the body is not a JSON array of strings\n",
		`[1]`:                                  "400 the body is not a JSON array of strings\n",
		`["a"]]`:                               "400 the body is not a JSON array of strings\n",
		`null`:                                 "400 the body is null, and not a JSON array of strings\n",
		`["` + strings.Repeat("x", 100) + `"]`: "413 the body has more than 100 bytes (setting: http.max_body)\n",
	} {
		n.expect(page+"/xhr_send", body, want)
	}
	n.expect(page+"/xhr_send", `["still here"]`, "204 ")
	n.expect(page+"/xhr", "", "200 a[\"still here\"]\n")
	n.expect(page+"/xhr", "x", "400 a request that receives has no body\n")
	n.expect("/pusher/app/key/xhr_send/", "", "404 404 page not found\n")
	n.expect(page+"/jsonp", "", "404 404 page not found\n")

	for method, want := range map[string]int{http.MethodGet: 405, http.MethodPut: 405, http.MethodOptions: 403, http.MethodPost: 403} {
		r, _ := http.NewRequestWithContext(t.Context(), method, n.url+page+"/xhr_send", nil)
		r.Header.Set("Origin", "https://elsewhere.example")
		answer, err := n.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: status %d, want %d", method, answer.StatusCode, want)
		}
	}
}

// A message over the limit of the loop ends the page as it does over a WebSocket.
func TestMessageTooBig(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{})
	n.expect(page+"/xhr", "", "200 o\n")
	n.expect(page+"/xhr_send", `["`+strings.Repeat("x", maxMessage+1)+`"]`, "204 ")
	if got := n.post(page+"/xhr", ""); !strings.HasPrefix(got, "200 c[1009,") {
		t.Errorf("got %q", got)
	}
}

// Two nodes behind a balancer that spreads requests: what a page sends comes to its session; and a session that begins elsewhere again,
// because a poll has gone there, ends.
func TestNodes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var nodes [2]*node
	for i := range nodes {
		mu.Lock()
		nodes[i] = start(t, sockjs.Options{Broadcast: func(b []byte) {
			if !sockjs.IsMessage(b) {
				t.Errorf("%s is no message", b)
			}
			mu.Lock()
			other := nodes[1-i].sessions
			mu.Unlock()
			other.Received(bytes.Clone(b))
		}}, socket.Options{})
		mu.Unlock()
	}
	s := nodes[0].stream(page + "/xhr_streaming?n=1")
	s.expect("o")
	nodes[1].expect(page+"/xhr_send?n=2", `["elsewhere"]`, "204 ")
	s.expect(`a["elsewhere"]`)
	if got := nodes[1].post(page+"/xhr_send?n=3", `["`+strings.Repeat("<", 100<<10)+`"]`); !strings.HasPrefix(got, "413 ") { // in JSON it is six times as long
		t.Errorf("what no message between nodes can carry: %.200q", got)
	}
	nodes[1].expect("/pusher/app/key/12/nowhere/xhr_send", `["x"]`, "404 no such session: it has ended, or is another node's\n")
	if got := nodes[0].sessions.Stats().Misrouted; got != 1 {
		t.Errorf("%d requests were misrouted, want 1", got)
	}
	nodes[1].expect(page+"/xhr", "", "200 o\n")
	s.expect("")
	if e := nodes[0].ending(); e.Cause != scenecast.CauseReset {
		t.Errorf("ended by %v", e.Cause)
	}
	nodes[1].sessions.Received([]byte(`{"sockjs":{"unknown":1}}`))
	nodes[1].sessions.Received([]byte(`{"sockjs":`))
}

// A client that goes away while its message waits for its turn takes it along.
func TestSenderLeaves(t *testing.T) {
	t.Parallel()
	n := start(t, sockjs.Options{}, socket.Options{})
	n.expect(page+"/xhr?n=1", "", "200 o\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, n.url+page+"/xhr_send?n=9", strings.NewReader(`["gone"]`))
	if answer, err := n.client.Do(r); err == nil {
		_ = answer.Body.Close()
	}
	n.expect(page+"/xhr_send?n=2", `["here"]`, "204 ")
	if got := <-n.heard; got != "here" {
		t.Errorf("got %s", got)
	}
}

// TestManyUnknownSessions: anybody may name sessions that are on no node; only so many such requests ask the other nodes at a time.
func TestManyUnknownSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		s := sockjs.New(sockjs.Options{Broadcast: func([]byte) { told.Add(1) }})
		send := func() problem.Kind {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/app/key/1/unknown/xhr_send", strings.NewReader(`["x"]`))
			return problem.Of(s.Serve(httptest.NewRecorder(), r, nil)).Kind
		}
		const most = 256
		var wait sync.WaitGroup
		for range most {
			wait.Go(func() {
				if kind := send(); kind != problem.NotFound {
					t.Errorf("a request that no node has answered: %s", kind)
				}
			})
		}
		synctest.Wait()
		if kind := send(); kind != problem.TooMany || told.Load() != most {
			t.Errorf("one request more: %s; the others were told %d times", kind, told.Load())
		}
		wait.Wait()
		if kind := send(); kind != problem.NotFound || told.Load() != most+1 {
			t.Errorf("a request behind them: %s; the others were told %d times", kind, told.Load())
		}
	})
}
