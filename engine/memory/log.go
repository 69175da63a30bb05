package memory

import (
	"sort"
	"time"

	"scenecast"
)

// log keeps the newest pushes, as many as its limits let it. It is guarded by the engine's mutex, and nothing that it does
// takes longer the more it keeps.
type log struct {
	maxBytes int
	maxCount int
	maxAge   time.Duration

	newest  scenecast.Position
	entries ring[entry] // their numbers have no holes, so a push is found by its number
	byID    map[name]uint64
	bytes   int
}

// entry is a push in the log. The push is not changed any more; what has become of it has a lock of its own. The size stands
// here, so that a read, which adds up sizes, need not fetch every push.
type entry struct {
	push     *scenecast.Push
	progress *progress
	size     int
}

type name struct{ app, id string }

// How much one read gives at most, so that it holds the engine's mutex for some microseconds only. A read that is longer
// goes on with another one.
const (
	readCount = 256
	readBytes = 1 << 20
)

// sweepCount bounds how many pushes that are too old are dropped in one go.
const sweepCount = 256

// add gives the push its position and keeps it, and drops what is then over a limit: of a push that is too large by
// itself, everything.
func (l *log) add(p *scenecast.Push, progress *progress, now time.Time) {
	l.newest.Seq++
	p.Position, p.At = l.newest, now
	e := entry{p, progress, sizeOf(p)}
	l.entries.push(e)
	l.byID[name{p.App, p.ID}] = p.Position.Seq
	l.bytes += e.size
	for l.entries.len() > l.maxCount || l.bytes > l.maxBytes {
		l.drop()
	}
	l.expire(now)
}

func (l *log) drop() {
	e := l.entries.pop()
	l.bytes -= e.size
	if n := (name{e.push.App, e.push.ID}); l.byID[n] == e.push.Position.Seq { // otherwise a newer one has its ID
		delete(l.byID, n)
	}
}

// expire drops pushes that are too old, and tells whether there are more of them. Reading does not depend on it: an old push
// is as good as dropped.
func (l *log) expire(now time.Time) (more bool) {
	for range sweepCount {
		if l.entries.len() == 0 || !l.old(l.entries.at(0), now) {
			return false
		}
		l.drop()
	}
	return true
}

// release gives back the memory of a log that is empty: neither the ring nor the table shrinks by itself.
func (l *log) release() { l.entries, l.byID = ring[entry]{}, make(map[name]uint64) }

func (l *log) old(e entry, now time.Time) bool { return now.Sub(e.push.At) >= l.maxAge }

// after reads on behind a position, as scenecast.Log says.
func (l *log) after(after scenecast.Position, limit int, now time.Time) ([]*scenecast.Push, error) {
	begin := 0
	switch {
	case after == scenecast.Position{}: // whatever there is
		begin = sort.Search(l.entries.len(), func(i int) bool { return !l.old(l.entries.at(i), now) })
	case after.Epoch != l.newest.Epoch, after.Seq > l.newest.Seq:
		return nil, l.gap(scenecast.GapEpoch)
	case after.Seq < l.newest.Seq:
		missing := l.newest.Seq - after.Seq
		if missing > uint64(l.entries.len()) {
			return nil, l.gap(scenecast.GapRetention)
		}
		if begin = l.entries.len() - int(missing); l.old(l.entries.at(begin), now) {
			return nil, l.gap(scenecast.GapRetention)
		}
	default:
		return nil, nil
	}
	n := min(limit, readCount, l.entries.len()-begin)
	pushes := make([]*scenecast.Push, 0, n)
	for bytes := 0; len(pushes) < n; {
		e := l.entries.at(begin + len(pushes))
		if bytes += e.size; bytes > readBytes && len(pushes) > 0 {
			break
		}
		pushes = append(pushes, e.push)
	}
	return pushes, nil
}

func (l *log) gap(reason scenecast.Gap) error {
	return &scenecast.GapError{Reason: reason, Newest: l.newest}
}

// lookup finds a push by its name.
func (l *log) lookup(app, id string, now time.Time) (e entry, ok bool) {
	seq, ok := l.byID[name{app, id}]
	if !ok {
		return entry{}, false
	}
	e = l.entries.at(l.entries.len() - 1 - int(l.newest.Seq-seq))
	return e, !l.old(e, now)
}
