package receipt_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub/receipt"
)

// TestAgainstNaive has pages join, get pushes, write, lose, acknowledge, leave, come back elsewhere and acknowledge there, in any
// order, while receipts time out. What a receipt has reported must at every moment be what follows from looking at each copy.
func TestAgainstNaive(t *testing.T) {
	sum := scenecast.Tally{}
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			m := &model{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 3)), away: make(map[string][]left)}
			for range 2 {
				m.shards = append(m.shards, &shard{pages: make(map[uint32]*page)})
			}
			for range 400 {
				m.happen()
				m.check()
			}
			time.Sleep(timeout)
			synctest.Wait()
			m.check()
			for _, p := range m.pushes {
				sum.Add(p.told)
			}
		})
		if t.Failed() {
			return
		}
	}
	if sum.Acked < 500 || sum.Written < 500 || sum.TimedOut < 500 {
		t.Errorf("%+v: the walk does not come by what it is to test", sum)
	}
}

const timeout = 10 * time.Second

type model struct {
	t      *testing.T
	seed   uint64
	r      *rand.Rand
	shards []*shard
	pushes []*push
	away   map[string][]left // what package session keeps
}

// left is a copy that a page has left behind.
type left struct {
	unacked *receipt.Unacked
	copy    *copied
}

type shard struct {
	pending receipt.Pending
	pages   map[uint32]*page // by slot, which is used again at once
}

// page is a connection, also when it has left.
type page struct {
	shard *shard
	slot  uint32
	id    string // empty: it cannot be known again
	acks  bool
	here  bool
}

// push is one, and what its publisher has been told.
type push struct {
	position scenecast.Position
	acked    bool
	at       time.Time
	copies   []*copied
	mu       sync.Mutex // timeouts have goroutines of their own
	told     scenecast.Tally
	done     bool
	ended    bool // it should be done
}

// copied is a copy as the naive model sees it.
type copied struct {
	page         *page
	done         func(uint32, bool)
	isDone       bool
	written      bool
	acknowledged bool
	forgotten    bool // its page has left, and will not be known when it is back
	endedWaiting bool // the receipt ended while it waited for this one
}

// waits is whether the receipt of a push waits for a copy.
func (p *push) waits(c *copied) bool {
	lost := c.isDone && !c.written
	switch {
	case !p.acked || !c.page.acks:
		return !c.isDone
	case c.acknowledged || lost:
		return false
	default:
		return c.page.here || c.page.id != "" && !c.forgotten
	}
}

func (m *model) happen() {
	s := m.shards[m.r.IntN(2)]
	switch n := m.r.IntN(20); {
	case n < 4:
		m.join(s)
	case n < 6:
		m.publish()
	case n < 8:
		if k := m.anyPage(s); k != nil {
			m.leave(k)
		}
	case n < 9:
		time.Sleep(time.Duration(m.r.IntN(6)) * time.Second)
		synctest.Wait()
	case n < 15:
		if c := m.anyCopy(func(c *copied) bool { return !c.isDone }); c != nil {
			c.isDone, c.written = true, m.r.IntN(3) > 0
			c.done(c.page.slot, c.written)
		}
	case n < 16:
		id := fmt.Sprint("p", m.r.IntN(4))
		if all := m.away[id]; len(all) > 0 {
			all[0].unacked.Forget()
			all[0].copy.forgotten = true
			m.away[id] = all[1:]
		}
	default:
		if k := m.anyPage(s); k != nil && len(m.pushes) > 0 {
			m.acknowledge(k, m.pushes[m.r.IntN(len(m.pushes))])
		}
	}
}

func (m *model) join(s *shard) {
	slot := uint32(0)
	for s.pages[slot] != nil {
		slot++
	}
	k := &page{shard: s, slot: slot, acks: m.r.IntN(3) > 0, here: true}
	if m.r.IntN(2) == 0 {
		k.id = fmt.Sprint("p", m.r.IntN(4)) // some are there twice
	}
	s.pages[slot] = k
}

