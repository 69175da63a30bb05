package server_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast/audience"
	"scenecast/push"
)

// soak is how long TestSoak churns, on each kind of sockets: `make soak SOAK=10m`. From a minute on, other tests that come in
// a short form run in full.
var soak = flag.Duration("soak", 2*time.Second, "how long TestSoak runs")

// soakLimit is how many pages the server lets in. The soak has fewer; one whose place was not given back would be missing.
const soakLimit = 60

// TestSoak has pages join, leave, talk, be relabeled, not read and break off at every stage, while pushes and calls go on.
// Afterwards the server has what it had at the start.
func TestSoak(t *testing.T) {
	s := startWith(t, map[string]string{
		"limits.connections": strconv.Itoa(soakLimit),
		"outbox.max_bytes":   "256KiB",
		"http.head_timeout":  "1s", // which is long for a client of the test's that has to wait for the machine
		// What is kept of pushes is bounded, and full by the time of the first look.
		"history.max_count": "10", "push.max_idempotency_keys": "10",
	}, func(o *options) { o.Logger = slog.New(slog.DiscardHandler) }) // the harness keeps a log, which would grow
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	settle := func() (files, goroutines int, heap uint64) {
		client.CloseIdleConnections()
		s.awaitConnections(0)
		awaitThat(t, "all requests are over", func() bool {
			files = openFiles(t)
			time.Sleep(1100 * time.Millisecond) // the time for a head is up
			return openFiles(t) == files
		})
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return openFiles(t), runtime.NumGoroutine(), m.HeapAlloc
	}
	s.churn(client, *soak/4) // buffers and pools grow
	files, goroutines, heap := settle()
	s.churn(client, *soak)
	filesAfter, goroutinesAfter, heapAfter := settle()
	t.Logf("files %d, goroutines %d, heap %d KiB; before %d, %d, %d KiB", filesAfter, goroutinesAfter, heapAfter>>10, files, goroutines, heap>>10)
	if filesAfter > files || goroutinesAfter > goroutines || heapAfter > heap+2<<20 {
		t.Error("it has grown")
	}
	if _, answer := s.call(http.MethodGet, "/v1/labels?key=page", apiKey, "", ""); !strings.Contains(answer, `"values":[]`) {
		t.Errorf("labels that nobody has: %s", answer)
	}
	for i := range soakLimit {
		p, ok := s.dialLight("page=last")
		if !ok {
			t.Fatalf("%d of %d places were not given back", soakLimit-i, soakLimit)
		}
		defer p.conn.Close()
	}
}

// churn does a little of everything, for so long.
func (r *running) churn(client *http.Client, d time.Duration) {
	over := time.Now().Add(d)
	var working sync.WaitGroup
	for worker := range 6 {
		working.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for time.Now().Before(over) {
				switch random.IntN(8) {
				case 0:
					r.breakOff(random)
				case 1, 2:
					r.callSomething(client, random)
				default:
					r.visitors(random)
				}
			}
		})
	}
	for pusher := range 2 {
		working.Go(func() {
			for i := 0; time.Now().Before(over); i++ {
				to := audience.Everybody()
				if i%2 == pusher {
					to, _ = audience.Parse(`page == "p1"`)
				}
				message := json.RawMessage(`"` + strings.Repeat("x", i%100*400) + `"`)
				if _, err := r.Push(r.t.Context(), push.Request{To: to, Message: message}); err != nil {
					r.t.Error(err)
				}
			}
		})
	}
	working.Wait()
}

// visitors are up to eight pages, which go in several ways; some of them never read.
func (r *running) visitors(random *rand.Rand) {
	for range 1 + random.IntN(8) {
		p, ok := r.dialLight(fmt.Sprintf("page=p%d&tag=%d", random.IntN(5), random.Uint32()))
		if !ok {
			continue // pages that have left, and whom the server has not missed yet, may hold the places
		}
		way, reads := random.IntN(4), random.IntN(3) > 0
		defer func() {
			if reads {
				_ = p.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
				_, _ = io.Copy(io.Discard, p.in)
			}
			p.leave(way)
		}()
		_, _ = io.WriteString(p.conn, maskedFrame(0x81, "heartbeat")+maskedFrame(0x89, "?"))
	}
}

// breakOff is a visitor who goes away in the middle of a request.
func (r *running) breakOff(random *rand.Rand) {
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Error(err)
		return
	}
	request := upgrade("/?page=p1&token=" + pageToken)
	_, _ = io.WriteString(conn, request[:random.IntN(len(request)+1)])
	if random.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	_ = conn.Close()
}

// callSomething is a call of the API's, on a connection that is kept.
func (r *running) callSomething(client *http.Client, random *rand.Rand) {
	call := []struct{ method, path, body string }{
		{"POST", "/v1/push", `{"to":{"page":"p2"},"message":1}`},
		{"POST", "/v1/labels", fmt.Sprintf(`{"to":{"page":"p3"},"set":{"page":"p%d"}}`, random.IntN(5))},
		{"POST", "/v1/disconnect", `{"to":{"page":"p4"}}`},
		{"GET", "/v1/connections?to=*", ""},
		{"GET", "/v1/labels?key=page", ""},
		{"GET", "/nowhere", ""},
	}[random.IntN(6)]
	request, err := http.NewRequest(call.method, "http://"+r.addr+call.path, strings.NewReader(call.body))
	if err != nil {
		r.t.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+apiKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		r.t.Error(err)
		return
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode >= 500 {
		r.t.Errorf("%s %s: %s, %v", call.method, call.path, response.Status, err)
	}
}
