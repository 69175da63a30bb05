package socket

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"scenecast"
)

// naiveOutbox is what an outbox is to do: a list, in which a frame that is dropped leaves a gap where it was.
type naiveOutbox struct {
	entries []entry
	sent    int      // bytes of the first
	stream  []string // what has been sent whole
}

// entry is a frame, or a gap of so many.
type entry struct {
	name, key string
	size, gap int
}

func (e entry) String() string {
	if e.gap > 0 {
		return fmt.Sprint("gap ", e.gap)
	}
	return e.name
}

// settle makes one gap of those that touch.
func (n *naiveOutbox) settle() {
	for i := len(n.entries) - 1; i > 0; i-- {
		if n.entries[i].gap > 0 && n.entries[i-1].gap > 0 && (i > 1 || n.sent == 0) {
			n.entries[i-1].gap += n.entries[i].gap
			n.entries = slices.Delete(n.entries, i, i+1)
		}
	}
}

// frames are how many of the entries count, and their bytes. A gap has no size before the page is told of it.
func (n *naiveOutbox) frames() (count, bytes int) {
	for _, e := range n.entries {
		if e.size > 0 {
			count, bytes = count+1, bytes+e.size
		}
	}
	return count, bytes
}

func (n *naiveOutbox) droppable() int {
	if n.sent > 0 {
		return 1
	}
	return 0
}

// enqueue does as Loop.enqueue.
func (n *naiveOutbox) enqueue(e entry, l limits, policy Policy) bool {
	if e.key != "" {
		for i := n.droppable(); i < len(n.entries); i++ {
			if n.entries[i].key == e.key {
				n.entries = slices.Delete(n.entries, i, i+1)
				break
			}
		}
	}
	fits := func() bool {
		count, bytes := n.frames()
		return count+1 <= l.frames && bytes+e.size <= l.bytes
	}
	if policy == DropOldest {
		for i := n.droppable(); i < len(n.entries) && !fits(); i++ {
			n.entries[i] = entry{gap: max(1, n.entries[i].gap)}
		}
	}
	ok := fits()
	switch {
	case ok:
		n.entries = append(n.entries, e)
	case policy == DropOldest:
		n.entries = append(n.entries, entry{gap: 1})
	}
	n.settle()
	return ok
}

// gapFrame tells of a gap.
func gapFrame(dropped int) []byte { return fmt.Appendf(nil, "gap %d", dropped) }

// send has the kernel take n bytes.
func (n *naiveOutbox) send(bytes int) {
	for len(n.entries) > 0 {
		first := &n.entries[0]
		if first.gap > 0 {
			first.size = len(gapFrame(first.gap))
		}
		if bytes < first.size-n.sent {
			n.sent += bytes
			return
		}
		bytes -= first.size - n.sent
		n.stream = append(n.stream, first.String())
		n.entries, n.sent = n.entries[1:], 0
	}
}

// drainInto has an outbox send n bytes as events.drain does, and writes down what is sent whole.
func drainInto(o *outbox, n int, stream *[]string) {
	for o.len() > 0 || o.dropped > 0 {
		if o.owesGap() {
			o.tellGap(gapFrame(o.dropped))
			continue
		}
		rest := len(o.frames[o.first].data) - o.sent
		if n < rest {
			o.sent += n
			return
		}
		n -= rest
		w := o.pop()
		*stream = append(*stream, string(bytes.TrimRight(w.data, ".")))
	}
}

// FuzzOutbox holds an outbox against a list: same frames, in the same order, with the same gaps in the same places.
func FuzzOutbox(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		policy := Policy(r.IntN(2))
		bounds := limits{bytes: 100 + r.IntN(300), frames: 1 + r.IntN(20)}
		l := &Loop{options: Options{SlowConsumer: policy, OutboxTotal: 1 << 30}, wakeUp: func() {}}
		o, naive := new(outbox), new(naiveOutbox)
		var stream, settled []string
		for i := range 300 {
			if r.IntN(3) > 0 {
				e := entry{name: fmt.Sprint("f", i), key: []string{"", "", "a", "b"}[r.IntN(4)], size: 5 + r.IntN(60)}
				if r.IntN(50) == 0 {
					e.size = 1000
				}
				data := append(bytes.Repeat([]byte{'.'}, e.size)[:0:0], e.name...)
				data = append(data, bytes.Repeat([]byte{'.'}, e.size-len(data))...)
				frame := &scenecast.Frame{Data: data, Coalesce: e.key, Settle: func(bool) { settled = append(settled, e.name) }}
				got, want := l.enqueue(o, waiting{frame: frame, data: data}, bounds), naive.enqueue(e, bounds, policy)
				if got != want {
					t.Fatalf("%v with %d bytes: taken %v, want %v; waiting: %v", e, e.size, got, want, naive.entries)
				}
			} else {
				n := []int{0, r.IntN(150)}[r.IntN(2)]
				drainInto(o, n, &stream)
				naive.send(n)
			}
			count, size := naive.frames()
			if o.len() != count || o.bytes != size || o.sent != naive.sent {
				t.Fatalf("%d frames, %d bytes, %d sent; want %d, %d, %d: %v", o.len(), o.bytes, o.sent, count, size, naive.sent, naive.entries)
			}
		}
		drainInto(o, 1<<20, &stream)
		naive.send(1 << 20)
		if !slices.Equal(stream, naive.stream) {
			t.Fatalf("policy %v: sent\n%v, want\n%v", policy, stream, naive.stream)
		}
		for l.takeTasks() {
			l.runTasks(nil)
		}
		slices.Sort(settled)
		if len(slices.Compact(slices.Clone(settled))) != len(settled) {
			t.Errorf("settled twice: %v", settled)
		}
	})
}
