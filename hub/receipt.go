package hub

import (
	"sync"
	"time"

	"scenecast"
)

// receipt follows a push whose publisher wants to know more than which outboxes took it. It reports at once what is queued,
// then once what has come in until all is in or the time has passed, and then every correction.
type receipt struct {
	push   *scenecast.Push
	report func(scenecast.Tally, bool)

	mu      sync.Mutex
	queued  int             // connections whose outbox took it
	settled int             // of those, the ones of which it is known whether the kernel took it
	asked   int             // of those, the ones that are to acknowledge
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
	return &receipt{push: p, report: report}
}

// begin makes the first report, when every shard has delivered.
func (r *receipt) begin(t scenecast.Tally) {
	r.report(t, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = true
	if !r.finish() {
		r.timer = time.AfterFunc(r.push.Timeout, r.timeOut)
	}
}

// expect says how many connections of a shard took the push, and how many of them are to acknowledge it.
func (r *receipt) expect(queued, asked int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queued += queued
	r.asked += asked
}

// settle notes what has become of the push on one connection.
func (r *receipt) settle(written bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled++
	if written {
		r.add(scenecast.Tally{Written: 1}, r.push.Receipt == scenecast.ReceiptWritten)
	} else {
		r.finish()
	}
}

// acknowledge notes that one page has shown the push.
func (r *receipt) acknowledge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(scenecast.Tally{Acked: 1}, true)
}

// add, with mu held, counts what has come in. Once all was reported, it is a correction: if the receipt was waiting for it,
// it has timed out before.
func (r *receipt) add(t scenecast.Tally, waitedFor bool) {
	if !r.done {
		r.tally.Add(t)
		r.finish()
		return
	}
	if waitedFor {
		t.TimedOut--
	}
	r.report(t, false)
}

// finish, with mu held, reports if everything is in.
func (r *receipt) finish() bool {
	if r.done || !r.begun || r.missing() > 0 {
		return r.done
	}
	r.end()
	return true
}

// missing, with mu held, is how many connections the receipt still waits for.
func (r *receipt) missing() int {
	if r.push.Receipt == scenecast.ReceiptAcked {
		return r.asked - r.tally.Acked
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
	if pageID == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone == nil {
		r.gone = make(map[string]struct{})
	}
	r.gone[pageID] = struct{}{}
}

// isBack reports whether the page is one that left before it acknowledged; once.
func (r *receipt) isBack(pageID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.gone[pageID]
	delete(r.gone, pageID)
	return ok
}

// awaited is a push that pages of this shard are to acknowledge.
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
	for i := len(s.awaiting) - 1; i >= 0; i-- {
		a := &s.awaiting[i]
		if a.receipt.push.Position != p {
			continue
		}
		if a.members.clear(slot.Index) || a.receipt.isBack(s.pageID(slot.Index)) {
			a.receipt.acknowledge()
		}
		return
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
