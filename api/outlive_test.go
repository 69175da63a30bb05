package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/api"
	"scenecast/push"
)

// onItsWay is a push whose reports a test gives.
type onItsWay struct {
	id           string
	queued, done chan struct{}
}

func newOnItsWay(id string) *onItsWay { return &onItsWay{id, make(chan struct{}), make(chan struct{})} }

// Wait implements push.Pending.
func (p *onItsWay) Wait(ctx context.Context) (push.Result, error) {
	return push.Result{ID: p.id}, await(ctx, p.done)
}

// WaitQueued implements push.Pending.
func (p *onItsWay) WaitQueued(ctx context.Context) error { return await(ctx, p.queued) }

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// submissions keeps what is submitted, to be ended by a test.
type submissions struct {
	mu  sync.Mutex
	all []*onItsWay
}

func (s *submissions) submit(_ context.Context, _ access.Caller, r push.Request) (push.Pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := newOnItsWay(r.ID)
	s.all = append(s.all, p)
	return p, nil
}

func (s *submissions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// at is the push that was submitted as the i-th.
func (s *submissions) at(i int) *onItsWay {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[i]
}

// answer is a response that a test reads while it is being written.
type answer struct {
	mu sync.Mutex
	httptest.ResponseRecorder
}

func (a *answer) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ResponseRecorder.Write(b)
}

// lines is how many lines have been written.
func (a *answer) lines() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Count(a.Body.String(), "\n")
}

func newAnswer() *answer { return &answer{ResponseRecorder: *httptest.NewRecorder()} }

// batch has a batch of n pushes with the IDs 0, 1 … served on the side, in lines, each with these fields besides.
func batch(f *fixture, n int, fields string) (a *answer, end <-chan struct{}) {
	var body strings.Builder
	for i := range n {
		fmt.Fprintf(&body, "{\"to\":\"*\",\"id\":\"%d\"%s}\n", i, fields)
	}
	r := httptest.NewRequest("POST", "/v1/push", strings.NewReader(body.String()))
	r.Header.Set("Authorization", "Bearer all")
	r.Header.Set("Content-Type", ndjson)
	a, ended := newAnswer(), make(chan struct{})
	go func() {
		f.ServeHTTP(a, r)
		close(ended)
	}()
	return a, ended
}

// TestBatchDoesNotWaitForReceipts: all pushes of a batch are on their way before the first has its receipt, and each is
// answered when it and those before it have theirs.
func TestBatchDoesNotWaitForReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(t), new(submissions)
		f.pusher.submit = s.submit
		a, end := batch(f, 3, "")
		synctest.Wait()
		if n := s.count(); n != 3 {
			t.Fatalf("%d pushes are on their way, want 3", n)
		}
		for i, want := range []int{0, 2, 3} { // the second ends first
			close(s.at([]int{1, 0, 2}[i]).done)
			synctest.Wait()
			if n := a.lines(); n != want {
				t.Errorf("when %d have ended, %d are answered, want %d", i+1, n, want)
			}
		}
		<-end
		for i, line := range strings.Split(strings.TrimSpace(a.Body.String()), "\n") {
			if !strings.HasPrefix(line, fmt.Sprintf(`{"id":"%d",`, i)) {
				t.Errorf("the answer %d is %s", i, line)
			}
		}
	})
}

// TestBatchIsPaced by what is queued, so that other pushes find their way between those of a batch.
func TestBatchIsPaced(t *testing.T) {
	const pushes = 2*api.BatchWindow + 32
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(t), new(submissions)
		f.pusher.submit = s.submit
		a, end := batch(f, pushes, "")
		for queued := range pushes - api.BatchWindow {
			synctest.Wait()
			if n := s.count(); n != queued+api.BatchWindow {
				t.Fatalf("with %d queued, %d are on their way, want %d more", queued, n, api.BatchWindow)
			}
			close(s.at(queued).queued)
		}
		synctest.Wait()
		for i := range pushes {
			close(s.at(i).done)
		}
		<-end
		if n := a.lines(); n != pushes {
			t.Errorf("%d answers, want %d", n, pushes)
		}
	})
}

