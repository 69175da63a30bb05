package tail

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
)

// naiveLog keeps every push for ever, and finds out at each question what it should not have.
type naiveLog struct {
	o       Options
	pushes  []*scenecast.Push
	spans   []span
	newest  uint64
	missing uint64 // up to here pushes have been missed; of the first epoch, where it began
}

func (n *naiveLog) at() scenecast.Position {
	if len(n.spans) == 0 {
		return scenecast.Position{}
	}
	return scenecast.Position{Epoch: n.spans[len(n.spans)-1].epoch, Seq: n.newest}
}

// kept are the newest pushes that are within all limits.
func (n *naiveLog) kept(now time.Time) []*scenecast.Push {
	bytes, first := 0, len(n.pushes)
	for i := len(n.pushes) - 1; i >= 0; i-- {
		p := n.pushes[i]
		bytes += SizeOf(p)
		if bytes > n.o.MaxBytes || len(n.pushes)-i > n.o.MaxCount || now.Sub(p.At) >= n.o.MaxAge || p.Position.Seq <= n.missing {
			break
		}
		first = i
	}
	return n.pushes[first:]
}

// isOwn reports whether a position is one of this log.
func (n *naiveLog) isOwn(p scenecast.Position) bool {
	for i, s := range n.spans[max(0, len(n.spans)-maxLineage):] {
		last := i == min(len(n.spans), maxLineage)-1
		if s.epoch == p.Epoch {
			return last && p.Seq <= n.newest || !last && p.Seq <= s.end
		}
	}
	return false
}

// after are all pushes behind a position, or the gap.
func (n *naiveLog) after(after scenecast.Position, now time.Time, ahead scenecast.Position) ([]*scenecast.Push, scenecast.Gap) {
	kept := n.kept(now)
	switch {
	case after == scenecast.Position{}:
		return kept, ""
	case after == n.at():
		return nil, ""
	case !n.isOwn(after):
		ended := slices.ContainsFunc(n.spans[max(0, len(n.spans)-maxLineage):len(n.spans)-1], func(s span) bool { return s.epoch == after.Epoch })
		newer := after.Epoch != n.at().Epoch || after.Seq > n.newest
		if newer && !ended && after.Epoch == ahead.Epoch && after.Seq <= ahead.Seq {
			return nil, ""
		}
		return nil, scenecast.GapEpoch
	}
	behind := func(pushes []*scenecast.Push) (some []*scenecast.Push) {
		for _, p := range pushes {
			if p.Position.Seq > after.Seq {
				some = append(some, p)
			}
		}
		return some
	}
	if after.Seq < n.missing || len(behind(n.pushes)) > len(behind(kept)) {
		return nil, scenecast.GapRetention
	}
	return behind(kept), ""
}

func (n *naiveLog) lookup(id string, now time.Time) *scenecast.Push {
	kept := n.kept(now)
	for i := len(kept) - 1; i >= 0; i-- {
		if kept[i].ID == id {
			return kept[i]
		}
	}
	return nil
}

