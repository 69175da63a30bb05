// Package session remembers what pages leave behind, for when they come back: which pushes with a ttl they have got, which they have
// not acknowledged, and which labels the backend has given them. It is bounded; when that is too much, those that left first are
// forgotten.
package session

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/hub/receipt"
	"scenecast/label"
)

// Key identifies a page over its connections: its app, its own ID, and who its token says that it is. Another user who knows the ID is
// another page.
type Key string

// NewKey makes a key. Identity is who the page is by its token; empty: its token says nothing.
func NewKey(app, pageID, identity string) Key {
	return Key(app + "\x00" + pageID + "\x00" + identity) // no app and no page ID has a zero byte
}

// AppendPage appends what stands before the identity in a key.
func AppendPage(dst []byte, app string, pageID []byte) []byte {
	return append(append(append(append(dst, app...), 0), pageID...), 0)
}

// State is what a page has left behind.
type State struct {
	Delivered []uint64 // sequence numbers of the pushes with a ttl that it has got, in order; of any epoch, as they rise over epochs too
	Unacked   []*receipt.Unacked
	Labels    label.Set // those that the backend has given it
}

// Leaving is a page that leaves.
type Leaving struct {
	State
	DeliveredUntil time.Time             // when the last push ends that it has got
	Lasts          func(seq uint64) bool // of one that it had got when it left before: whether that lasts, as far as is known
	Holds          bool                  // the result of the last Join or Relabel for this connection
}

// Options bound what is remembered.
type Options struct {
	MaxPages   int           // Defaults to 100,000.
	MaxBytes   int           // of memory. Defaults to 32 MiB.
	KeepLabels time.Duration // how long labels are kept. 0: not at all
}

// The defaults of Options.
const (
	DefaultMaxPages = 100_000
	DefaultMaxBytes = 32 << 20
)

// Store is what is remembered. Its methods may be called concurrently.
type Store struct {
	options Options
	pages   atomic.Int64 // len(byKey), for who need not wait to know that there is nothing

	mu     sync.Mutex
	byKey  map[Key]*page
	oldest *page // in the order in which they have left
	newest *page
	bytes  int
}

// page is one that has left, or that the backend has given labels. It may be back: what it has left behind is kept until it leaves
// again.
type page struct {
	key          Key
	older, newer *page
	delivered    []uint64           // as in State; not changed
	unacked      []*receipt.Unacked // in the order of the log
	unackedUntil int64              // how long these are of use, in Unix nanoseconds
	hasLabels    bool               // it is known which labels the backend has given it, possibly none
	labels       label.Set
	holders      int   // connections of the page that are here and count on the labels being kept
	labelsUntil  int64 // when there are none: how long the labels are kept
	until        int64 // … and how long anything else of it is of use
	bytes        int   // that it counts with, receipts left out
}

// expired reports whether nothing of a page is of use any more.
func (p *page) expired(now int64) bool { return p.until <= now && !p.keepsLabels(now) }

func (p *page) keepsLabels(now int64) bool {
	return p.hasLabels && (p.holders > 0 || now < p.labelsUntil)
}

// New makes a store.
func New(o Options) *Store {
	if o.MaxPages == 0 {
		o.MaxPages = DefaultMaxPages
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	return &Store{options: o, byKey: make(map[Key]*page)}
}

// IsEmpty reports whether there is nothing to be found. It waits for nobody.
func (s *Store) IsEmpty() bool { return s.pages.Load() == 0 }

// Len is how many pages are remembered, and Bytes about how much memory that takes.
func (s *Store) Len() int { return int(s.pages.Load()) }

// Bytes is about how much memory the store takes.
func (s *Store) Bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Join returns what a page that is back has left behind; Unacked is left out. If holds is true, the page's labels are kept for as long
// as the connection lasts, which says so when it leaves.
func (s *Store) Join(k Key) (left State, holds bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[k]
	if p == nil {
		return State{}, false
	}
	left.Delivered = p.delivered
	if p.keepsLabels(time.Now().UnixNano()) {
		p.holders++
		left.Labels, holds = p.labels, true
	}
	return left, holds
}

// Relabel notes which labels the backend has given a page so far. So a connection that the page opens has them also before it is known
// that its last one is dead. It reports whether they are kept for as long as the connection lasts; holds is what was reported before.
func (s *Store) Relabel(k Key, labels label.Set, holds bool) bool {
	if s.options.KeepLabels == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.take(k)
	if !holds || p.holders == 0 { // none: it was too much, and forgotten
		p.holders++
	}
	p.hasLabels, p.labels = true, labels
	s.link(p)
	s.forget(time.Now().UnixNano())
	return true
}

// Acknowledge takes a page's acknowledgement of a push that it got on a connection that has ended. False: there is none.
func (s *Store) Acknowledge(k Key, at scenecast.Position) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[k]
	if p == nil || p.unackedUntil <= time.Now().UnixNano() {
		return false
	}
	i, _ := slices.BinarySearchFunc(p.unacked, at, comparePositions)
	if i == len(p.unacked) || p.unacked[i].Position() != at {
		return false
	}
	p.unacked[i].Acknowledge()
	s.release(p.unacked[i : i+1])
	if p.unacked = slices.Delete(p.unacked, i, i+1); len(p.unacked) == 0 {
		p.unacked = nil
	}
	s.bytes -= p.bytes
	p.bytes = p.count()
	s.bytes += p.bytes
	return true
}