// TestBatchOfManyReceipts: a batch may take longer than a call. What is submitted late has the time for its receipt, too.
func TestBatchOfManyReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(t), new(submissions)
		f.pusher.submit = s.submit
		a, end := batch(f, api.BatchWindow+1, "")
		time.Sleep(30 * time.Second)
		close(s.at(0).queued)
		time.Sleep(30 * time.Second)
		for i := range api.BatchWindow + 1 {
			close(s.at(i).done)
		}
		<-end
		if n := strings.Count(a.Body.String(), `{"id":`); n != api.BatchWindow+1 {
			t.Errorf("%d are told as published, want all: %s", n, a.Body)
		}
	})
}

// TestBatchThatStands: where nothing gets queued any more, what was published is told as uncertain, all that comes behind it as not
// published, and the call ends.
func TestBatchThatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		service := push.NewService(stuck{}, push.DefaultLimits, nil)
		f.pusher.submit = service.Submit
		const pushes = 3*api.BatchWindow + 2
		a, end := batch(f, pushes, `,"message":1`)
		<-end
		published := strings.Count(a.Body.String(), `"status":504,"kind":"uncertain"`)
		refused := strings.Count(a.Body.String(), `"status":503,"kind":"unavailable","detail":"not published: the pushes before it took too long"`)
		if published != api.BatchWindow || refused != pushes-published || f.log.Len() > 0 {
			t.Errorf("%d are told as published, %d as not published; the log says %s", published, refused, &f.log)
		}
	})
}

// lostPush is a push of which the engine says that nothing was published after all.
type lostPush struct{}

// Wait implements push.Pending.
func (lostPush) Wait(context.Context) (push.Result, error) {
	return push.Result{}, scenecast.ErrUnavailable
}

// WaitQueued implements push.Pending.
func (lostPush) WaitQueued(context.Context) error { return scenecast.ErrUnavailable }

// TestBatchGoesOnBehindALostPush: the engine's error is the answer to that push, and to no other.
func TestBatchGoesOnBehindALostPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.pusher.submit = func(_ context.Context, _ access.Caller, r push.Request) (push.Pending, error) {
			if r.ID == "0" {
				return lostPush{}, nil
			}
			p := newOnItsWay(r.ID)
			close(p.queued)
			close(p.done)
			return p, nil
		}
		a, end := batch(f, api.BatchWindow+1, "")
		<-end
		lines := strings.Split(strings.TrimSpace(a.Body.String()), "\n")
		if last := lines[api.BatchWindow]; !strings.HasPrefix(last, fmt.Sprintf(`{"id":"%d",`, api.BatchWindow)) {
			t.Errorf("the last push is answered %s", last)
		}
	})
}

// stuck is an engine whose node does not answer.
type stuck struct{}

func (stuck) Submit(p scenecast.Push) (scenecast.Pending, error) { return stuckPush{p.ID}, nil }

func (stuck) Ask(ctx context.Context, _ scenecast.Query) (scenecast.Reply, error) {
	<-ctx.Done()
	return scenecast.Reply{}, ctx.Err()
}

type stuckPush struct{ id string }

// Wait implements scenecast.Pending.
func (p stuckPush) Wait(ctx context.Context) (scenecast.Published, error) {
	<-ctx.Done()
	return scenecast.Published{ID: p.id}, ctx.Err()
}

// WaitQueued implements scenecast.Pending.
func (stuckPush) WaitQueued(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestNodesThatDoNotAnswer: a call ends after its own time, and says whether something was done.
func TestNodesThatDoNotAnswer(t *testing.T) {
	const (
		uncertain   = `{"title":"Gateway Timeout","status":504,"kind":"uncertain","detail":"`
		unavailable = `{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"`
		notDone     = `it is not known yet what was done: not every node has answered in time"}`
		notAsked    = `not every node has answered in time"}`
	)
	for _, c := range []struct{ method, target, body, want string }{
		{"POST", "/v1/push", `{"to":"*","message":1,"id":"a"}`, uncertain + `the push is published, and whom it has reached is not known yet: GET /v1/pushes/a tells it"}`},
		{"POST", "/v1/push", `{"to":"*","dry_run":true}`, unavailable + `the audience was not counted in time"}`},
		{"POST", "/v1/labels", `{"to":"*","set":{"a":"b"}}`, uncertain + notDone},
		{"POST", "/v1/disconnect", `{"to":"*"}`, uncertain + notDone},
		{"POST", "/v1/audience", `{"to":"*"}`, unavailable + notAsked},
		{"GET", "/v1/connections", ``, unavailable + notAsked},
		{"GET", "/v1/labels?key=page", ``, unavailable + notAsked},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.pusher.submit = push.NewService(stuck{}, push.DefaultLimits, nil).Submit
			f.asker.ask = stuck{}.Ask
			start := time.Now()
			w := f.call(c.method, c.target, "all", strings.NewReader(c.body))
			if got := strings.TrimSpace(w.Body.String()); got != c.want || time.Since(start) != api.DefaultTimeout || f.log.Len() > 0 {
				t.Errorf("%s %s: after %v\n\t%s, want\n\t%s\nthe log says %s", c.method, c.target, time.Since(start), got, c.want, &f.log)
			}
		})
	}
}