// publish has a push delivered on both shards. Frames may be done and acknowledged before its last copy is made.
func (m *model) publish() {
	p := &push{position: scenecast.Position{Epoch: 9, Seq: uint64(len(m.pushes)+1) << 10}, acked: m.r.IntN(3) > 0, at: time.Now()}
	m.pushes = append(m.pushes, p)
	kind := scenecast.ReceiptWritten
	if p.acked {
		kind = scenecast.ReceiptAcked
	}
	r := receipt.New(&scenecast.Push{Position: p.position, Receipt: kind, Timeout: timeout}, func(t scenecast.Tally, done bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.told.Add(t)
		if done && p.done {
			m.t.Error("done twice")
		}
		p.done = p.done || done
	})
	for _, s := range m.shards {
		c := s.pending.Track(r)
		for slot := range uint32(len(s.pages) + 20) {
			if k := s.pages[slot]; k != nil && m.r.IntN(4) > 0 {
				c.Add(slot, k.acks)
				one := &copied{page: k, done: c.Done(k.acks)}
				p.copies = append(p.copies, one)
				if m.r.IntN(8) == 0 {
					one.isDone, one.written = true, true
					one.done(slot, true)
				}
			}
		}
		c.Expect()
	}
	r.Begin(scenecast.Tally{Queued: len(p.copies)})
}

func (m *model) anyPage(s *shard) *page {
	var pages []*page
	for slot := range uint32(100) {
		if k := s.pages[slot]; k != nil {
			pages = append(pages, k)
		}
	}
	if len(pages) == 0 {
		return nil
	}
	return pages[m.r.IntN(len(pages))]
}

func (m *model) anyCopy(of func(*copied) bool) *copied {
	var all []*copied
	for _, p := range m.pushes {
		for _, c := range p.copies {
			if of(c) {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[m.r.IntN(len(all))]
}

func (m *model) leave(k *page) {
	k.here = false
	delete(k.shard.pages, k.slot)
	unacked := k.shard.pending.Leave(k.slot, k.id != "")
	if k.id == "" && len(unacked) > 0 {
		m.t.Fatalf("seed %d: a page that cannot be known again left %d copies", m.seed, len(unacked))
	}
	for _, p := range m.pushes {
		for _, c := range p.copies {
			if c.page == k && k.id != "" && k.acks && p.acked && !c.acknowledged {
				if len(unacked) == 0 || unacked[0].Position() != p.position {
					m.t.Fatalf("seed %d: a page has left %d copies, without that at %v", m.seed, len(unacked), p.position)
				}
				m.away[k.id] = append(m.away[k.id], left{unacked[0], c})
				unacked = unacked[1:]
			}
		}
	}
	if len(unacked) > 0 {
		m.t.Fatalf("seed %d: a page has left %d copies too many", m.seed, len(unacked))
	}
}

// acknowledge has a page acknowledge a push: its own copy, or one that it got on a connection that has ended.
func (m *model) acknowledge(k *page, p *push) {
	own := slices.IndexFunc(p.copies, func(c *copied) bool { return c.page == k && k.acks && p.acked && !c.acknowledged })
	counts := k.shard.pending.Acknowledge(k.slot, p.position)
	if counts != (own >= 0) {
		m.t.Fatalf("seed %d: an acknowledgement counts: %v, want %v", m.seed, counts, own >= 0)
	}
	if counts {
		p.copies[own].acknowledged = true
		return
	}
	for i, l := range m.away[k.id] {
		if l.unacked.Position() == p.position {
			l.unacked.Acknowledge()
			l.unacked.Acknowledge() // counts once
			l.copy.acknowledged = true
			m.away[k.id] = slices.Delete(m.away[k.id], i, i+1)
			return
		}
	}
}

// check compares what publishers have been told with what there is.
func (m *model) check() {
	m.t.Helper()
	for i, p := range m.pushes {
		p.mu.Lock()
		waiting, inFlight := 0, 0
		for _, c := range p.copies {
			if p.waits(c) {
				waiting++
			}
			if !c.isDone {
				inFlight++
			}
		}
		if !p.ended && (waiting == 0 && inFlight == 0 || time.Since(p.at) >= timeout) {
			p.ended = true
			for _, c := range p.copies {
				c.endedWaiting = p.waits(c)
			}
		}
		if p.done != p.ended {
			m.t.Fatalf("seed %d, push %d: done %v, want %v: %d waiting, %d inFlight", m.seed, i, p.done, p.ended, waiting, inFlight)
		}
		want := scenecast.Tally{Queued: len(p.copies)}
		for _, c := range p.copies {
			if c.written && p.ended {
				want.Written++
			}
			if c.acknowledged && p.ended {
				want.Acked++
			}
			if c.endedWaiting && !came(p, c) {
				want.TimedOut++
			}
		}
		if p.told != want {
			m.t.Fatalf("seed %d, push %d: told %+v, want %+v", m.seed, i, p.told, want)
		}
		p.mu.Unlock()
	}
}

// came reports whether what the receipt waits for has come from a copy.
func came(p *push, c *copied) bool {
	if p.acked && c.page.acks {
		return c.acknowledged
	}
	return c.written
}
