package jwt

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// KeySets are the key sets that are read, by URL, so that configurations which follow each other share them. The zero value is ready for use.
// Methods may be called concurrently.
type KeySets struct {
	Log *slog.Logger // defaults to slog.Default()

	pause time.Duration // between two readings that tokens ask for; defaults to refreshAtMost

	mu     sync.Mutex
	sets   map[string]*KeySet
	counts *counts // made when it is asked for first
}

// Get is the key set at a URL, which is read from now on.
func (s *KeySets) Get(url string) *KeySet {
	counts := s.countsOf()
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.sets[url]
	if set == nil {
		log := s.Log
		if log == nil {
			log = slog.Default()
		}
		set = newKeySet(url, &http.Client{Timeout: fetchTimeout}, log, cmp.Or(s.pause, refreshAtMost), counts)
		if s.sets == nil {
			s.sets = make(map[string]*KeySet)
		}
		s.sets[url] = set
	}
	return set
}

// Count has a verifier count among the figures of these key sets (Stats). It is called before the verifier is used.
func (s *KeySets) Count(v *Verifier) { v.counts = s.countsOf() }

// Keep closes all key sets but those that a verifier uses. It is called when a configuration has taken another one's place.
func (s *KeySets) Keep(v *Verifier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for url, set := range s.sets {
		if v == nil || !v.uses(set) {
			set.close()
			delete(s.sets, url)
		}
	}
	if v == nil {
		return
	}
	for _, set := range s.sets {
		set.mu.Lock()
		set.changed = []func(){v.cache.clear} // those of verifiers before are garbage
		set.mu.Unlock()
	}
}

// Close closes all key sets.
func (s *KeySets) Close() { s.Keep(nil) }

func (v *Verifier) uses(set *KeySet) bool {
	for _, a := range v.apps {
		if a.KeySet == set {
			return true
		}
	}
	return false
}
