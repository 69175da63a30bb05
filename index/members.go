package index

import "slices"

// members are who has joined, and for each the labels it has.
type members struct {
	count   int
	live    bitset
	pages   [][]ref // by member: its entries, 0 for none; a page without members is nil
	spare   []ref   // a page of which the last member left, or nil
	entries slab[entry]
}

// entry is one label of one member.
type entry struct {
	label id     // 0 at the end of a block that is larger than it need be
	at    uint32 // the member's place in the label's posting, while that is a list of more than short
}

// memberPage is a multiple of wordBits.
const memberPage = 1 << 10

// join adds a member with these labels, which are in no posting yet.
func (m *members) join(member uint32, labels []id) {
	page := int(member / memberPage)
	if page >= len(m.pages) {
		m.pages = append(m.pages, make([][]ref, page+1-len(m.pages))...)
	}
	if m.pages[page] == nil {
		if m.spare == nil {
			m.spare = make([]ref, memberPage)
		}
		m.pages[page], m.spare = m.spare, nil
	}
	m.live.set(member)
	m.count++
	m.assign(member, labels)
}

// assign replaces the labels of a member. Those that it keeps keep their place.
func (m *members) assign(member uint32, labels []id) {
	r := &m.pages[member/memberPage][member%memberPage]
	old, before := *r, m.of(member)
	*r = 0
	if len(labels) > 0 {
		*r = m.entries.alloc(len(labels))
		block := m.entries.block(*r)
		clear(block)
		places := m.placesOf(before)
		for i, label := range labels {
			block[i].label = label
			if j := places.find(label); j >= 0 {
				block[i].at = before[j].at
			}
		}
	}
	if old != 0 {
		m.entries.free(old)
	}
}

// leave removes a member, whose labels are in no posting any more. It reports whether the greatest member's number has
// become so much smaller that memory was given back.
func (m *members) leave(member uint32) bool {
	m.assign(member, nil)
	m.live.clear(member)
	m.count--
	if m.live[member/wordBits] != 0 {
		return false
	}
	page := member / memberPage
	first := int(page * memberPage / wordBits)
	words := m.live[first:min(first+memberPage/wordBits, len(m.live))]
	if slices.ContainsFunc(words, func(word uint64) bool { return word != 0 }) {
		return false
	}
	m.pages[page], m.spare = nil, m.pages[page]
	for len(m.pages) > 0 && m.pages[len(m.pages)-1] == nil {
		m.pages = m.pages[:len(m.pages)-1]
	}
	if cap(m.pages) > 4*len(m.pages)+8 {
		m.pages = slices.Clone(m.pages)
	}
	return m.live.trim()
}

// of are the labels of a member, good until it is relabelled or leaves.
func (m *members) of(member uint32) []entry {
	r := m.pages[member/memberPage][member%memberPage]
	if r == 0 {
		return nil
	}
	entries := m.entries.block(r)
	for entries[len(entries)-1].label == 0 {
		entries = entries[:len(entries)-1]
	}
	return entries
}

// place writes down where the member is in the list of a label that it has.
func (m *members) place(member uint32, label id, at uint32) {
	entries := m.of(member)
	entries[find(entries, label)].at = at
}

// fewLabels is up to how many entries are searched one by one.
const fewLabels = 32

// places finds labels among entries.
type places struct {
	entries []entry
	byLabel map[id]int // nil: they are few
}

func (m *members) placesOf(entries []entry) places {
	p := places{entries: entries}
	if len(entries) > fewLabels {
		p.byLabel = make(map[id]int, len(entries))
		for i := range entries {
			p.byLabel[entries[i].label] = i
		}
	}
	return p
}

// find is where the label is; -1 if it is not there.
func (p *places) find(label id) int {
	if p.byLabel == nil {
		return find(p.entries, label)
	}
	if i, ok := p.byLabel[label]; ok {
		return i
	}
	return -1
}

// find is where the label is among the entries; -1 if it is not.
func find(entries []entry, label id) int {
	for i := range entries {
		if entries[i].label == label {
			return i
		}
	}
	return -1
}
