package tail

import (
	"sort"

	"scenecast"
)

// What follows is for a log that goes on in another process.

// Outcome is what a progress knows.
type Outcome struct {
	Tally  scenecast.Tally
	Answer scenecast.Tally // of one that is done
	Queued bool
	Done   bool

	Partial bool // as in Progress
	Known   int
}

// Outcome is what is known so far.
func (p *Progress) Outcome() Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Outcome{p.tally, p.answer, p.queued.happened, p.done.happened, p.Partial, p.Known}
}

// Restore gives a progress that nobody waits for yet what is known.
func (p *Progress) Restore(o Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally, p.answer, p.queued.happened, p.done.happened = o.Tally, o.Answer, o.Queued, o.Done
	p.Partial, p.Known = o.Partial, o.Known
}

// Finish ends a progress with what another process tells of it, which has added up everything.
func (p *Progress) Finish(t scenecast.Tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done.happened {
		p.tally, p.answer = t, t
		p.done.happen()
	}
	p.queued.happen()
}

// Span is an epoch's part of a log.
type Span struct{ Epoch, Begin, End, Astray uint64 }

// Shape is a log without its pushes.
type Shape struct {
	Lineage         []Span
	Newest, Missing uint64
}

// Shape is the log's.
func (l *Log) Shape() Shape {
	s := Shape{Newest: l.newest, Missing: l.missing}
	for _, of := range l.lineage {
		s.Lineage = append(s.Lineage, Span{of.epoch, of.begin, of.end, of.astray})
	}
	return s
}

// From returns entries behind a sequence number in order, at most so many and of so many bytes, but one at least where there is one.
func (l *Log) From(after uint64, count, bytes int) (entries []Entry) {
	for i := l.behind(after); i < l.entries.len() && len(entries) < count; i++ {
		e := l.entries.at(i)
		if bytes -= e.size; bytes < 0 && len(entries) > 0 {
			break
		}
		entries = append(entries, e)
	}
	return entries
}

// Restore makes the log, which has been given pushes in order by Add, one of another process.
func (l *Log) Restore(s Shape) {
	l.lineage = nil
	for _, of := range s.Lineage {
		l.lineage = append(l.lineage, span{of.Epoch, of.Begin, of.End, of.Astray})
	}
	for l.entries.len() > 0 && l.entries.at(0).Push.Position.Seq <= s.Missing {
		l.drop()
	}
	l.newest = s.Newest
	l.missing = max(l.missing, s.Missing)
}

// From returns attempts behind a sequence number of the log in order, at most so many.
func (k *Keys) From(after uint64, count int) (attempts []*Attempt) {
	n := k.attempts.len()
	for i := sort.Search(n, func(i int) bool { return k.attempts.at(i).Position.Seq > after }); i < n && len(attempts) < count; i++ {
		attempts = append(attempts, k.attempts.at(i))
	}
	return attempts
}

// ProgressAt is the progress of the push with a sequence number, as long as it or its key is kept; otherwise nil.
func ProgressAt(l *Log, k *Keys, seq uint64) *Progress {
	if e, ok := l.AtSeq(seq); ok {
		return e.Progress
	}
	if of := k.From(seq-1, 1); len(of) == 1 && of[0].Position.Seq == seq {
		return of[0].Progress
	}
	return nil
}
