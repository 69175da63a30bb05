// Package framecache keeps frames of pushes that single pages have been sent not long ago: pages that have lost their connections
// together come back together, and have missed the same; pages that are moved to a scene together all get what lasts there.
package framecache

import (
	"sync/atomic"

	"scenecast"
)

const (
	placesBits = 12
	places     = 1 << placesBits
	maxFrame   = 4 << 10 // of one that is kept; all of them take 16 MiB at most
)

// Cache is frames by push. Each has one place, which the last one that needed it has. The zero value is empty. Its methods may be
// called concurrently.
type Cache [places]atomic.Pointer[entry]

// entry is a push in the form of one wire.
type entry struct {
	position scenecast.Position
	by       scenecast.Protocol
	delivery scenecast.Delivery
	topic    string
	frame    []byte
}

// Encode is a push in the form of a wire, for pages that it reaches by this topic. Nobody may change it.
func (c *Cache) Encode(p *scenecast.Push, by scenecast.Protocol, d scenecast.Delivery, topic string) []byte {
	place := &c[placeOf(p.Position)]
	if e := place.Load(); e != nil && e.position == p.Position && e.delivery == d && e.by == by && e.topic == topic {
		return e.frame
	}
	frame := scenecast.EncodeTopic(by, p, d, topic)
	if len(frame) <= maxFrame {
		place.Store(&entry{p.Position, by, d, topic, frame})
	}
	return frame
}

// placeOf spreads positions that follow each other over all places, also where their numbers leave gaps (Fibonacci hashing).
func placeOf(p scenecast.Position) uint64 {
	return p.Seq * 0x9e3779b97f4a7c15 >> (64 - placesBits)
}
