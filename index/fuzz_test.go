package index

import (
	"math/rand/v2"
	"testing"
)

// tape is a source that is read from bytes; after the last, everything is 0.
type tape struct{ bytes []byte }

func (t *tape) IntN(n int) int {
	v := t.next()
	if n > 256 {
		v = v<<8 | t.next()
	}
	return v % n
}

func (t *tape) next() int {
	if len(t.bytes) == 0 {
		return 0
	}
	b := t.bytes[0]
	t.bytes = t.bytes[1:]
	return int(b)
}

// FuzzIndex reads bytes as a stream of operations. Its first byte says how many members there may be, and the second how
// many are there from the beginning: all have one label and every fourth another, so that the stream is about a border.
func FuzzIndex(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 5})
	for seed := range uint64(24) {
		random := rand.New(rand.NewPCG(seed, 1))
		stream := make([]byte, 2+random.IntN(2000))
		for i := range stream {
			stream[i] = byte(random.Uint32())
		}
		if seed%3 == 0 {
			for i := range stream {
				stream[i] %= 20 // the same few members and labels, again and again
			}
		}
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 4096 {
			return
		}
		s := &tape{stream}
		members := 1 + s.IntN(256)*4
		p := newPair()
		for member := range uint32(members * s.IntN(256) / 256) {
			labels := set("page=0")
			if member%4 == 0 {
				labels = set("page=0 plan=3")
			}
			p.join(member, labels)
		}
		for len(s.bytes) > 0 {
			p.step(t, s, members)
		}
		p.checkAll(t)
		p.leaveAll()
		p.checkAll(t)
	})
}