// Leave notes that a page has left, and what it leaves behind. It is added to what the page has left behind before, and is still of use;
// but its labels count only if none are known of it.
func (s *Store) Leave(k Key, left Leaving) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey[k] == nil && len(left.Delivered)+len(left.Unacked)+left.Labels.Len() == 0 {
		return
	}
	p := s.take(k)
	if !p.keepsLabels(now.UnixNano()) {
		p.hasLabels = s.options.KeepLabels > 0 && left.Labels.Len() > 0
		p.labels = left.Labels
	}
	before := len(left.Delivered)
	p.delivered = merged(left.Delivered, p.delivered, left.Lasts)
	switch {
	case len(p.delivered) == 0:
		p.until = 0
	case len(p.delivered) == before:
		p.until = left.DeliveredUntil.UnixNano()
	default: // some of those from before last
		p.until = max(p.until, left.DeliveredUntil.UnixNano())
	}
	if left.Holds && p.holders > 0 {
		p.holders--
	}
	if p.hasLabels {
		p.labelsUntil = now.Add(s.options.KeepLabels).UnixNano()
	} else {
		p.labels = label.Set{}
	}
	if p.unackedUntil <= now.UnixNano() {
		s.drop(p.unacked)
		p.unacked = nil
	}
	s.hold(left.Unacked)
	p.unacked = s.merge(p.unacked, left.Unacked)
	if len(left.Unacked) > 0 {
		p.unackedUntil = now.Add(receipt.MaxAge).UnixNano()
	}
	if len(p.unacked) > 0 {
		p.until = max(p.until, p.unackedUntil)
	}
	s.link(p)
	if p.expired(now.UnixNano()) {
		s.remove(p)
	}
	s.forget(now.UnixNano())
}

// Receive notes what a page has left behind on another node, whose last push with a ttl that it has got ends at until. Its labels take the
// place of those that the page has left behind here, unless a connection of the page is here; pushes are added to those that it had got
// and that still last.
func (s *Store) Receive(k Key, left State, until time.Time, lasts func(seq uint64) bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.take(k)
	if p.holders == 0 && s.options.KeepLabels > 0 {
		p.hasLabels, p.labels = left.Labels.Len() > 0, left.Labels
		p.labelsUntil = now.Add(s.options.KeepLabels).UnixNano()
	}
	p.delivered = merged(left.Delivered, p.delivered, lasts)
	p.until = max(p.until, until.UnixNano())
	s.link(p)
	if p.expired(now.UnixNano()) {
		s.remove(p)
	}
	s.forget(now.UnixNano())
}

// merged are the pushes that a page has got, and those from before that last.
func merged(delivered, before []uint64, lasts func(seq uint64) bool) []uint64 {
	all := delivered
	for _, seq := range before {
		if _, both := slices.BinarySearch(delivered, seq); !both && lasts(seq) {
			all = append(all, seq)
		}
	}
	if len(all) > len(delivered) {
		slices.Sort(all)
	}
	return all
}

// take is a page out of its place, or a new one.
func (s *Store) take(k Key) *page {
	p := s.byKey[k]
	if p == nil {
		return &page{key: k}
	}
	s.unlink(p)
	return p
}

// merge adds copies to those that a page has not acknowledged. When they are too many, the oldest are forgotten.
func (s *Store) merge(before, more []*receipt.Unacked) []*receipt.Unacked {
	all := more
	switch {
	case len(more) == 0:
		all = before
	case len(before) > 0:
		all = slices.Concat(before, more)
		slices.SortStableFunc(all, func(a, b *receipt.Unacked) int { return comparePositions(a, b.Position()) })
	}
	if n := len(all) - receipt.MaxPushes; n > 0 {
		s.drop(all[:n])
		all = slices.Clone(all[n:])
	}
	return all
}

func comparePositions(u *receipt.Unacked, at scenecast.Position) int {
	p := u.Position()
	switch {
	case p.Seq < at.Seq, p.Seq == at.Seq && p.Epoch < at.Epoch:
		return -1
	case p == at:
		return 0
	}
	return 1
}
