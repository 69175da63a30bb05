package hub

import (
	"iter"
	"slices"

	"scenecast"
)

// member is one connection; of a free slot, the zero value. Its labels are in the index of its app. It has no pointers, so
// the collector has nothing to scan, however many there are.
type member struct {
	seq        uint64 // of its ConnID
	generation uint32 // of its slot
	kind       uint32 // its number among kinds; 0: the slot is free
	trusted    uint32 // the number of its list of trusted keys
	hasPageID  bool   // it has the label @page
	catchingUp bool   // it has come back and gets what it has missed: see catchUp
}

// members are the connections, by slot index, in pages that never move.
type members struct{ pages []*[memberPage]member }

const memberPage = 256

// at is the member in a slot; nil where no slot has been yet.
func (m *members) at(index uint32) *member {
	if int(index/memberPage) >= len(m.pages) {
		return nil
	}
	return &m.pages[index/memberPage][index%memberPage]
}

// grow is at, for a slot that may be new.
func (m *members) grow(index uint32) *member {
	for int(index/memberPage) >= len(m.pages) {
		m.pages = append(m.pages, new([memberPage]member))
	}
	return m.at(index)
}

// all ranges over all slots, free ones too.
func (m *members) all() iter.Seq2[uint32, *member] {
	return func(yield func(uint32, *member) bool) {
		for number, page := range m.pages {
			for i := range page {
				if !yield(uint32(number*memberPage+i), &page[i]) {
					return
				}
			}
		}
	}
}

// kind is what many members have in common.
type kind struct {
	protocol scenecast.Protocol
	app      *population
}

// kinds gives numbers to what members have in common, so that a member keeps only those.
type kinds struct {
	all     []kind // by number; [0] is none
	trusted trustedKeys
}

// of is a kind's number. There is one for each protocol of each app that has connections.
func (k *kinds) of(wanted kind) uint32 {
	if len(k.all) == 0 {
		k.all = make([]kind, 1)
	}
	if i := slices.Index(k.all[1:], wanted); i >= 0 {
		return uint32(i + 1)
	}
	if i := slices.Index(k.all[1:], kind{}); i >= 0 {
		k.all[i+1] = wanted
		return uint32(i + 1)
	}
	k.all = append(k.all, wanted)
	return uint32(len(k.all) - 1)
}

// forget drops the kinds of an app that has no connections any more.
func (k *kinds) forget(app *population) {
	for i := range k.all {
		if k.all[i].app == app {
			k.all[i] = kind{}
		}
	}
}

// app is the population that a member belongs to.
func (s *Shard) app(m *member) *population { return s.kinds.all[m.kind].app }
