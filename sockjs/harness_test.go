package sockjs_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/leaktest"
	"scenecast/listener"
	"scenecast/problem"
	"scenecast/socket"
	"scenecast/sockjs"
	"scenecast/websocket"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience ends a test that would hang; nothing is asserted about it.
const patience = time.Minute

// node is a port with sessions, whose pages have what they say echoed.
type node struct {
	t        *testing.T
	url      string
	sessions *sockjs.Sessions
	client   *http.Client
	heard    chan string           // what pages have said
	endings  chan scenecast.Ending // of pages
}

const maxMessage = 64 << 10

func start(t *testing.T, o sockjs.Options, s socket.Options) *node {
	t.Helper()
	return startWithBodyTimeout(t, patience, o, s) // a machine that is busy is not a client that is slow
}

func startWithBodyTimeout(t *testing.T, bodyTimeout time.Duration, o sockjs.Options, s socket.Options) *node {
	t.Helper()
	n := &node{t: t, heard: make(chan string, 64), endings: make(chan scenecast.Ending, 8)}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	o.Logger = log
	n.sessions = sockjs.New(o)
	s.MaxMessage = maxMessage
	if s.PingEvery == 0 {
		s.PingEvery = -1
	}
	loop, err := socket.NewLoop(s)
	if err != nil {
		t.Fatal(err)
	}
	loop.Start(&shard{node: n, loop: loop})
	port, err := listener.Listen(t.Context(), listener.Options{
		Addr:    "127.0.0.1:0",
		Handler: http.NotFoundHandler(),
		Endpoints: []listener.Endpoint{{
			Match:     func(path string) bool { _, ok := sockjs.ParseAddress(path); return ok },
			Transport: listener.SockJS,
			Admitter:  admitter{},
			CloseCode: func(err error) (scenecast.CloseCode, string) { return 4001, problem.Of(err).Detail },
			Refusal:   func(error) []byte { return websocket.TextFrame([]byte(`{"event":"pusher:error"}`)) },
			Refuse: func(w http.ResponseWriter, _ *http.Request, err error) {
				p := problem.Of(err)
				http.Error(w, p.Error(), p.Kind.Status())
			},
			Sessions: n.sessions,
		}},
		Loops:       []*socket.Loop{loop},
		BodyTimeout: bodyTimeout,
		Logger:      log,
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- port.Serve() }()
	transport := new(http.Transport)
	n.client = &http.Client{Transport: transport}
	n.url = "http://" + port.Addr().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		transport.CloseIdleConnections()
		loop.LowerCloseWait(time.Millisecond)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			loop.Shutdown(short)
		}()
		port.Shutdown(ctx)
		<-stopped
		if err := <-served; err != nil {
			t.Error(err)
		}
		if open := n.sessions.Stats().Open; open != 0 {
			t.Errorf("%d sessions are left", open)
		}
	})
	return n
}

// admitter admits all pages but those of the app refused.
type admitter struct{}

func (admitter) Admit(r *http.Request) (scenecast.Admission, error) {
	if r.URL.Path == "/pusher/app/refused" {
		return scenecast.Admission{}, problem.New(problem.NotFound, `no "refused" app`)
	}
	return scenecast.Admission{}, nil
}

// shard is the pages of the loop.
type shard struct {
	node *node
	loop *socket.Loop
}

func (s *shard) Opened(scenecast.Slot, scenecast.Admission) {}

// Received echoes, but for: close CODE REASON; flood COUNT SIZE.
func (s *shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	words := strings.SplitN(string(m.Data), " ", 3)
	switch words[0] {
	case "close":
		code, _ := strconv.Atoi(words[1])
		s.loop.Close(slot, scenecast.Ending{Code: scenecast.CloseCode(code), Detail: words[2]})
	case "flood":
		count, _ := strconv.Atoi(words[1])
		size, _ := strconv.Atoi(words[2])
		for i := range count {
			text := fmt.Sprintf("%d ", i)
			s.loop.Send(slot, websocket.TextFrame([]byte(text+strings.Repeat("é", size-len(text)))))
		}
	default:
		s.node.heard <- string(m.Data)
		s.loop.Send(slot, websocket.TextFrame(m.Data))
	}
}

func (s *shard) Closed(_ scenecast.Slot, e scenecast.Ending) { s.node.endings <- e }

// request sends a POST.
func (n *node) request(ctx context.Context, path, body string) *http.Response {
	n.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	answer, err := n.client.Do(r)
	if err != nil {
		n.t.Fatalf("%s: %v", path, err)
	}
	return answer
}

// post is the answer to a POST: status and body.
func (n *node) post(path, body string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	answer := n.request(ctx, path, body)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		n.t.Fatalf("%s: %v", path, err)
	}
	return strconv.Itoa(answer.StatusCode) + " " + string(b)
}

// expect compares the answer to a POST with the one that is wanted.
func (n *node) expect(path, body, want string) {
	n.t.Helper()
	if got := n.post(path, body); got != want {
		n.t.Errorf("%s %.100s: got %.300q, want %.300q", path, body, got, want)
	}
}

// stream is an /xhr_streaming.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	abort func()
}

// prelude is the first line of each stream.
var prelude = strings.Repeat("h", 2048)

func (n *node) stream(path string) *stream {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	answer := n.request(ctx, path, "")
	if answer.StatusCode != http.StatusOK {
		n.t.Fatalf("%s: status %d", path, answer.StatusCode)
	}
	abort := func() {
		cancel()
		_ = answer.Body.Close()
	}
	n.t.Cleanup(abort)
	s := &stream{n.t, bufio.NewScanner(answer.Body), abort}
	s.lines.Buffer(nil, 4<<20)
	s.expect(prelude)
	return s
}

// next is the next line; empty: the response has ended.
func (s *stream) next() string {
	if !s.lines.Scan() {
		return ""
	}
	return s.lines.Text()
}

func (s *stream) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if got := s.next(); got != w {
			s.t.Fatalf("got %.200q, want %.200q", got, w)
		}
	}
}

// ending is how a page has ended.
func (n *node) ending() scenecast.Ending {
	n.t.Helper()
	select {
	case e := <-n.endings:
		return e
	case <-time.After(patience):
		n.t.Fatal("no page has ended")
		panic("unreachable")
	}
}