// TestHalfClosed: a client that half-closes its connection behind its request, as nc -N does, is told what was done. net/http
// takes the end of what comes in for a client that has gone, and ends the request's context.
func TestHalfClosed(t *testing.T) {
	for _, c := range []struct{ method, target, body, want string }{
		{"POST", "/v1/push", `{"to":"*","message":1}`, pushed},
		{"POST", "/v1/push", `[{"to":"*","message":1},{"to":"*","message":1}]`, `[` + pushed + `,` + pushed + `]`},
		{"POST", "/v1/triggers/x", `{"order":"7"}`, pushed},
		{"POST", "/v1/labels", `{"to":"*","set":{"a":"b"}}`, `{"matched":3,"changed":2,"nodes":2,"nodes_known":4}`},
		{"POST", "/v1/disconnect", `{"to":"*"}`, `{"matched":3,"nodes":2,"nodes_known":4}`},
		{"POST", "/v1/audience", `{"to":"*"}`, `{"matched":3,"by_node":[{"node":7,"matched":1},{"node":9,"matched":2}],"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/connections", ``, `{"connections":[],"matched":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/labels?key=page", ``, `{"key":"page","values":[],"distinct":0,"nodes":2,"nodes_known":4}`},
	} {
		f := newFixture(t)
		gone := make(chan struct{}) // net/http has seen the end of what the client sends
		// Whoever is asked waits for that, and answers only if its own context goes on.
		late := func(ctx context.Context) error {
			<-gone
			return ctx.Err()
		}
		f.pusher.submit = func(context.Context, access.Caller, push.Request) (push.Pending, error) {
			return latePush{submitted(f.pusher.result), late}, nil
		}
		f.pusher.wait = late
		f.asker.ask = func(ctx context.Context, _ scenecast.Query) (scenecast.Reply, error) { return f.asker.reply, late(ctx) }
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			context.AfterFunc(r.Context(), func() { close(gone) })
			f.ServeHTTP(w, r)
		}))
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nContent-Length: %d\r\n\r\n%s", c.method, c.target, len(c.body), c.body)
		_ = conn.(*net.TCPConn).CloseWrite()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s %s: %v", c.method, c.target, err)
		}
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != 200 || strings.TrimSpace(string(body)) != c.want {
			t.Errorf("%s %s: %s %s, want 200 %s", c.method, c.target, response.Status, body, c.want)
		}
		conn.Close()
		server.Close()
	}
}

// latePush is a push whose end comes late.
type latePush struct {
	submitted
	late func(context.Context) error
}

// Wait implements push.Pending.
func (p latePush) Wait(ctx context.Context) (push.Result, error) {
	return push.Result(p.submitted), p.late(ctx)
}

// TestBatchOfAClientThatHasGone is published all the same, to its end.
func TestBatchOfAClientThatHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(t), new(submissions)
		f.pusher.submit = s.submit
		var body strings.Builder
		const pushes = 2 * api.BatchWindow
		for range pushes {
			body.WriteString("{\"to\":\"*\",\"message\":1}\n")
		}
		ctx, hangUp := context.WithCancel(t.Context())
		r := httptest.NewRequest("POST", "/v1/push", strings.NewReader(body.String())).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer all")
		r.Header.Set("Content-Type", ndjson)
		ended := make(chan struct{})
		go func() {
			f.ServeHTTP(newAnswer(), r)
			close(ended)
		}()
		synctest.Wait()
		hangUp()
		for i := range pushes {
			synctest.Wait()
			close(s.at(i).queued)
			close(s.at(i).done)
		}
		<-ended
		if n := s.count(); n != pushes {
			t.Errorf("%d pushes were published, want %d", n, pushes)
		}
	})
}
