// Package slotset keeps sets of slots, one for each of up to 64 items, such as pushes. They are kept slot by slot: what a slot has
// is one word, so all of it is found, and forgotten when a page leaves, by one look, however many items there are.
package slotset

import "iter"

// Items is how many items a Grid has room for.
const Items = 64

// rowSlots is how many slots a row is for. A push to one page costs one row.
const rowSlots = 32

// RowBytes is about what a row takes, its place in the map included.
const RowBytes = rowSlots*8 + 32

type row [rowSlots]uint64

// Grid says for each of 64 items which slots have it. The zero value says that none has any. It has one owner.
type Grid struct {
	rows map[uint32]*row // by slot / rowSlots; one without bits may be missing

	last    *row // the one that was used last: slots come in order more often than not
	lastRow uint32
}

// find is the row of a slot; nil if there is none.
func (g *Grid) find(slot uint32) *row {
	number := slot / rowSlots
	if g.last != nil && g.lastRow == number {
		return g.last
	}
	r := g.rows[number]
	if r != nil {
		g.last, g.lastRow = r, number
	}
	return r
}

// Add gives a slot the items of a mask.
func (g *Grid) Add(slot uint32, items uint64) {
	r := g.find(slot)
	if r == nil {
		if items == 0 {
			return
		}
		if g.rows == nil {
			g.rows = make(map[uint32]*row)
		}
		r = new(row)
		g.rows[slot/rowSlots] = r
		g.last, g.lastRow = r, slot/rowSlots
	}
	r[slot%rowSlots] |= items
}

// Items are the items that a slot has.
func (g *Grid) Items(slot uint32) uint64 {
	if r := g.find(slot); r != nil {
		return r[slot%rowSlots]
	}
	return 0
}

// Remove takes the items of a mask from a slot, and returns those that it had.
func (g *Grid) Remove(slot uint32, items uint64) (had uint64) {
	r := g.find(slot)
	if r == nil {
		return 0
	}
	had = r[slot%rowSlots] & items
	r[slot%rowSlots] &^= items
	return had
}

// All ranges over the slots that have something, in no particular order.
func (g *Grid) All() iter.Seq2[uint32, uint64] {
	return func(yield func(slot uint32, items uint64) bool) {
		for number, r := range g.rows {
			for i, items := range r {
				if items != 0 && !yield(number*rowSlots+uint32(i), items) {
					return
				}
			}
		}
	}
}

// Rows is how many rows there are, for whoever counts memory or work.
func (g *Grid) Rows() int { return len(g.rows) }
