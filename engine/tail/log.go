// Package tail is what every engine keeps in its process: the newest part of the log of pushes, the idempotency keys of those
// pushes, and what has become of each. Nothing in it is guarded: its owner's lock is.
package tail

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"scenecast"
)

// Options bound what a log keeps, whichever limit is reached first.
type Options struct {
	MaxBytes int           // of memory that the log's pushes take. Defaults to 64 MiB.
	MaxCount int           // of the log's pushes. Defaults to 100,000.
	MaxAge   time.Duration // of the log's pushes. Defaults to 5 minutes.
}

// Log keeps the newest pushes, as many as its limits let it. Nothing that it does takes longer the more it keeps, but for a
// binary search. Sequence numbers rise from push to push, also from epoch to epoch, and need not be dense.
type Log struct {
	maxBytes int
	maxCount int
	maxAge   time.Duration

	lineage []span // the epochs that led to what is kept, the oldest first; the last one is going on
	newest  uint64 // sequence number of the last push, or of the beginning of the last epoch
	missing uint64 // pushes up to this sequence number are not kept
	entries ring[Entry]
	byID    map[Name]uint64 // at most two names of each
	bytes   int
}

// span is an epoch's part of the log: the pushes behind begin, up to end. The last span has no end yet.
type span struct {
	epoch, begin, end uint64
	astray            uint64 // positions before this one are none that this log can go on from
}

// maxLineage bounds how many ended epochs a log remembers: pages that stand in one that is older are told of a gap.
const maxLineage = 64

// Entry is a push in the log. The push is not changed any more; what has become of it has a lock of its own. The size stands
// here, so that a read, which adds up sizes, need not fetch every push.
type Entry struct {
	Push     *scenecast.Push
	Progress *Progress
	size     int
}

// Name names a push, or an idempotency key, within its app; a push also within a confinement.
type Name struct{ App, ID, Confinement string }

// namesOf are the names by which a push is found: a confined one by that of its confinement as well.
func namesOf(p *scenecast.Push) []Name {
	names := [2]Name{{p.App, p.ID, ""}, {p.App, p.ID, p.Confinement}}
	if p.Confinement == "" {
		return names[:1]
	}
	return names[:]
}

// How much one read gives at most, so that it holds the owner's lock for some microseconds only. A read that is longer
// goes on with another one.
const (
	ReadCount = 256
	ReadBytes = 1 << 20
)

// sweepCount bounds how many pushes that are too old are dropped in one go.
const sweepCount = 256

// NewLog makes a log that is empty and has no epoch yet.
func NewLog(o Options) *Log {
	return &Log{
		maxBytes: cmp.Or(o.MaxBytes, 64<<20),
		maxCount: cmp.Or(o.MaxCount, 100_000),
		maxAge:   cmp.Or(o.MaxAge, 5*time.Minute),
		byID:     make(map[Name]uint64),
	}
}

// Begin begins an epoch behind the sequence number begin. Of the epoch before, what lies behind end is void: positions in it are
// no positions of this log any more.
func (l *Log) Begin(epoch, begin, end uint64) {
	if n := len(l.lineage); n > 0 {
		l.lineage[n-1].end = max(end, l.lineage[n-1].begin)
	} else {
		l.missing = begin
	}
	if len(l.lineage) == maxLineage {
		l.lineage = append(l.lineage[:0], l.lineage[1:]...)
	}
	l.lineage = append(l.lineage, span{epoch: epoch, begin: begin})
	l.newest = max(begin, l.newest)
}

// Newest is the position of the newest push; before the epoch's first one, the beginning of the epoch. It is the zero Position
// while there is no epoch.
func (l *Log) Newest() scenecast.Position {
	if len(l.lineage) == 0 {
		return scenecast.Position{}
	}
	return scenecast.Position{Epoch: l.lineage[len(l.lineage)-1].epoch, Seq: l.newest}
}

// MaxAge is how long pushes are kept.
func (l *Log) MaxAge() time.Duration { return l.maxAge }

// Len is how many pushes are kept.
func (l *Log) Len() int { return l.entries.len() }

// Bytes is how much memory they take, as the limit counts it.
func (l *Log) Bytes() int { return l.bytes }

