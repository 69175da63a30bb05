package hub

import (
	"slices"

	"scenecast"
)

// firstMembers finds those of many members whose IDs come first, at most max, without sorting all: most are dropped by one comparison.
type firstMembers struct {
	max   int
	all   []identified     // less than 2 * max
	bound scenecast.ConnID // what comes behind it is not among the first; zero: nothing is known
}

type identified struct {
	id    scenecast.ConnID
	index uint32
}

// offer considers a member.
func (f *firstMembers) offer(id scenecast.ConnID, index uint32) {
	if f.bound != (scenecast.ConnID{}) && id.Compare(f.bound) > 0 {
		return
	}
	if f.all = append(f.all, identified{id, index}); len(f.all) >= 2*f.max {
		f.cut()
	}
}

// cut sorts what was considered and keeps the first ones.
func (f *firstMembers) cut() {
	slices.SortFunc(f.all, func(a, b identified) int { return a.id.Compare(b.id) })
	if len(f.all) >= f.max {
		f.all = f.all[:f.max]
		if f.max > 0 {
			f.bound = f.all[f.max-1].id
		}
	}
}

// indexes are the first members, in order.
func (f *firstMembers) indexes() []uint32 {
	f.cut()
	return indexesOf(f.all)
}

func indexesOf(members []identified) []uint32 {
	indexes := make([]uint32, len(members))
	for i, m := range members {
		indexes[i] = m.index
	}
	return indexes
}
