// Package endings is a history of how connections of pages have ended: people are told from it why a page has lost its connection. It is
// bounded, and forgets first what has ended first.
package endings

import (
	"hash/maphash"
	"sync"
	"time"

	"scenecast"
)

// The bounds.
const (
	PerPage = 5      // endings of one page that are told
	Max     = 50_000 // endings of all pages that are kept, in 1.2 MB
)

// History is what is kept: the newest endings of all pages, one behind the other. To note one is to write it in its place; to tell those of a page is to
// look through all. The zero value is ready. Its methods may be called concurrently.
type History struct {
	mu   sync.Mutex
	seed maphash.Seed
	ring *ring // nil: there was no ending yet
	next int   // where in the ring the next one is noted
}

// ring has no pointers, so that the collector has nothing to look at.
type ring struct {
	pages   [Max]uint64 // hashes of their names, by a seed of this process: nobody can make two names of the same
	endings [Max]ending // of those pages
}

type ending struct {
	at    int64 // in ms since 1970; 0: there is none
	code  scenecast.CloseCode
	cause scenecast.Cause
}

// Add notes that a connection of a page has ended. The name may be changed afterwards.
func (h *History) Add(name []byte, at time.Time, e scenecast.Ending) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ring == nil {
		h.seed, h.ring = maphash.MakeSeed(), new(ring)
	}
	h.ring.pages[h.next] = maphash.Bytes(h.seed, name)
	h.ring.endings[h.next] = ending{at.UnixMilli(), e.Code, e.Cause}
	if h.next++; h.next == Max {
		h.next = 0
	}
}

// Of are the endings of a page that are kept, the newest first, and PerPage at most.
func (h *History) Of(name string) (list []scenecast.PastEnding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ring == nil {
		return nil
	}
	page := maphash.String(h.seed, name)
	look := func(from, to int) {
		for i := to - 1; i >= from && len(list) < PerPage; i-- {
			if e := &h.ring.endings[i]; h.ring.pages[i] == page && e.at != 0 {
				list = append(list, scenecast.PastEnding{At: time.UnixMilli(e.at), Cause: e.cause.String(), Code: e.code})
			}
		}
	}
	look(0, h.next)
	look(h.next, Max)
	return list
}