// Add keeps the push, whose position is behind the newest, and drops what is then over a limit: of a push that is too large by
// itself, everything.
func (l *Log) Add(p *scenecast.Push, progress *Progress, now time.Time) {
	l.newest = p.Position.Seq
	e := Entry{p, progress, SizeOf(p)}
	l.entries.push(e)
	for _, n := range namesOf(p) {
		l.byID[n] = p.Position.Seq
	}
	l.bytes += e.size
	for l.entries.len() > l.maxCount || l.bytes > l.maxBytes {
		l.drop()
	}
	l.Expire(now)
}

// Miss notes that pushes up to this sequence number have been in the log and cannot be read any more.
func (l *Log) Miss(upTo uint64) {
	for l.entries.len() > 0 {
		l.drop()
	}
	l.newest = max(l.newest, upTo)
	l.missing = max(l.missing, upTo)
}

// IsVoid reports whether a position was one of this log and is none any more, because its epoch has ended before it.
func (l *Log) IsVoid(p scenecast.Position) bool {
	for _, s := range l.lineage[:max(0, len(l.lineage)-1)] {
		if s.epoch == p.Epoch {
			return p.Seq > s.end
		}
	}
	return false
}

// HasEpoch reports whether an epoch is one that this log knows of.
func (l *Log) HasEpoch(epoch uint64) bool {
	return slices.ContainsFunc(l.lineage, func(s span) bool { return s.epoch == epoch })
}

// Stray notes that pushes up to this sequence number of the current epoch have been in another place before, in the part of an earlier epoch
// that has become void, here or on other nodes. Between the two a page may come from a node that has read them there, and has them, or
// from one that gets them here: of positions in the epochs that have begun since, the log cannot say whether the page has them.
func (l *Log) Stray(epoch, seq uint64) {
	for i := len(l.lineage) - 1; i >= 0 && l.lineage[i].epoch != epoch; i-- {
		l.lineage[i].astray = seq
	}
	l.newest = max(l.newest, seq)
}

func (l *Log) drop() {
	e := l.entries.pop()
	l.bytes -= e.size
	l.missing = e.Push.Position.Seq
	for _, n := range namesOf(e.Push) {
		if l.byID[n] == e.Push.Position.Seq { // otherwise a newer one has its ID
			delete(l.byID, n)
		}
	}
}

// Expire drops pushes that are too old, and tells whether there are more of them. Reading does not depend on it: an old push
// is as good as dropped.
func (l *Log) Expire(now time.Time) (more bool) {
	for range sweepCount {
		if l.entries.len() == 0 || !l.old(l.entries.at(0), now) {
			return false
		}
		l.drop()
	}
	return true
}

// Release gives back the memory of a log that is empty: neither the ring nor the table shrinks by itself.
func (l *Log) Release() { l.entries, l.byID = ring[Entry]{}, make(map[Name]uint64) }

func (l *Log) old(e Entry, now time.Time) bool { return now.Sub(e.Push.At) >= l.maxAge }

// behind is the place of the first entry behind a sequence number.
func (l *Log) behind(seq uint64) int {
	n := l.entries.len()
	if n == 0 || l.newest <= seq {
		return n
	}
	return sort.Search(n, func(i int) bool { return l.entries.at(i).Push.Position.Seq > seq })
}

// After reads on behind a position, as scenecast.Log says. A position ahead of the newest push is one of this log if it lies at or
// before ahead, which is the newest that any node is known to have: nothing is behind it yet.
func (l *Log) After(after scenecast.Position, limit int, now time.Time, ahead scenecast.Position) ([]*scenecast.Push, error) {
	begin := 0
	newest := l.Newest()
	switch {
	case after == scenecast.Position{}: // whatever there is
		begin = sort.Search(l.entries.len(), func(i int) bool { return !l.old(l.entries.at(i), now) })
	case after == newest:
		return nil, nil
	case !l.has(after):
		mayBe := after.Seq > newest.Seq
		if after.Epoch != newest.Epoch {
			mayBe = !l.HasEpoch(after.Epoch) // one that has ended here has nothing that this log does not know
		}
		if mayBe && after.Epoch == ahead.Epoch && after.Seq <= ahead.Seq {
			return nil, nil
		}
		return nil, l.astray(after)
	case after.Seq < l.missing:
		return nil, l.gap(scenecast.GapRetention)
	default:
		if begin = l.behind(after.Seq); begin < l.entries.len() && l.old(l.entries.at(begin), now) {
			return nil, l.gap(scenecast.GapRetention)
		}
	}
	n := min(limit, ReadCount, l.entries.len()-begin)
	pushes := make([]*scenecast.Push, 0, n)
	for bytes := 0; len(pushes) < n; {
		e := l.entries.at(begin + len(pushes))
		if bytes += e.size; bytes > ReadBytes && len(pushes) > 0 {
			break
		}
		pushes = append(pushes, e.Push)
	}
	return pushes, nil
}

