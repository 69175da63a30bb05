package hub

import (
	"sort"
	"sync"
	"time"

	"scenecast"
)

// receipt follows a push whose publisher wants to know more than which outboxes took it. It reports at once what is queued,
// then once what has come in until all is in or the time has passed, and then every correction. It outlives the push's time in
// the log, so it does not hold the push.
type receipt struct {
	app      string
	position scenecast.Position
	acked    bool // it waits for acknowledgements, of those who can; otherwise for what is written
	timeout  time.Duration
	report   func(scenecast.Tally, bool)

	mu      sync.Mutex
	queued  int             // connections whose outbox took it
	settled int             // of those, the ones of which it is known whether the kernel took it
	mute    int             // of those that are not settled, the ones that cannot acknowledge
	asked   int             // of those that took it, the ones that are to acknowledge
	lost    int             // of those, the ones that have not got it
	left    int             // … that have left, and that nobody will know when they are back
	back    int             // … that have left before they acknowledged, came back, and did so then
	tally   scenecast.Tally // what has come in since the first report
	begun   bool            // the first report has been made
	done    bool
	timer   *time.Timer
	gone    map[string]struct{} // pages that left before they acknowledged; they may do so when they come back
}

// newReceipt is nil where nobody waits for anything.
func newReceipt(p *scenecast.Push, report func(scenecast.Tally, bool)) *receipt {
	if p.Receipt == scenecast.ReceiptQueued {
		return nil
	}
	return &receipt{
		app:      p.App,
		position: p.Position,
		acked:    p.Receipt == scenecast.ReceiptAcked,
		timeout:  p.Timeout,
		report:   report,
	}
}

// begin makes the first report, when every shard has delivered.
func (r *receipt) begin(t scenecast.Tally) {
	r.report(t, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = true
	if !r.finish() {
		r.timer = time.AfterFunc(r.timeout, r.timeOut)
	}
}

// expect says how many connections of a shard took the push, and how many of them are to acknowledge it.
func (r *receipt) expect(queued, asked int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queued += queued
	r.mute += queued - asked
	r.asked += asked
}

// settle notes what has become of the push on one connection; asked is whether that is to acknowledge it.
func (r *receipt) settle(written, asked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.missing()
	r.settled++
	if !asked {
		r.mute--
	}
	switch {
	case written:
		r.add(scenecast.Tally{Written: 1}, before)
	case !r.done:
		if asked {
			r.lost++
		}
		r.finish()
	}
}

// acknowledge notes that one page has shown the push; back is whether on a later connection than the one that was asked.
func (r *receipt) acknowledge(back bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.missing()
	r.asked--
	if back {
		r.asked++
		r.back++
	}
	r.add(scenecast.Tally{Acked: 1}, before)
}

// add, with mu held, counts what has come in. Once all was reported, it is a correction: if the receipt was waiting for it,
// it has timed out before.
func (r *receipt) add(t scenecast.Tally, missingBefore int) {
	if !r.done {
		r.tally.Add(t)
		r.finish()
		return
	}
	t.TimedOut = r.missing() - missingBefore
	r.report(t, false)
}

// finish, with mu held, reports if everything is in. An acknowledgement can be in before it is known that the kernel had taken what
// is acknowledged.
func (r *receipt) finish() bool {
	if r.done || !r.begun || r.missing() > 0 || r.settled < r.queued {
		return r.done
	}
	r.end()
	return true
}

// missing, with mu held, is how many connections the receipt still waits for. A page that is back, or has left, may be one that
// has not got the push: so it is not known how many both are, but at least as many as the more of them.
func (r *receipt) missing() int {
	if r.acked {
		return r.mute + max(0, r.asked-max(r.lost, r.left+r.back))
	}
	return r.queued - r.settled
}

func (r *receipt) timeOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.done {
		r.tally.TimedOut = r.missing()
		r.end()
	}
}

func (r *receipt) end() {
	r.done = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.report(r.tally, true)
}

// leave notes that a page has left that has not acknowledged yet. Without an ID it cannot be known again.
func (r *receipt) leave(pageID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case pageID != "":
		if r.gone == nil {
			r.gone = make(map[string]struct{})
		}
		r.gone[pageID] = struct{}{}
	case !r.done:
		r.left++
		r.finish()
	}
}

// isBack reports whether the page is one that left before it acknowledged; once.
func (r *receipt) isBack(pageID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.gone[pageID]
	delete(r.gone, pageID)
	return ok
}

// awaited is a push that pages of this shard are to acknowledge, or pages that come back to it.
type awaited struct {
	receipt *receipt
	members slotSet // that have not yet
	since   time.Time
}

// Acknowledgements that come later than this are nobody's: of a push that is as old as this, or that so many came after.
const (
	awaitFor  = 5 * time.Minute
	awaitMost = 1024
)

// await has the shard take acknowledgements of a push.
func (s *Shard) await(r *receipt, members slotSet) {
	now := time.Now()
	for len(s.awaiting) > 0 && (len(s.awaiting) >= awaitMost || now.Sub(s.awaiting[0].since) > awaitFor) {
		s.awaiting[0] = awaited{}
		s.awaiting = s.awaiting[1:]
	}
	s.awaiting = append(s.awaiting, awaited{r, members, now})
}

// acknowledge takes a member's acknowledgement of the push at a position.
func (s *Shard) acknowledge(slot scenecast.Slot, p scenecast.Position) {
	i := sort.Search(len(s.awaiting), func(i int) bool { return s.awaiting[i].receipt.position.Seq >= p.Seq })
	if i == len(s.awaiting) || s.awaiting[i].receipt.position != p {
		return
	}
	a := &s.awaiting[i]
	switch {
	case a.members.clear(slot.Index):
		a.receipt.acknowledge(false)
	case a.receipt.app == s.app(s.at(slot)).app && a.receipt.isBack(s.pageID(slot.Index)):
		a.receipt.acknowledge(true)
	}
}

// pageID is a member's own ID; empty if it has none.
func (s *Shard) pageID(index uint32) string {
	m := s.members.at(index)
	if !m.hasPageID {
		return ""
	}
	return s.app(m).index.Labels(index).Values(scenecast.LabelPage)[0]
}
