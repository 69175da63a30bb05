package session

import "scenecast/hub/receipt"

// What things take on the heap.
const (
	pageBytes    = 216 // a page, with its key in the map
	unackedBytes = 16
	receiptBytes = 160 // with what it reports to
	labelBytes   = 32
)

// forget drops what is of no use any more, as far as it is the oldest, and what is too much.
func (s *Store) forget(now int64) {
	for s.oldest != nil && (s.oldest.expired(now) || len(s.byKey) > s.options.MaxPages || s.bytes > s.options.MaxBytes) {
		s.remove(s.oldest)
	}
	s.pages.Store(int64(len(s.byKey)))
}

func (s *Store) remove(p *page) {
	s.unlink(p)
	s.drop(p.unacked)
}

// drop gives up copies: nobody will acknowledge them.
func (s *Store) drop(unacked []*receipt.Unacked) {
	for _, u := range unacked {
		u.Forget()
	}
	s.release(unacked)
}

// hold counts the receipts of copies, and release counts them no more.
func (s *Store) hold(unacked []*receipt.Unacked) {
	for _, u := range unacked {
		if u.Hold() {
			s.bytes += receiptBytes
		}
	}
}

func (s *Store) release(unacked []*receipt.Unacked) {
	for _, u := range unacked {
		if u.Release() {
			s.bytes -= receiptBytes
		}
	}
}

// link puts a page behind all others.
func (s *Store) link(p *page) {
	p.bytes = p.count()
	s.bytes += p.bytes
	s.byKey[p.key] = p
	p.older, p.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = p
	} else {
		s.oldest = p
	}
	s.newest = p
}

func (s *Store) unlink(p *page) {
	s.bytes -= p.bytes
	delete(s.byKey, p.key)
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		s.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		s.newest = p.older
	}
	p.older, p.newer = nil, nil
}

// count is about how much memory a page takes.
func (p *page) count() int {
	n := pageBytes + len(p.key) + 8*cap(p.delivered) + 8*cap(p.unacked) + unackedBytes*len(p.unacked)
	for l := range p.labels.All() {
		n += labelBytes + len(l.Value)
	}
	return n
}