// Before reads back from a position, as scenecast.Log says.
func (l *Log) Before(before scenecast.Position, limit int, now time.Time) ([]*scenecast.Push, error) {
	end := l.entries.len()
	switch {
	case before == scenecast.Position{}:
	case !l.has(before):
		return nil, l.astray(before)
	case before.Seq > 0: // otherwise it is the beginning of the first epoch
		end = l.behind(before.Seq - 1)
	default:
		end = 0
	}
	n := min(limit, ReadCount, end)
	pushes := make([]*scenecast.Push, 0, n)
	for bytes := 0; len(pushes) < n; {
		e := l.entries.at(end - 1 - len(pushes))
		if bytes += e.size; bytes > ReadBytes && len(pushes) > 0 || l.old(e, now) {
			break
		}
		pushes = append(pushes, e.Push)
	}
	return pushes, nil
}

// has reports whether a position is, or was, one of this log: of its epoch, up to the newest push, or of an epoch before, up to
// where the next one began.
func (l *Log) has(p scenecast.Position) bool {
	for i, s := range l.lineage {
		if s.epoch == p.Epoch {
			end := s.end
			if i == len(l.lineage)-1 {
				end = l.newest
			}
			return p.Seq <= end && p.Seq >= s.astray
		}
	}
	return false
}

// astray is the gap of a position that is none of this log. Of an epoch that this log knows, whoever was there has missed nothing that lies
// behind what is in another place now: he goes on there.
func (l *Log) astray(p scenecast.Position) error {
	newest := l.Newest()
	if n := len(l.lineage); n > 0 && p.Seq < newest.Seq && l.HasEpoch(p.Epoch) {
		last := l.lineage[n-1]
		newest.Seq = max(last.begin, last.astray, l.missing)
	}
	return &scenecast.GapError{Reason: scenecast.GapEpoch, Newest: newest}
}

func (l *Log) gap(reason scenecast.Gap) error {
	return &scenecast.GapError{Reason: reason, Newest: l.Newest()}
}

// Lookup finds the newest push with a name.
func (l *Log) Lookup(name Name, now time.Time) (e Entry, ok bool) {
	seq, ok := l.byID[name]
	if !ok {
		return Entry{}, false
	}
	e = l.entries.at(l.behind(seq - 1))
	return e, !l.old(e, now)
}

// AtSeq finds the push with a sequence number.
func (l *Log) AtSeq(seq uint64) (e Entry, ok bool) {
	i := l.behind(seq - 1)
	if i == l.entries.len() {
		return Entry{}, false
	}
	e = l.entries.at(i)
	return e, e.Push.Position.Seq == seq
}

// Capacity is how many pushes the log has room for without growing.
func (l *Log) Capacity() int { return len(l.entries.slots) }

// CheckConsistency returns what is at odds in the log, or nil. It looks at every push: it is for tests.
func (l *Log) CheckConsistency() error {
	bytes, last := 0, l.missing
	for i := range l.entries.len() {
		e := l.entries.at(i)
		bytes += e.size
		if e.Push.Position.Seq <= last {
			return fmt.Errorf("%v follows %d", e.Push.Position, last)
		}
		last = e.Push.Position.Seq
	}
	for name, seq := range l.byID {
		e := l.entries
		if i := l.behind(seq - 1); i == e.len() || e.at(i).Push.Position.Seq != seq || e.at(i).Push.ID != name.ID {
			return fmt.Errorf("the ID %q leads to %d, which is not kept", name.ID, seq)
		}
	}
	switch {
	case bytes != l.bytes:
		return fmt.Errorf("%d bytes are counted, and %d kept", l.bytes, bytes)
	case bytes > l.maxBytes || l.entries.len() > l.maxCount:
		return fmt.Errorf("%d pushes of %d bytes are kept, over the limit", l.entries.len(), bytes)
	case len(l.byID) > 2*l.entries.len():
		return fmt.Errorf("%d IDs of %d pushes", len(l.byID), l.entries.len())
	}
	return nil
}
