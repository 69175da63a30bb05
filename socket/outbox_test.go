package socket

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"scenecast"
	"scenecast/histogram"
)

// naiveOutbox is what an outbox is to do, done with lists.
type naiveOutbox struct {
	entries []entry
	sent    int      // bytes of the first
	owed    int      // dropped behind what is half sent
	stream  []string // what has been sent whole
}

// entry is a frame, or the frame that tells of a gap.
type entry struct {
	name, key string
	size, gap int
}

func gapOf(n int) entry { return entry{name: fmt.Sprint("gap ", n), size: len(gapFrame(n)), gap: n} }

func (n *naiveOutbox) bytes() (sum int) {
	for _, e := range n.entries {
		sum += e.size
	}
	return sum
}

func (n *naiveOutbox) droppable() int { return min(n.sent, 1) }

// enqueue does as Loop.enqueue.
func (n *naiveOutbox) enqueue(e entry, l limits, policy Policy) bool {
	if policy == DropOldest && e.size > l.bytes {
		last := len(n.entries) - 1
		switch {
		case last < 0:
			n.owed++
		case last >= n.droppable() && n.entries[last].gap > 0:
			n.entries[last] = gapOf(n.entries[last].gap + 1)
		default:
			n.entries = append(n.entries, gapOf(1))
		}
		return false
	}
	for i := n.droppable(); i < len(n.entries) && e.key != ""; i++ {
		if n.entries[i].key == e.key {
			n.entries = slices.Delete(n.entries, i, i+1)
			break
		}
	}
	fits := func() bool { return len(n.entries) < l.frames && n.bytes()+e.size <= l.bytes }
	for i := n.droppable(); policy == DropOldest && i < len(n.entries) && !fits(); {
		n.owed += max(1, n.entries[i].gap)
		n.entries = slices.Delete(n.entries, i, i+1)
	}
	if !fits() {
		if policy == DropOldest {
			n.owed++
		}
		return false
	}
	n.entries = append(n.entries, e)
	return true
}

// send has the kernel take so many bytes.
func (n *naiveOutbox) send(bytes int) {
	for {
		if n.owed > 0 && n.sent == 0 {
			n.entries, n.owed = append([]entry{gapOf(n.owed)}, n.entries...), 0
		}
		if len(n.entries) == 0 {
			return
		}
		rest := n.entries[0].size - n.sent
		if bytes < rest {
			n.sent += bytes
			return
		}
		bytes -= rest
		n.stream = append(n.stream, n.entries[0].name)
		n.entries, n.sent = n.entries[1:], 0
	}
}

// gapping is a protocol that tells of gaps.
type gapping struct{ scenecast.Protocol }

func (gapping) Traits() scenecast.Traits {
	return scenecast.Traits{EncodeGap: func(n scenecast.GapNotice) []byte { return gapFrame(n.Dropped) }}
}

func gapFrame(dropped int) []byte { return fmt.Appendf(nil, "gap %d", dropped) }

// drainInto has an outbox send n bytes as eventLoop.drain does, and writes down what is sent whole.
func drainInto(o *outbox, n int, stream *[]string) {
	for o.len() > 0 || o.dropped > 0 {
		if o.needsGapNotice() {
			o.pushGapNotice(gapFrame(o.dropped))
			continue
		}
		rest := o.frames[o.first].size() - o.sent
		if n < rest {
			o.sent += n
			return
		}
		n -= rest
		w := o.pop()
		*stream = append(*stream, string(bytes.TrimRight(w.data(), ".")))
	}
}

// FuzzOutbox compares an outbox with a list: same frames, in the same order, with the same gaps in the same places.
func FuzzOutbox(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		policy := Policy(r.IntN(2))
		bounds := limits{bytes: 100 + r.IntN(300), frames: 1 + r.IntN(20)}
		l := &Loop{limits: bounds, options: Options{SlowConsumer: policy, OutboxTotal: 1 << 30}, wakeUp: func() {}, waits: histogram.New(roundBounds)}
		o, naive := new(outbox), new(naiveOutbox)
		var stream, told []string
		for i := range 300 {
			if r.IntN(3) > 0 {
				e := entry{name: fmt.Sprint("f", i), key: []string{"", "", "a", "b"}[r.IntN(4)], size: 5 + r.IntN(60)}
				if r.IntN(50) == 0 {
					e.size = 1000
				}
				data := append([]byte(e.name), bytes.Repeat([]byte{'.'}, e.size-len(e.name))...)
				frame := &scenecast.Frame{Data: data, Coalesce: e.key, Done: func(uint32, bool) { told = append(told, e.name) }}
				got, _ := l.enqueue(o, waiting{frame: frame}, bounds, &class{traits: gapping{}.Traits()})
				want := naive.enqueue(e, bounds, policy)
				if got != want {
					t.Fatalf("%v with %d bytes: taken %v, want %v; waiting: %v", e, e.size, got, want, naive.entries)
				}
			} else {
				n := []int{0, r.IntN(150)}[r.IntN(2)]
				drainInto(o, n, &stream)
				naive.send(n)
			}
			if o.len() != len(naive.entries) || o.bytes != naive.bytes() || o.sent != naive.sent || o.dropped != naive.owed {
				t.Fatalf("%d frames, %d bytes, %d sent, %d dropped; want %+v", o.len(), o.bytes, o.sent, o.dropped, naive)
			}
		}
		drainInto(o, 1<<20, &stream)
		naive.send(1 << 20)
		if !slices.Equal(stream, naive.stream) {
			t.Fatalf("policy %v: sent\n%v, want\n%v", policy, stream, naive.stream)
		}
		for l.hasWork() {
			l.runRound(pace{})
		}
		slices.Sort(told)
		if len(slices.Compact(slices.Clone(told))) != len(told) {
			t.Errorf("told twice: %v", told)
		}
	})
}
