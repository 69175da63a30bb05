package memory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/engine/tail"
)

// deaf is a node without connections.
type deaf struct{}

func (deaf) Deliver(_ *scenecast.Push, report func(scenecast.Tally, bool)) {
	report(scenecast.Tally{Nodes: 1}, true)
}

func (deaf) Skip(scenecast.GapNotice)                               {}
func (deaf) Received([]byte)                                        {}
func (deaf) Answer(_ scenecast.Query, report func(scenecast.Reply)) { report(scenecast.Reply{}) }

// naive is a log that keeps everything, and finds out at every question what it should not have.
type naive struct {
	o      Options
	epoch  uint64
	pushes []scenecast.Push
	sizes  []int
}

// kept is how many of the newest pushes are within the limits.
func (n *naive) kept(now time.Time) (kept int) {
	bytes := 0
	for i := len(n.pushes) - 1; i >= 0; i-- {
		bytes += n.sizes[i]
		if bytes > n.o.MaxBytes || kept == n.o.MaxCount || now.Sub(n.pushes[i].At) >= n.o.MaxAge {
			break
		}
		kept++
	}
	return kept
}

// after are the IDs of all pushes behind a position, or the gap.
func (n *naive) after(after scenecast.Position, now time.Time) (ids []string, gap scenecast.Gap) {
	kept := n.pushes[len(n.pushes)-n.kept(now):]
	for _, p := range kept {
		if p.Position.Seq > after.Seq {
			ids = append(ids, p.ID)
		}
	}
	switch newest := uint64(len(n.pushes)); {
	case after == scenecast.Position{}:
		return ids, ""
	case after.Epoch != n.epoch || after.Seq > newest:
		return nil, scenecast.GapEpoch
	case newest-after.Seq > uint64(len(kept)):
		return nil, scenecast.GapRetention
	}
	return ids, ""
}

func (n *naive) lookup(id string, now time.Time) bool {
	for _, p := range n.pushes[len(n.pushes)-n.kept(now):] {
		if p.ID == id {
			return true
		}
	}
	return false
}

// TestAgainstNaiveLog: whatever is published and however time goes by, the log answers as one that keeps everything and
// looks through all of it.
func TestAgainstNaiveLog(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { againstNaiveLog(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func againstNaiveLog(t *testing.T, r *rand.Rand) {
	o := Options{MaxBytes: 1 + r.IntN(100_000), MaxCount: 1 + r.IntN(100), MaxAge: time.Duration(1 + r.IntN(1000))}
	e := newStarted(deaf{}, o)
	model := naive{o: o, epoch: e.Newest().Epoch}
	for range 1000 {
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			p := scenecast.Push{
				ID:      fmt.Sprint(r.IntN(1 + 2*len(model.pushes))),
				To:      audience.Everybody(),
				Message: scenecast.Message{Data: []byte(strings.Repeat("1", 1<<r.IntN(14)))},
			}
			published, err := publish(t.Context(), e, p)
			if err != nil {
				t.Fatal(err)
			}
			p.Position, p.At = published.Position, time.Now()
			model.pushes, model.sizes = append(model.pushes, p), append(model.sizes, tail.SizeOf(&p))
		case 4:
			time.Sleep(time.Duration(r.IntN(200)))
		case 5:
			id := fmt.Sprint(r.IntN(1 + 2*len(model.pushes)))
			record, found, err := e.Lookup(t.Context(), "", "", id)
			if want := model.lookup(id, time.Now()); found != want || err != nil || found && record.Push.ID != id {
				t.Fatalf("lookup of %s: %v, %v; want %v", id, found, err, want)
			}
		default:
			after := scenecast.Position{Epoch: model.epoch, Seq: r.Uint64N(uint64(len(model.pushes)) + 2)}
			switch r.IntN(10) {
			case 0:
				after.Epoch++
			case 1:
				after = scenecast.Position{}
			}
			compare(t, e, &model, after, 1+r.IntN(20))
		}
	}
	if err := e.log.CheckConsistency(); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// compare reads on behind a position, which must give a beginning of what the model has, and the same gap.
func compare(t *testing.T, e *Engine, model *naive, after scenecast.Position, limit int) {
	t.Helper()
	want, wantGap := model.after(after, time.Now())
	pushes, err := e.After(t.Context(), after, limit)
	var gap *scenecast.GapError
	if errors.As(err, &gap) {
		if gap.Reason != wantGap || gap.Newest.Seq != uint64(len(model.pushes)) {
			t.Fatalf("after %v: %+v, want the gap %q", after, gap, wantGap)
		}
		return
	}
	if err != nil || wantGap != "" || len(pushes) > limit || len(pushes) > len(want) || len(pushes) == 0 && len(want) > 0 {
		t.Fatalf("after %v, at most %d: %d pushes, %v; want of %d, gap %q", after, limit, len(pushes), err, len(want), wantGap)
	}
	for i, p := range pushes {
		if p.ID != want[i] {
			t.Fatalf("after %v: %s at %v, want %s", after, p.ID, p.Position, want[i])
		}
	}
}
