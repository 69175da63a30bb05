package hub

import (
	"slices"
	"sync"
)

// departed remembers which lasting pushes pages have got that have left, by the IDs that they keep: they may come back to
// another shard, and are not to get them again. It forgets the pages that left first when they are too many.
type departed struct {
	mu    sync.Mutex
	pages map[pageName][]uint64 // sequence numbers of pushes, in order
	order []pageName            // that in which they left for the first time
	seqs  int                   // in all
}

type pageName struct{ app, id string }

// What is remembered; some 20 MB.
const (
	mostDeparted = 100_000
	mostSeqs     = 1 << 20
)

// leave notes that a page has left that has got these pushes.
func (d *departed) leave(page pageName, seqs []uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, known := d.pages[page]
	if !known {
		if d.pages == nil {
			d.pages = make(map[pageName][]uint64)
		}
		d.order = append(d.order, page)
	}
	d.seqs += len(seqs) - len(before)
	d.pages[page] = seqs
	for len(d.order) > mostDeparted || d.seqs > mostSeqs {
		d.seqs -= len(d.pages[d.order[0]])
		delete(d.pages, d.order[0])
		d.order[0] = pageName{}
		d.order = d.order[1:]
	}
}

// of are the pushes that a page has got that has left, which the caller does not change.
func (d *departed) of(page pageName) []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pages[page]
}

// remember notes, for a member that leaves, what it has got and what it has not acknowledged: its slot will be another's.
func (s *Shard) remember(index uint32, app string) {
	ls := s.lasting[app]
	if ls == nil && len(s.awaiting) == 0 {
		return
	}
	pageID := s.pageID(index)
	if ls != nil {
		page := pageName{app, pageID}
		var had, has []uint64 // what it had got when it left before, and has now
		if pageID != "" {
			had = s.hub.departed.of(page)
		}
		for _, l := range ls.all {
			seq := l.push.Position.Seq
			got := l.got.clear(index)
			if _, before := slices.BinarySearch(had, seq); pageID != "" && (got || before) {
				has = append(has, seq)
			}
		}
		if len(has) > 0 {
			s.hub.departed.leave(page, has)
		}
	}
	for i := range s.awaiting {
		if a := &s.awaiting[i]; a.members.clear(index) {
			a.receipt.leave(pageID)
		}
	}
}

// recall notes what a member has got that has come back.
func (s *Shard) recall(index uint32, app, pageID string) {
	ls := s.lasting[app]
	if ls == nil || pageID == "" {
		return
	}
	for _, seq := range s.hub.departed.of(pageName{app, pageID}) {
		if l := ls.find(seq); l != nil {
			l.got.set(index)
		}
	}
}
