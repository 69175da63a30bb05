package churn

import (
	"slices"
	"sync"
	"time"

	"scenecast/language"
)

// Faults is what went wrong. A run with none is a good one.
type Faults struct {
	Lost       int             `json:"lost"`         // deliveries that no page was told to have missed
	Doubled    int             `json:"doubled"`      // deliveries that came once more
	OutOfOrder int             `json:"out_of_order"` // deliveries that came behind later ones
	Gaps       int             `json:"gaps"`         // times that a page was told that it has missed something
	Damaged    int             `json:"damaged"`      // messages of the run that are not as they were sent, or have two positions
	NotTaken   int             `json:"not_taken"`    // pushes that no node took until the end
	Stranded   int             `json:"stranded"`     // pages that were not connected at the end
	Examples   []language.Text `json:"examples,omitempty"`
}

// Any reports whether anything went wrong.
func (f *Faults) Any() bool {
	return f.Lost+f.Doubled+f.OutOfOrder+f.Gaps+f.Damaged+f.NotTaken+f.Stranded > 0
}

// maxExamples is how many faults are told in words.
const maxExamples = 5

// example keeps a fault in words. They are formatted later, so that no argument may be a buffer that is used again.
func (f *Faults) example(format string, args ...any) {
	if len(f.Examples) < maxExamples {
		f.Examples = append(f.Examples, language.Textf(format, args...))
	}
}

// stretch is a part of the log that a page was to get whole: behind from, up to to.
type stretch struct {
	page     int
	from, to uint64 // sequence numbers, which rise over all epochs of a log
	got      int    // pushes that it was given
	end      bool   // to is where the log ended; else it is the last push that the page was given
}

// ledger knows where each push stands in the log, and what pages were given of it. Safe for concurrent use.
type ledger struct {
	mu        sync.Mutex
	sent      []time.Duration // by number: when it was called for first, by the run's clock
	positions []uint64        // by number; 0: not known
	faults    Faults
	stretches []stretch
}

// add makes room for another push, which is called for now, and returns its number.
func (l *ledger) add(now time.Duration) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.positions, l.sent = append(l.positions, 0), append(l.sent, now)
	return len(l.positions) - 1
}

// place notes where a push stands, as its backend or a page is told, and returns when it was called for.
func (l *ledger) place(number int, seq uint64) (sent time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number >= len(l.positions) {
		l.faults.Damaged++
		l.faults.example("the push %d was never made", number)
		return 0
	}
	switch {
	case l.positions[number] == 0:
		l.positions[number] = seq
	case l.positions[number] != seq:
		l.faults.Damaged++
		l.faults.example("the push %d stands at %d and at %d", number, l.positions[number], seq)
	}
	return l.sent[number]
}

// count notes faults.
func (l *ledger) count(note func(f *Faults)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	note(&l.faults)
}

// close notes a stretch that has ended.
func (l *ledger) close(s stretch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stretches = append(l.stretches, s)
}

// newest is the sequence number of the push that stands last.
func (l *ledger) newest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Max(append([]uint64{0}, l.positions...))
}

// settle compares all stretches with the log. Those that go up to its end have it as to.
func (l *ledger) settle() Faults {
	newest := l.newest()
	l.mu.Lock()
	defer l.mu.Unlock()
	standing := slices.Clone(l.positions)
	slices.Sort(standing)
	upTo := func(seq uint64) int {
		n, found := slices.BinarySearch(standing, seq)
		if found {
			n++
		}
		return n
	}
	for _, s := range l.stretches {
		if s.end {
			s.to = newest
		}
		want := 0
		if s.to > s.from {
			want = upTo(s.to) - upTo(s.from)
		}
		switch {
		case s.got < want:
			l.faults.Lost += want - s.got
			l.faults.example("page %d has %d of %d pushes behind %d, up to %d", s.page, s.got, want, s.from, s.to)
		case s.got > want: // each has another position, so they cannot be in the stretch
			l.faults.Damaged += s.got - want
			l.faults.example("page %d has %d pushes behind %d, up to %d, and the log has %d", s.page, s.got, s.from, s.to, want)
		}
	}
	l.stretches = nil
	return l.faults
}
