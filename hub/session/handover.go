package session

import (
	"time"

	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/hub/receipt"
)

var (
	fieldPage = handover.Required(1)

	fieldKey          = handover.Required(1)
	fieldDelivered    = handover.Required(2)
	fieldUnacked      = handover.Required(3)
	fieldWaited       = handover.Required(4)
	fieldUnackedUntil = handover.Required(5)
	fieldHasLabels    = handover.Required(6)
	fieldLabels       = handover.Required(7)
	fieldLabelsUntil  = handover.Required(8)
	fieldUntil        = handover.Required(9)
	fieldIsHeld       = handover.Required(10)
)

// Export appends what is remembered, the oldest first. met is called with the receipt of each copy that was left unacknowledged.
func (s *Store) Export(e *handover.Encoder, met func(r *receipt.Receipt)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := s.oldest; p != nil; p = p.newer {
		e.Record(fieldPage, func(e *handover.Encoder) { p.export(e, met) })
	}
}

func (p *page) export(e *handover.Encoder, met func(r *receipt.Receipt)) {
	e.Text(fieldKey, string(p.key))
	e.Uints(fieldDelivered, p.delivered)
	var unacked, waited []uint64
	for _, u := range p.unacked {
		isWaited, useful := u.Left()
		if !useful {
			continue
		}
		met(u.Of())
		unacked = append(unacked, u.Of().Seq())
		if isWaited {
			waited = append(waited, u.Of().Seq())
		}
	}
	e.Uints(fieldUnacked, unacked)
	e.Uints(fieldWaited, waited)
	e.Int(fieldUnackedUntil, p.unackedUntil)
	e.Bool(fieldHasLabels, p.hasLabels)
	value.Labels(e, fieldLabels, p.labels)
	e.Int(fieldLabelsUntil, p.labelsUntil)
	e.Int(fieldUntil, p.until)
	e.Bool(fieldIsHeld, p.holders > 0)
}

// Moved are pages of another process, that Adopt takes.
type Moved struct{ pages []movedPage }

type movedPage struct {
	page
	unacked, waited []uint64
	isHeld          bool
}

// Decode reads what Export has appended.
func Decode(v *handover.Value) *Moved {
	m := new(Moved)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		if f != fieldPage {
			return false
		}
		var p movedPage
		v.Record(p.decode)
		m.pages = append(m.pages, p)
		return true
	})
	return m
}

func (p *movedPage) decode(f handover.Field, v *handover.Value) bool {
	switch f {
	case fieldKey:
		p.key = Key(v.Text())
	case fieldDelivered:
		p.delivered = v.Uints()
	case fieldUnacked:
		p.unacked = v.Uints()
	case fieldWaited:
		p.waited = v.Uints()
	case fieldUnackedUntil:
		p.unackedUntil = v.Int()
	case fieldHasLabels:
		p.hasLabels = v.Bool()
	case fieldLabels:
		p.labels = value.DecodeLabels(v)
	case fieldLabelsUntil:
		p.labelsUntil = v.Int()
	case fieldUntil:
		p.until = v.Int()
	case fieldIsHeld:
		p.isHeld = v.Bool()
	default:
		return false
	}
	return true
}

// Adopt remembers pages of another process. find is the receipt of a push; nil: nobody waits. The pages of connections that are adopted
// behind this say so by AddHolder; the labels of the others are kept for as long as when a page leaves.
func (s *Store) Adopt(m *Moved, find func(seq uint64) *receipt.Receipt) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range m.pages {
		from := &m.pages[i]
		p := &page{
			key: from.key, delivered: from.delivered, unackedUntil: from.unackedUntil, hasLabels: from.hasLabels, labels: from.labels,
			labelsUntil: from.labelsUntil, until: from.until,
		}
		if from.isHeld {
			p.labelsUntil = max(p.labelsUntil, now.Add(s.options.KeepLabels).UnixNano())
		}
		waited := make(map[uint64]bool, len(from.waited))
		for _, seq := range from.waited {
			waited[seq] = true
		}
		for _, seq := range from.unacked {
			if r := find(seq); r != nil {
				p.unacked = append(p.unacked, receipt.NewUnacked(r, waited[seq]))
			}
		}
		s.hold(p.unacked)
		s.link(p)
	}
	s.forget(now.UnixNano())
}

// AddHolder notes that a connection was adopted for whose end the labels of its page are kept. False: nothing is known of the page.
func (s *Store) AddHolder(k Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[k]
	if p == nil {
		return false
	}
	p.holders++
	return true
}
