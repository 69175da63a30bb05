package load

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"scenecast/language"
)

// crowd is the pages of an audience, by number, ascending. It is shared and never changed.
type crowd []int32

// rank is a page's place in the crowd.
func (c crowd) rank(page int32) (int, bool) {
	if len(c) == 0 {
		return 0, false
	}
	if guess := int(page - c[0]); guess >= 0 && guess < len(c) && c[guess] == page {
		return guess, true // crowds are mostly numbers in a row
	}
	return slices.BinarySearch(c, page)
}

// entry is what the ledger knows of one message.
type entry struct {
	crowd crowd
	sent  atomic.Int64    // nanoseconds since the clock began: just before the HTTP call
	got   []atomic.Uint64 // a bit per member of the crowd, by rank
}

// Faults is what went wrong. A run with none is a good one.
type Faults struct {
	Missing      int             `json:"missing"`       // deliveries that did not come
	Doubled      int             `json:"doubled"`       // deliveries that came once more
	Misdelivered int             `json:"misdelivered"`  // messages that came to a page outside the audience
	Damaged      int             `json:"damaged"`       // messages of the run that are not as they were sent
	WrongAnswers int             `json:"wrong_answers"` // answers to a push that say another number of pages
	Closed       int             `json:"closed"`        // pages that the server closed
	Examples     []language.Text `json:"examples,omitempty"`
}

// maxExamples is how many faults are told in words.
const maxExamples = 5

// Any reports whether anything went wrong.
func (f *Faults) Any() bool {
	return f.Missing+f.Doubled+f.Misdelivered+f.Damaged+f.WrongAnswers+f.Closed > 0
}

// ledger knows who must get which message, and who has got it. Safe for concurrent use.
type ledger struct {
	entries atomic.Pointer[[]*entry] // by number; replaced to grow
	open    atomic.Int64             // deliveries that are still to come
	none    chan struct{}            // told when open reaches 0

	mu     sync.Mutex // guards faults, and growing
	faults Faults
}

func newLedger() *ledger {
	l := &ledger{none: make(chan struct{}, 1)}
	l.entries.Store(new([]*entry))
	return l
}

// expect opens count messages to these crowds and returns the first's number. It is called before they are published.
func (l *ledger) expect(crowds []crowd) (first int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := *l.entries.Load()
	first = len(old)
	grown := old
	total := 0
	for _, c := range crowds {
		grown = append(grown, &entry{crowd: c, got: make([]atomic.Uint64, (len(c)+63)/64)})
		total += len(c)
	}
	l.open.Add(int64(total))
	l.entries.Store(&grown) // shares its array with old, whose readers do not look behind its end
	return first
}

// sent notes when a message's HTTP call began.
func (l *ledger) sent(n int, at time.Duration) {
	(*l.entries.Load())[n].sent.Store(int64(at))
}

// got notes that a page has got a message. It returns how long the message took, and whether it counts: whether it is due.
func (l *ledger) got(page int32, n int, at time.Duration) (latency time.Duration, due bool) {
	entries := *l.entries.Load()
	if n >= len(entries) {
		l.fault(&l.faults.Misdelivered, "page %d got message %d, which was not sent", page, n)
		return 0, false
	}
	e := entries[n]
	rank, member := e.crowd.rank(page)
	if !member {
		l.fault(&l.faults.Misdelivered, "page %d got message %d, which went to %s", page, n, e.crowd)
		return 0, false
	}
	bit := uint64(1) << (rank % 64)
	if e.got[rank/64].Or(bit)&bit != 0 {
		l.fault(&l.faults.Doubled, "page %d got message %d again", page, n)
		return 0, false
	}
	return at - time.Duration(e.sent.Load()), true
}

// settle says that deliveries which count have been recorded.
func (l *ledger) settle(deliveries int) {
	if l.open.Add(-int64(deliveries)) == 0 {
		select {
		case l.none <- struct{}{}:
		default:
		}
	}
}

// writeOff counts what is still to come as missing.
func (l *ledger) writeOff() {
	for n, e := range *l.entries.Load() {
		for rank, page := range e.crowd {
			if e.got[rank/64].Load()&(1<<(rank%64)) == 0 {
				l.fault(&l.faults.Missing, "page %d did not get message %d, which went to %s", page, n, e.crowd)
			}
		}
	}
}

// fault counts one, and keeps the first ones in words. They are formatted later, so that no argument may be a buffer that is used again.
func (l *ledger) fault(counter *int, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*counter++
	if len(l.faults.Examples) < maxExamples {
		l.faults.Examples = append(l.faults.Examples, language.Textf(format, args...))
	}
}

// snapshot is a copy of the faults.
func (l *ledger) snapshot() Faults {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.faults
	f.Examples = slices.Clone(f.Examples)
	return f
}

// String tells a crowd in few words.
func (c crowd) String() string { return c.In(language.English) }

// In tells a crowd in few words, in a language.
func (c crowd) In(tag language.Tag) string {
	switch n := len(c); {
	case n == 0:
		return language.Textf("no page").In(tag)
	case n == 1:
		return language.Textf("page %d alone", c[0]).In(tag)
	default:
		return language.Textf("%d pages from %d to %d", n, c[0], c[n-1]).In(tag)
	}
}
