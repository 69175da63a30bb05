package tail

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// naiveKeys remember every attempt, and look through all of them.
type naiveKeys struct {
	window   time.Duration
	maxCount int
	attempts []*Attempt
}

func (n *naiveKeys) find(key Name, at time.Time) *Attempt {
	recent := n.attempts[max(0, len(n.attempts)-n.maxCount):]
	for i := len(recent) - 1; i >= 0; i-- {
		if a := recent[i]; a.Key == key {
			if at.Sub(a.At) < n.window {
				return a
			}
			return nil
		}
	}
	return nil
}

// TestKeysAgainstNaiveMap: whatever is added and expired, a key is taken by the newest attempt with it within the window.
func TestKeysAgainstNaiveMap(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { keysAgainstNaiveMap(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func keysAgainstNaiveMap(t *testing.T, r *rand.Rand) {
	o := KeyOptions{Window: time.Duration(1 + r.IntN(1000)), MaxCount: 1 + r.IntN(60)}
	keys, model := NewKeys(o), &naiveKeys{window: o.Window, maxCount: o.MaxCount}
	now, released := time.Unix(1_000_000, 0), 0
	for range 2000 {
		key := Name{App: fmt.Sprint(r.IntN(2)), ID: fmt.Sprint(r.IntN(40))}
		switch r.IntN(8) {
		case 0, 1, 2:
			if keys.Find(key, now) == nil {
				a := &Attempt{Key: key, At: now}
				keys.Add(a)
				model.attempts = append(model.attempts, a)
			}
		case 3:
			now = now.Add(time.Duration(r.IntN(200)))
		case 4:
			for keys.Expire(now) {
				continue
			}
			if keys.Len() == 0 {
				keys.Release()
				released++
			}
		default:
			at := now.Add(time.Duration(r.IntN(50))) // another clock
			if got, want := keys.Find(key, at), model.find(key, at); got != want {
				t.Fatalf("the key %v is taken by %v, want %v", key, got, want)
			}
		}
		if err := keys.CheckConsistency(); err != nil {
			t.Fatal(err)
		}
	}
	if keys.Window() != o.Window {
		t.Errorf("the window is %v", keys.Window())
	}
}

// TestKeysAgreeWhateverTheClock: nodes that add the same attempts agree about every key, though each expires by a clock of its own
// that is behind.
func TestKeysAgreeWhateverTheClock(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const window, slack = time.Second, 200 * time.Millisecond
	a, b := NewKeys(KeyOptions{Window: window}), NewKeys(KeyOptions{Window: window})
	now := time.Unix(1000, 0)
	for range 5000 {
		now = now.Add(time.Duration(r.IntN(20)) * time.Millisecond)
		at := now.Add(time.Duration(r.Int64N(int64(slack))) - slack/2) // of the origin
		key := Name{ID: fmt.Sprint(r.IntN(30))}
		inA, inB := a.Find(key, at), b.Find(key, at)
		if (inA == nil) != (inB == nil) || inA != nil && inA.At != inB.At {
			t.Fatalf("at %v: %+v here, and %+v there", at, inA, inB)
		}
		if inA == nil {
			a.Add(&Attempt{Key: key, At: at})
			b.Add(&Attempt{Key: key, At: at})
		}
		switch r.IntN(3) {
		case 0:
			a.Expire(now.Add(-slack))
		case 1:
			b.Expire(now.Add(-slack - time.Duration(r.Int64N(int64(slack)))))
		}
	}
}
