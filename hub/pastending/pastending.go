// Package pastending keeps how the last connections of pages have ended, so that people can be told why a page has lost its connection. It is
// bounded, and forgets first the pages of which a connection has not ended for the longest.
package pastending

import (
	"sync"
	"time"

	"scenecast"
)

// The bounds, which make some 2.5 MB.
const (
	PerPage  = 5      // endings of one page
	MaxPages = 10_000 // pages
)

// Store is what is kept. The zero value is ready. Its methods may be called concurrently.
type Store struct {
	mu     sync.Mutex
	byPage map[string]*page
	recent page // of the ring of pages: next is the one that has ended last, previous the one that is forgotten first
}

type page struct {
	name           string
	next, previous *page
	endings        [PerPage]ending
	count          int // endings so far
}

type ending struct {
	at    int64 // in ms since 1970
	code  scenecast.CloseCode
	cause scenecast.Cause
}

// Add notes that a connection of a page has ended. The name may be changed afterwards.
func (s *Store) Add(name []byte, at time.Time, e scenecast.Ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byPage == nil {
		s.byPage = make(map[string]*page)
		s.recent.next, s.recent.previous = &s.recent, &s.recent
	}
	p := s.byPage[string(name)]
	if p == nil {
		if len(s.byPage) == MaxPages {
			p = s.recent.previous
			p.unlink()
			delete(s.byPage, p.name)
		} else {
			p = new(page)
		}
		*p = page{name: string(name)}
		s.byPage[p.name] = p
	} else {
		p.unlink()
	}
	p.next, p.previous = s.recent.next, &s.recent
	p.next.previous, p.previous.next = p, p
	p.endings[p.count%PerPage] = ending{at.UnixMilli(), e.Code, e.Cause}
	p.count++
}

func (p *page) unlink() { p.next.previous, p.previous.next = p.previous, p.next }

// Of are the endings of a page that are kept, the newest first.
func (s *Store) Of(name string) (list []scenecast.PastEnding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byPage[name]
	if p == nil {
		return nil
	}
	for i := range min(p.count, PerPage) {
		e := p.endings[(p.count-1-i)%PerPage]
		list = append(list, scenecast.PastEnding{At: time.UnixMilli(e.at), Cause: e.cause.String(), Code: e.code})
	}
	return list
}

// Len is how many pages there are.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byPage)
}
