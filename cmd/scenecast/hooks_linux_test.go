package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scenecast/freeport"
	"scenecast/hook/event"
	"scenecast/hook/queue"
)

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver is a backend that is told of events. It is slow, and it fails: at every fifth call it refuses, and of every fifth the answer is lost.
type receiver struct {
	*httptest.Server
	t     *testing.T
	fails atomic.Bool
	seen  atomic.Int64 // calls

	mu     sync.Mutex
	events []event.Event // in the order in which they were taken first
	known  map[string]bool
	calls  int           // that were taken
	failed int           // that were refused
	twice  []event.Event // that came again
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, known: make(map[string]bool)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the process that calls is killed
	}
	if wh, err := standardwebhooks.NewWebhook(webhookSecret); err != nil || wh.Verify(body, request.Header) != nil {
		r.t.Errorf("a call is not signed as it should be: %s", body)
	}
	time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	fate := r.seen.Add(1) % 5
	if r.fails.Load() && fate == 2 {
		r.mu.Lock()
		r.failed++
		r.mu.Unlock()
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.take(body)
	if r.fails.Load() && fate == 4 {
		panic(http.ErrAbortHandler) // the answer is lost
	}
}

func (r *receiver) take(body []byte) {
	var batch struct {
		Data struct{ Events []event.Event }
	}
	if err := json.Unmarshal(body, &batch); err != nil {
		r.t.Errorf("%s: %v", body, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	for _, e := range batch.Data.Events {
		if r.known[e.ID] {
			r.twice = append(r.twice, e)
			continue
		}
		r.known[e.ID] = true
		r.events = append(r.events, e)
	}
}

// lacks is how many of these IDs were not taken yet.
func (r *receiver) lacks(ids []string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if !r.known[id] {
			n++
		}
	}
	return n
}

// hookedStreams make events one after the other, each stream by itself: a page that connects, leaves, and comes back, and a caller of a trigger.
type hookedStreams struct {
	t      *testing.T
	m      *member
	run    int
	ending atomic.Bool
	going  sync.WaitGroup
	pushes []string // IDs of the pushes of the trigger, in their order
}

const hookedPages = 4

func (s *hookedStreams) start() {
	for who := range hookedPages {
		s.going.Go(func() {
			for n := 0; !s.ending.Load() && s.m.connectOnce(fmt.Sprintf("who=%d&n=%d&run=%d", who, n, s.run)); n++ {
			}
		})
	}
	s.going.Go(func() {
		for !s.ending.Load() {
			r, _ := http.NewRequest(http.MethodPost, s.m.url+"/v1/triggers/ran", nil)
			r.Header.Set("Authorization", "Bearer "+fleetKey)
			response, err := s.m.http.Do(r)
			if err != nil {
				return
			}
			var answer struct{ ID string }
			err = json.NewDecoder(response.Body).Decode(&answer)
			response.Body.Close()
			if err != nil {
				return
			}
			s.pushes = append(s.pushes, answer.ID)
		}
	})
}

// connectOnce connects a page, and closes it, and waits until the server has closed the socket, which a library would do itself.
func (m *member) connectOnce(query string) bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		return false
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /v1/connect?token=%s&%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: scenecast.v1\r\n\r\n", fleetToken, query)
	in := bufio.NewReader(c)
	if status, err := in.ReadString('\n'); err != nil || !strings.Contains(status, "101") {
		return false
	}
	if _, err := c.Write([]byte{0x88, 0x82, 0, 0, 0, 0, 1000 >> 8, 1000 & 0xff}); err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, in)
	return err == nil
}