// TestLogAgainstNaiveList: whatever is added, begun, missed and expired, the log answers as one that keeps everything and looks
// through all of it.
func TestLogAgainstNaiveList(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { logAgainstNaiveList(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func logAgainstNaiveList(t *testing.T, r *rand.Rand) {
	o := Options{MaxBytes: 1 + r.IntN(60_000), MaxCount: 1 + r.IntN(80), MaxAge: time.Duration(1 + r.IntN(2000))}
	log, model := NewLog(o), &naiveLog{o: o}
	now := time.Unix(1_000_000, 0)
	begin := func() {
		n := len(model.spans)
		epoch, at, end := uint64(1000+n), model.newest+r.Uint64N(50), uint64(0)
		if n > 0 {
			last := model.spans[n-1].begin
			end = last + r.Uint64N(model.newest-last+1) // of what was read of the epoch, some is lost
			if r.IntN(2) == 0 {
				end = model.newest
			}
			model.spans[n-1].end = end
		} else {
			model.missing = at
		}
		model.spans = append(model.spans, span{epoch: epoch, begin: at})
		model.newest = at
		log.Begin(epoch, at, end)
	}
	if got := log.Newest(); got != (scenecast.Position{}) {
		t.Fatalf("the newest of a log without an epoch is %v", got)
	}
	begin()
	for range 800 {
		switch r.IntN(16) {
		case 0, 1, 2, 3, 4, 5:
			p := &scenecast.Push{
				ID:       fmt.Sprint(r.IntN(1 + len(model.pushes))),
				To:       audience.Everybody(),
				At:       now,
				Message:  scenecast.Message{Data: []byte(strings.Repeat("1", 1<<r.IntN(13)))},
				Position: scenecast.Position{Epoch: model.at().Epoch, Seq: model.newest + 1 + r.Uint64N(3)*r.Uint64N(2000)},
			}
			model.pushes, model.newest = append(model.pushes, p), p.Position.Seq
			log.Add(p, new(Progress), now)
		case 6:
			now = now.Add(time.Duration(r.IntN(300)))
		case 7:
			for log.Expire(now) {
				continue
			}
		case 8:
			if r.IntN(4) == 0 {
				begin()
			}
		case 9:
			if r.IntN(8) == 0 {
				upTo := model.newest + r.Uint64N(30)
				model.newest, model.missing = upTo, upTo
				log.Miss(upTo)
			}
		case 10:
			id := fmt.Sprint(r.IntN(1 + len(model.pushes)))
			got, ok := log.Lookup(Name{ID: id}, now)
			if want := model.lookup(id, now); ok != (want != nil) || ok && got.Push != want {
				t.Fatalf("lookup of %s: %v, %v; want %v", id, got.Push, ok, want)
			}
		case 11:
			seq := r.Uint64N(model.newest + 2)
			if n := len(model.pushes); n > 0 && r.IntN(2) == 0 {
				seq = model.pushes[r.IntN(n)].Position.Seq
			}
			got, ok := log.AtSeq(seq)
			for _, p := range model.kept(now) {
				if p.Position.Seq == seq && (!ok || got.Push != p) {
					t.Fatalf("at %d there is %v, %v; want %v", seq, got.Push, ok, p)
				}
			}
			if ok && got.Push.Position.Seq != seq {
				t.Fatalf("at %d there is what is at %v", seq, got.Push.Position)
			}
		default:
			compareAfter(t, log, model, randomPosition(r, model), 1+r.IntN(12), now, randomPosition(r, model))
		}
		if got := log.Newest(); got != model.at() {
			t.Fatalf("the newest is %v, want %v", got, model.at())
		}
		if err := log.CheckConsistency(); err != nil {
			t.Fatal(err)
		}
	}
}

// randomPosition is one that a page may come with.
func randomPosition(r *rand.Rand, m *naiveLog) scenecast.Position {
	p := m.at()
	switch r.IntN(8) {
	case 0:
		return scenecast.Position{}
	case 1:
		return p
	case 2:
		p.Epoch += uint64(r.IntN(2)) // one that the log has not come to
		p.Seq += r.Uint64N(5)
	case 3:
		p.Epoch, p.Seq = m.spans[r.IntN(len(m.spans))].epoch, r.Uint64N(m.newest+2)
	default:
		if len(m.pushes) > 0 {
			recent := m.pushes[max(0, len(m.pushes)-40):]
			p = recent[r.IntN(len(recent))].Position
			p.Seq -= r.Uint64N(2)
		}
	}
	return p
}

// compareBefore reads back, which must give the newest of what the model has.
func compareBefore(t *testing.T, log *Log, model *naiveLog, before scenecast.Position, limit int, now time.Time) {
	t.Helper()
	any := before == scenecast.Position{}
	pushes, err := log.Before(before, limit, now)
	if own := any || model.isOwn(before); err != nil || !own {
		if own == (err != nil) {
			t.Fatalf("before %v, which is one of this log: %v: %v", before, own, err)
		}
		return
	}
	want := model.kept(now)
	if !any {
		want = slices.DeleteFunc(slices.Clone(want), func(p *scenecast.Push) bool { return p.Position.Seq >= before.Seq })
	}
	if len(pushes) > limit || len(pushes) > len(want) || len(pushes) == 0 && len(want) > 0 {
		t.Fatalf("before %v, at most %d: %d pushes of %d", before, limit, len(pushes), len(want))
	}
	for i, p := range pushes {
		if p != want[len(want)-1-i] {
			t.Fatalf("before %v: %s at %v, want %s", before, p.ID, p.Position, want[len(want)-1-i].ID)
		}
	}
}

// compareAfter reads on, which must give a beginning of what the model has, and the same gap.
func compareAfter(t *testing.T, log *Log, model *naiveLog, after scenecast.Position, limit int, now time.Time, ahead scenecast.Position) {
	t.Helper()
	compareBefore(t, log, model, after, limit, now)
	want, wantGap := model.after(after, now, ahead)
	pushes, err := log.After(after, limit, now, ahead)
	var gap *scenecast.GapError
	if errors.As(err, &gap) {
		// Where the epoch is known that a position is none of any more, it goes on at the newest epoch's beginning, or where it is kept from.
		from := model.at()
		if n := len(model.spans); wantGap == scenecast.GapEpoch && after.Seq < model.newest && slices.ContainsFunc(
			model.spans[max(0, n-maxLineage):], func(s span) bool { return s.epoch == after.Epoch }) {
			from.Seq = max(model.spans[n-1].begin, log.missing)
		}
		if gap.Reason != wantGap || gap.Newest != from {
			t.Fatalf("after %v: %+v, want the gap %q at %v", after, gap, wantGap, from)
		}
		return
	}
	if err != nil || wantGap != "" || len(pushes) > limit || len(pushes) > len(want) || len(pushes) == 0 && len(want) > 0 {
		t.Fatalf("after %v, at most %d: %d pushes, %v; want of %d, gap %q", after, limit, len(pushes), err, len(want), wantGap)
	}
	for i, p := range pushes {
		if p != want[i] {
			t.Fatalf("after %v: %s at %v, want %s at %v", after, p.ID, p.Position, want[i].ID, want[i].Position)
		}
	}
}

func pushAt(seq uint64, at time.Time) *scenecast.Push {
	return &scenecast.Push{
		ID: fmt.Sprint(seq), To: audience.Everybody(), At: at,
		Position: scenecast.Position{Epoch: 1, Seq: seq}, Message: scenecast.Message{Data: []byte("1")},
	}
}

// TestReadIsBounded: one read gives as much as a lock may be held for, and reading on gives the rest.
func TestReadIsBounded(t *testing.T) {
	log, now := NewLog(Options{}), time.Unix(1000, 0)
	log.Begin(1, 0, 0)
	for seq := range uint64(2000) {
		p := pushAt(seq+1, now)
		p.Message.Data = make([]byte, 20_000)
		log.Add(p, new(Progress), now)
	}
	read, at := 0, scenecast.Position{Epoch: 1}
	for {
		pushes, err := log.After(at, 1<<20, now, at)
		if err != nil {
			t.Fatal(err)
		}
		if len(pushes) == 0 {
			break
		}
		bytes := 0
		for _, p := range pushes {
			bytes += len(p.Message.Data)
		}
		if len(pushes) > ReadCount || bytes > ReadBytes {
			t.Errorf("one read has given %d pushes, %d bytes", len(pushes), bytes)
		}
		read, at = read+len(pushes), pushes[len(pushes)-1].Position
	}
	if read != 2000 {
		t.Errorf("read %d, want 2000", read)
	}
}

// TestLineageIsBounded: of very many epochs the oldest are forgotten, which is a gap for pages that stand in one of them, and the
// newest of them are not.
func TestLineageIsBounded(t *testing.T) {
	log, now := NewLog(Options{}), time.Unix(1000, 0)
	log.Begin(1, 0, 0)
	const epochs = maxLineage + 10
	for epoch := uint64(2); epoch <= epochs; epoch++ {
		log.Begin(epoch, epoch*10, (epoch-1)*10)
	}
	p := pushAt(epochs*10+1, now)
	p.Position.Epoch = epochs
	log.Add(p, new(Progress), now)
	for epoch := uint64(1); epoch <= epochs; epoch++ {
		pushes, err := log.After(scenecast.Position{Epoch: epoch, Seq: epoch * 10}, 10, now, scenecast.Position{})
		if known := epoch > epochs-maxLineage; known != (err == nil && len(pushes) == 1) {
			t.Errorf("after the beginning of the epoch %d: %d pushes, %v", epoch, len(pushes), err)
		}
	}
}

// TestSkewedTimes: the times of pushes are their origins', whose clocks differ; the order of the log does not depend on them.
func TestSkewedTimes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	log, now := NewLog(Options{MaxAge: time.Second, MaxCount: 50}), time.Unix(1000, 0)
	log.Begin(1, 0, 0)
	for seq := uint64(1); seq <= 3000; seq++ {
		now = now.Add(10 * time.Millisecond)
		log.Add(pushAt(seq, now.Add(time.Duration(r.Int64N(int64(4*time.Second)))-2*time.Second)), new(Progress), now)
		if err := log.CheckConsistency(); err != nil {
			t.Fatal(err)
		}
		after := scenecast.Position{Epoch: 1, Seq: seq - min(seq, r.Uint64N(10))}
		pushes, err := log.After(after, 20, now, scenecast.Position{})
		var gap *scenecast.GapError
		if err != nil && (!errors.As(err, &gap) || gap.Reason != scenecast.GapRetention) {
			t.Fatalf("after %v: %v", after, err)
		}
		for i, p := range pushes {
			if p.Position.Seq != after.Seq+uint64(i)+1 {
				t.Fatalf("after %v the place %d has %v", after, i, p.Position)
			}
		}
	}
}

// TestReleaseOfAnEmptyLog gives the memory back, and the log goes on.
func TestReleaseOfAnEmptyLog(t *testing.T) {
	log, now := NewLog(Options{}), time.Unix(1000, 0)
	log.Begin(1, 0, 0)
	for seq := range uint64(1000) {
		log.Add(pushAt(seq+1, now), new(Progress), now)
	}
	now = now.Add(time.Hour)
	sweeps := 1
	for log.Expire(now) {
		sweeps++
	}
	if log.Len() != 0 || log.Bytes() != 0 || sweeps < 1000/sweepCount {
		t.Fatalf("%d pushes of %d bytes are left after %d sweeps", log.Len(), log.Bytes(), sweeps)
	}
	log.Release()
	if log.Capacity() != 0 {
		t.Errorf("it has room for %d pushes", log.Capacity())
	}
	log.Add(pushAt(1001, now), new(Progress), now)
	if pushes, err := log.After(scenecast.Position{Epoch: 1, Seq: 1000}, 10, now, scenecast.Position{}); err != nil || len(pushes) != 1 {
		t.Errorf("then: %d pushes, %v", len(pushes), err)
	}
	if err := log.CheckConsistency(); err != nil {
		t.Error(err)
	}
}
