package churn

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/language"
	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// faulty is a server of the native wire that makes a mistake with the push of a number, at each page that is there.
type faulty struct {
	mu       sync.Mutex
	messages []json.RawMessage // the log
	changed  chan struct{}     // closed when there is another one
	mistake  func(say func(format string, args ...any), push func(number int))
	late     bool // the push with the number 1 comes behind the next one
}

// mistakes: each is told what to say to the page in the place of the push with the number 1, and how to push.
var mistakes = map[string]func(say func(string, ...any), push func(int)){
	"none":   func(_ func(string, ...any), push func(int)) { push(1) },
	"lost":   func(func(string, ...any), func(int)) {},
	"double": func(_ func(string, ...any), push func(int)) { push(1); push(1) },
	"early":  func(_ func(string, ...any), push func(int)) { push(1); push(0) },
	"gap": func(say func(string, ...any), _ func(int)) {
		say(`{"type":"gap","reason":"trimmed","position":"a-2"}`)
	},
	"damaged": func(say func(string, ...any), _ func(int)) {
		say(`{"type":"push","position":"a-2","data":"another one"}`)
	},
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/push" {
		var body struct{ Message json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&body)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.messages = append(f.messages, body.Message)
		close(f.changed)
		f.changed = make(chan struct{})
		fmt.Fprintf(w, `{"position":"a-%d"}`, len(f.messages))
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"scenecast.v1"}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx := c.CloseRead(r.Context())
	say := func(format string, args ...any) {
		_ = c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...))
	}
	f.mu.Lock()
	next := len(f.messages)
	f.mu.Unlock()
	if _, err := fmt.Sscanf(r.URL.Query().Get("since"), "a-%d", &next); err == nil {
		f.mu.Lock()
		next = min(next, len(f.messages))
		f.mu.Unlock()
	}
	say(`{"type":"welcome","id":"1.1","position":"a-%d"}`, next)
	for ctx.Err() == nil {
		f.mu.Lock()
		changed, messages := f.changed, f.messages
		f.mu.Unlock()
		push := func(number int) { say(`{"type":"push","position":"a-%d","data":%s}`, number+1, messages[number]) }
		for ; next < len(messages); next++ {
			if next == 1 {
				f.mistake(say, push)
			} else {
				push(next)
			}
			if next == 2 && f.late {
				push(1)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// patience ends a test that would hang; nothing is asserted about it.
const patience = time.Minute

// fewerThan is a run that has made fewer pushes than this.
func fewerThan(pushes int64) func(*run) bool {
	return func(r *run) bool { return r.nodes[0].taken.Load() < pushes }
}

// runAt loads a server that makes a mistake.
func runAt(t *testing.T, f *faulty, o Options) (*Report, error) {
	t.Helper()
	f.changed = make(chan struct{})
	s := httptest.NewServer(f)
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	o.URLs = append(o.URLs, u)
	return Run(t.Context(), o)
}

// TestFaults: each mistake of a server is found at every page, and ends the run with an error; where there is none, nothing is found.
func TestFaults(t *testing.T) {
	const pages = 3
	for name, want := range map[string]Faults{
		"none":    {},
		"lost":    {Lost: pages},
		"double":  {Doubled: pages},
		"early":   {Doubled: pages},
		"gap":     {Gaps: pages},
		"damaged": {Damaged: pages, Lost: pages},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := runAt(t, &faulty{mistake: mistakes[name]}, Options{Pages: pages, Rate: 100, Duration: 100 * time.Millisecond, Patience: patience, more: fewerThan(5)})
			if errors.Is(err, ErrFaults) != want.Any() || !want.Any() && err != nil {
				t.Fatalf("%v", err)
			}
			got := report.Faults
			if got.Examples = nil; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("found %+v, want %+v", report.Faults, want)
			}
			if !report.Complete || report.All.Connections != pages || report.Pushes < 2 || len(report.Faults.Examples) == 0 == want.Any() {
				t.Errorf("the report: %+v", report)
			}
			var text strings.Builder
			report.Print(&text, language.English)
			if !strings.Contains(text.String(), report.Faults.String()) || strings.Contains(text.String(), "nothing was lost") == want.Any() {
				t.Errorf("in words:\n%s", text.String())
			}
		})
	}
}

// TestOutOfOrder: a push that comes behind a later one, and has not come before, is out of order, and not lost besides.
func TestOutOfOrder(t *testing.T) {
	report, err := runAt(t, &faulty{mistake: mistakes["lost"], late: true}, Options{Pages: 1, Rate: 100, Duration: 100 * time.Millisecond, Patience: patience, more: fewerThan(5)})
	if !errors.Is(err, ErrFaults) || report.Faults.OutOfOrder != 1 || report.Faults.Lost+report.Faults.Doubled != 0 {
		t.Errorf("%v, %+v", err, report)
	}
}

// TestResume: pages that leave come back with their positions, and what they were not there for is counted as caught up.
func TestResume(t *testing.T) {
	none := func(r *run) bool {
		r.nodes[0].mu.Lock()
		defer r.nodes[0].mu.Unlock()
		return r.nodes[0].caughtUp == 0
	}
	report, err := runAt(t, &faulty{mistake: mistakes["none"]}, Options{Pages: 10, Leave: 50, Resume: true, Rate: 100, Duration: 500 * time.Millisecond, Patience: patience, more: none})
	if err != nil || report.Left == 0 || report.Resumed < report.Left || report.All.CaughtUp == 0 || report.All.Deliveries != 10*report.Pushes {
		t.Errorf("%v, %+v", err, report)
	}
}

// TestOptions: what cannot be is refused, before anything connects.
func TestOptions(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	for want, o := range map[string]Options{
		"which server?":                {Pages: 1},
		"0 pages":                      {URLs: []*url.URL{u}},
		"are not negative":             {URLs: []*url.URL{u}, Pages: 1, Leave: -1},
		"messages of 10 bytes":         {URLs: []*url.URL{u}, Pages: 1, Size: 10},
		"2 processes at 1 addresses":   {URLs: []*url.URL{u}, Pages: 1, PIDs: []int{1, 2}},
		"is no address of a server":    {URLs: []*url.URL{{Host: "x"}}, Pages: 1},
		"1 pages are connected, and n": {URLs: []*url.URL{u}, Pages: 1, Patience: 50 * time.Millisecond},
	} {
		report, err := Run(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), want) || report != nil {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}

// TestSettle compares stretches with a log that has the pushes at 10, 20, 30, 40, of which the last one is known from pages alone.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		s             stretch
		lost, damaged int
	}{
		{stretch{from: 10, to: 30, got: 2}, 0, 0},
		{stretch{from: 0, to: 30, got: 3}, 0, 0},
		{stretch{from: 10, to: 10}, 0, 0},
		{stretch{from: 15, to: 30, got: 1}, 1, 0},
		{stretch{from: 10, to: 20, got: 1, end: true}, 2, 0},
		{stretch{from: 40, to: 40, end: true}, 0, 0},
		{stretch{from: 50, to: 50, end: true}, 0, 0},
		{stretch{from: 10, to: 20, got: 2}, 0, 1},
	} {
		var l ledger
		for n, seq := range []uint64{30, 10, 40, 20} { // as their calls end
			l.add(0)
			l.place(n, seq)
		}
		l.close(c.s)
		if f := l.settle(); f.Lost != c.lost || f.Damaged != c.damaged {
			t.Errorf("%+v: %+v, want %d lost and %d damaged", c.s, f, c.lost, c.damaged)
		}
	}
}