// queuedAtDeath are the IDs of the events that the queue of a process has that was killed.
func queuedAtDeath(t *testing.T, dir string) (ids []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "hooks.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hooks.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := queue.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	q, err := f.Queue("default/h")
	if err != nil {
		t.Fatal(err)
	}
	items, err := q.First(1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		var e event.Event
		if err := json.Unmarshal(item.Data[8:], &e); err != nil { // behind its time
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

// TestHooksOfAKilledNode: a node is killed again and again while pages come and go and a trigger runs, and its backend is slow and fails. What was in its
// queue is told by the next process. No event is missing before one that was told: so nothing is lost but the last ones before the death, which
// the queue had not taken yet.
func TestHooksOfAKilledNode(t *testing.T) {
	t.Parallel()
	backend := newReceiver(t)
	hooks := fmt.Sprintf("SCENECAST_HOOKS_EVENTS=[{name: h, url: %q, secret: %s, max_wait: 5ms, batch: 50}]", backend.URL, webhookSecret)
	f := newFleetAt(t, freeport.Addrs(t, 1), freeport.Addrs(t, 1), [][]string{{"env", hooks, `SCENECAST_TRIGGERS={ran: {to: "*", message: 1}}`}})
	m := f.nodes[0]
	var runs []*hookedStreams
	var queued []string
	for run := range 4 {
		backend.fails.Store(true)
		s := &hookedStreams{t: t, m: m, run: run}
		s.start()
		runs = append(runs, s)
		for lasts, begun := time.Duration(300+rand.IntN(700))*time.Millisecond, time.Now(); time.Since(begun) < lasts; time.Sleep(50 * time.Millisecond) {
			m.retryHook()
		}
		m.kill()
		s.ending.Store(true)
		s.going.Wait()
		queued = append(queued, queuedAtDeath(t, filepath.Join(m.dir, "data"))...)
		m.start()
		m.awaitReady()
	}
	backend.fails.Store(false)
	for deadline := time.Now().Add(patience); backend.lacks(queued) > 0; time.Sleep(200 * time.Millisecond) {
		m.retryHook()
		if time.Now().After(deadline) {
			t.Fatalf("of %d events that were in the queue when the node was killed, %d are lost", len(queued), backend.lacks(queued))
		}
	}
	backend.mu.Lock()
	defer backend.mu.Unlock()
	if len(queued) == 0 {
		t.Error("nothing was in the queue at any death: the test has shown nothing")
	}
	backend.expectNoHoles(runs)
	t.Logf("%d events in %d calls, %d events twice, %d calls refused; %d waited when the node was killed", len(backend.events), backend.calls, len(backend.twice), backend.failed, len(queued))
}

// retryHook has a call that failed be made again at once.
func (m *member) retryHook() {
	r, _ := http.NewRequest(http.MethodPost, m.url+"/v1/hooks/h/retry", nil)
	r.Header.Set("Authorization", "Bearer "+fleetKey)
	if response, err := m.http.Do(r); err == nil {
		response.Body.Close()
	}
}

// unsettled is how many connections of a page the server may not have told the end of, when the page has come back: a socket is shut down a moment before
// its end is told, and another loop takes the next one.
const unsettled = 3

// expectNoHoles expects the events of each stream to be there from the first on, in their order.
func (r *receiver) expectNoHoles(runs []*hookedStreams) {
	type stream struct{ run, who string }
	connected, disconnected := make(map[stream]int), make(map[stream]map[int]bool)
	var pushes []string
	for _, e := range r.events {
		if e.Type == event.Triggered {
			pushes = append(pushes, e.Data.Push)
			continue
		}
		of := func(key string) string { return strings.Join(e.Data.Labels.Values(key), ",") }
		s := stream{of("run"), of("who")}
		n, err := strconv.Atoi(of("n"))
		switch {
		case err != nil:
			r.t.Fatalf("%+v: %v", e, err)
		case e.Type == event.Connected && n != connected[s]:
			r.t.Fatalf("%v: told of the connection %d, want %d", s, n, connected[s])
		case e.Type == event.Connected:
			connected[s]++
		case n >= connected[s]:
			r.t.Fatalf("%v: told of the end of the connection %d before it had begun", s, n)
		case disconnected[s] == nil:
			disconnected[s] = map[int]bool{n: true}
		default:
			disconnected[s][n] = true
		}
	}
	for s, n := range connected {
		for i := range n - unsettled {
			if !disconnected[s][i] {
				r.t.Errorf("%v: not told of the end of the connection %d, but of the connection %d", s, i, n-1)
			}
		}
	}
	for i, run := range runs {
		told := 0
		for told < len(run.pushes) && len(pushes) > 0 && pushes[0] == run.pushes[told] {
			pushes, told = pushes[1:], told+1
		}
		if told == len(run.pushes) && len(pushes) > 0 && (i+1 == len(runs) || pushes[0] != runs[i+1].pushes[0]) {
			pushes = pushes[1:] // the answer of the last one was lost
		}
		if told == 0 || connected[stream{fmt.Sprint(i), "0"}] == 0 {
			r.t.Errorf("run %d: nothing was told of it", i)
		}
	}
	if len(pushes) > 0 {
		r.t.Errorf("of the trigger %d events were told in another order, or without those before them", len(pushes))
	}
}
