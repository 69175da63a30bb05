package sockjs

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"scenecast/problem"
)

// order has the messages of a page take effect in the order in which it has sent them, one request at a time. A client sends each in a
// request of its own without waiting for the others, so over several connections they overtake each other. It numbers all of its
// requests (query parameter n), those that receive too, but also those of its other sessions: so a number that does not come within
// wait is not waited for.
type order struct {
	wait time.Duration

	mu      sync.Mutex
	next    uint64              // the number that is to come; 0: not known
	came    map[uint64]struct{} // numbers behind it that have come
	busy    bool                // a request is being handled
	waiting []*turn             // by number
}

// turn is a request that waits.
type turn struct {
	n     uint64
	late  bool // it has waited for what is before it long enough
	ready chan struct{}
}

const maxWaiting = 256 // requests of one session

// number is the one that the client has given a request; 0: none.
func number(r *http.Request) uint64 {
	n, _ := strconv.ParseUint(r.URL.Query().Get("n"), 10, 53)
	return n
}

// acquire waits for the turn of a request. Release ends it.
func (o *order) acquire(ctx context.Context, n uint64) error {
	o.mu.Lock()
	if len(o.waiting) >= maxWaiting {
		o.mu.Unlock()
		return problem.New(problem.TooMany, "%d requests of this session wait already", maxWaiting)
	}
	t := &turn{n: n, ready: make(chan struct{})}
	i, _ := slices.BinarySearchFunc(o.waiting, n+1, func(t *turn, n uint64) int { return int(int64(t.n) - int64(n)) }) // behind its equals
	o.waiting = slices.Insert(o.waiting, i, t)
	o.dispatch()
	o.mu.Unlock()
	timer := time.AfterFunc(o.wait, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		t.late = true
		o.dispatch()
	})
	defer timer.Stop()
	select {
	case <-t.ready:
		return nil
	case <-ctx.Done():
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.waiting, t); i >= 0 {
		o.waiting = slices.Delete(o.waiting, i, i+1)
		o.note(n)
		return ctx.Err()
	}
	return nil // its turn has come at the same moment
}

// release ends the turn of a request.
func (o *order) release(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = false
	if n > o.next {
		o.next = n // what is before it is not waited for any more
	}
	o.note(n)
}

// arrived notes a request that has no turn of its own.
func (o *order) arrived(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note(n)
}

// note, with mu held, notes that a number has come.
func (o *order) note(n uint64) {
	switch {
	case n == 0:
	case o.next == 0:
		o.next = n + 1
	case n >= o.next:
		if o.came == nil || len(o.came) >= maxWaiting {
			o.came = make(map[uint64]struct{})
		}
		o.came[n] = struct{}{}
	}
	for n := range o.came {
		if n < o.next {
			delete(o.came, n)
		}
	}
	for {
		if _, ok := o.came[o.next]; !ok {
			break
		}
		delete(o.came, o.next)
		o.next++
	}
	o.dispatch()
}

// dispatch, with mu held, gives the turn to the first request that may have it.
func (o *order) dispatch() {
	if o.busy || len(o.waiting) == 0 {
		return
	}
	first := o.waiting[0] // which goes before one that has waited for long enough, although what is before it has not come either
	isLate := func(t *turn) bool { return t.late }
	if first.n > o.next && o.next != 0 && !slices.ContainsFunc(o.waiting, isLate) {
		return
	}
	o.waiting = o.waiting[1:]
	o.busy = true
	close(first.ready)
}
