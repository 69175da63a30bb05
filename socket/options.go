package socket

import (
	"time"

	"scenecast"
)

// Options are what all sockets of a loop have in common.
type Options struct {
	MaxMessage     int           // bytes of a page's message. Defaults to 64 KiB.
	MessageTimeout time.Duration // for a message of a page to be whole, from its first byte to its last. Defaults to 30 s.
	InboundTotal   int           // bytes of incomplete messages of all pages of the loop. Defaults to a quarter of OutboxTotal.
	PingEvery      time.Duration // a page silent for this long (less up to a fifth, by chance) is pinged. Defaults to 25 s; negative: never.
	PongWait       time.Duration // a pinged page silent for this long is gone. Defaults to 10 s.
	OutboxBytes    int           // bytes that may wait for a page. Defaults to 1 MiB.
	OutboxFrames   int           // frames that may wait for a page. Defaults to 1,024.
	OutboxTotal    int           // bytes that may wait in all outboxes of the loop, a shared frame counted once. Defaults to 256 MiB.
	SlowConsumer   Policy        // what happens to a page whose outbox is full. Defaults to ClosePage.
	WriteTimeout   time.Duration // how long a page may take no byte of what waits for it; it has twice that at most. Defaults to 10 s.
	CloseWait      time.Duration // how long a page has to answer a close frame. Defaults to 5 s.
	HeadTimeout    time.Duration // how long a client has for its request's head; of loops that accept connections. Defaults to 10 s.

	// Release is given the lease of each page that has one and whose socket is gone; it is called on any goroutine. Nil: leases are not released.
	Release func(lease scenecast.Lease)

	// Descriptors is the reserve that all loops and listeners of the process share. Nil: the loop makes one of its own.
	Descriptors *DescriptorReserve

	// Portable gives every socket goroutines of its own, on systems too whose loops could own sockets without.
	Portable bool
}

// Policy says what happens to a page that reads too slowly, when its outbox is full.
type Policy int

// The policies.
const (
	ClosePage  Policy = iota // it is closed with CloseSlowConsumer, behind the last whole frame
	DropOldest               // what has waited longest is dropped, and the page gets a gap notice
)

func (o Options) withDefaults() Options {
	defaultTo(&o.MaxMessage, 64<<10)
	defaultTo(&o.PingEvery, 25*time.Second)
	defaultTo(&o.PongWait, 10*time.Second)
	defaultTo(&o.OutboxBytes, 1<<20)
	defaultTo(&o.OutboxFrames, 1024)
	defaultTo(&o.OutboxTotal, 256<<20)
	defaultTo(&o.InboundTotal, o.OutboxTotal/4)
	defaultTo(&o.MessageTimeout, 30*time.Second)
	defaultTo(&o.WriteTimeout, 10*time.Second)
	defaultTo(&o.CloseWait, 5*time.Second)
	defaultTo(&o.HeadTimeout, 10*time.Second)
	if o.Release == nil {
		o.Release = func(scenecast.Lease) {}
	}
	if o.Descriptors == nil {
		o.Descriptors = NewDescriptorReserve()
	}
	return o
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
