// Package receipt counts what comes in for pushes whose publishers want to know: which copies the kernel took, and which pages have
// acknowledged theirs. It knows slots and positions, and neither sockets nor labels.
//
// A push has one Receipt, which only counts. Each shard has a Pending: it knows of each copy whether it is still to be written, still
// to be acknowledged, and still waited for, so that the numbers are exact in whatever order things happen. A copy whose page left
// before it acknowledged is an Unacked, by which the page may still do so when it is back.
package receipt

import (
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
)

// Receipt counts for one push. It reports at once what is queued, then once what has come in until all is in or the time has passed,
// and then every correction. It outlives the push's time in the log, so it does not hold the push. Its methods may be called
// concurrently.
type Receipt struct {
	position scenecast.Position
	acked    bool // it waits for acknowledgements of pages that can acknowledge; of others, and otherwise, for what is written
	timeout  time.Duration
	report   func(scenecast.Tally, bool)
	holders  atomic.Int32 // who remembers one of its copies that were left unacknowledged

	mu       sync.Mutex
	inFlight int             // copies of which it is not known whether the kernel took them
	waiting  int             // connections that it waits for; when it has ended, those that it has timed out on
	tally    scenecast.Tally // what has come in since the first report
	begun    bool            // the first report has been made
	ended    bool
	timer    *time.Timer
	until    time.Time // when it times out; once begun
}

// New is nil where nobody waits for more than what is queued.
func New(p *scenecast.Push, report func(t scenecast.Tally, done bool)) *Receipt {
	if p.Receipt == scenecast.ReceiptQueued {
		return nil
	}
	return &Receipt{
		position: p.Position,
		acked:    p.Receipt == scenecast.ReceiptAcked,
		timeout:  p.Timeout,
		report:   report,
	}
}

// Begin makes the first report, when every shard has delivered. It is called once.
func (r *Receipt) Begin(t scenecast.Tally) {
	r.report(t, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = true
	r.wait(r.timeout)
}

// wait, with mu held, has the receipt end when all is in, or the time has passed.
func (r *Receipt) wait(timeout time.Duration) {
	if !r.endIfComplete() {
		r.until = time.Now().Add(timeout)
		r.timer = time.AfterFunc(timeout, r.timeOut)
	}
}

// expect adds copies: for each a connection that is waited for.
func (r *Receipt) expect(copies int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight += copies
	r.waiting += copies
}

// done notes what has become of a copy. Waited says whether its connection is waited for until it is done, and still
// whether it counts as waited for afterwards: it does if it was not written and the receipt has ended.
func (r *Receipt) done(written, waited bool) (still bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	if written {
		r.arrive(scenecast.Tally{Written: 1}, waited)
		return false
	}
	return r.release(waited)
}

// acknowledge notes that a page has shown the push. Waited says whether its connection was waited for.
func (r *Receipt) acknowledge(waited bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrive(scenecast.Tally{Acked: 1}, waited)
}

// giveUp notes that nothing will come from a connection that was waited for.
func (r *Receipt) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release(true)
}

// arrive, with mu held, counts what has come in. When the receipt has ended, that is a correction: a connection that it waited for
// has not timed out after all.
func (r *Receipt) arrive(t scenecast.Tally, waited bool) {
	if waited {
		r.waiting--
	}
	if !r.ended {
		r.tally.Add(t)
		r.endIfComplete()
		return
	}
	if waited {
		t.TimedOut = -1
	}
	r.report(t, false)
}

// release, with mu held, waits for a connection no more, unless the receipt has timed out on it already: then it stays so.
func (r *Receipt) release(waited bool) (still bool) {
	if r.ended {
		return waited
	}
	if waited {
		r.waiting--
	}
	r.endIfComplete()
	return false
}

// endIfComplete, with mu held, reports if everything is in, and whether the receipt has ended. An acknowledgement can be in before it is
// known that the kernel had taken what is acknowledged.
func (r *Receipt) endIfComplete() bool {
	if !r.ended && r.begun && r.waiting == 0 && r.inFlight == 0 {
		r.end()
	}
	return r.ended
}

func (r *Receipt) timeOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.tally.TimedOut = r.waiting
		r.end()
	}
}

// end, with mu held, makes the report that is the answer.
func (r *Receipt) end() {
	r.ended = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.report(r.tally, true)
}

// Unacked is a copy whose page has left before it acknowledged, and may be back. Its methods may be called concurrently.
type Unacked struct {
	receipt *Receipt
	waited  bool // guarded by the receipt's mu, as is acked
	acked   bool // or given up: nothing counts any more
}

// Position is the push's.
func (u *Unacked) Position() scenecast.Position { return u.receipt.position }

// Hold notes that somebody remembers the copy, and reports whether nobody remembered one of this push before: the receipt itself is kept
// for that.
func (u *Unacked) Hold() (first bool) { return u.receipt.holders.Add(1) == 1 }

// Release notes that somebody remembers the copy no more, and reports whether nobody remembers one of this push any more.
func (u *Unacked) Release() (last bool) { return u.receipt.holders.Add(-1) == 0 }

// Acknowledge notes that the page has shown the push, on whatever connection; once.
func (u *Unacked) Acknowledge() {
	r := u.receipt
	r.mu.Lock()
	defer r.mu.Unlock()
	if !u.acked {
		u.acked = true
		r.arrive(scenecast.Tally{Acked: 1}, u.waited)
	}
}

// Forget notes that nobody will know the page when it is back.
func (u *Unacked) Forget() {
	r := u.receipt
	r.mu.Lock()
	defer r.mu.Unlock()
	if !u.acked {
		u.acked = true
		r.release(u.waited)
	}
}

// done notes what has become of the copy. One that was lost is not waited for, and may be acknowledged all the same: its page gets it
// again when it is back.
func (u *Unacked) done(written bool) {
	r := u.receipt
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	switch {
	case written:
		r.arrive(scenecast.Tally{Written: 1}, false)
	case u.acked:
		r.release(false)
	default:
		u.waited = r.release(u.waited)
	}
}
