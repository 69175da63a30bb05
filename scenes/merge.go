package scenes

import (
	"cmp"
	"slices"
)

// Merge makes counts of a node's tables: of so many scenes as are asked for, the largest ones; of those that are as large, the first by name.
// They are exact unless a table had no room.
func Merge(by []string, limit int, tables []*Table) *Counts {
	c := &Counts{By: by}
	all := together(tables)
	over := 0
	for _, t := range tables {
		c.Counted += t.counted
		over += t.over
	}
	if over == 0 {
		c.Total = len(all)
	}
	largest := largest{limit: max(limit, 1)}
	for _, s := range all {
		largest.offer(s)
	}
	largest.cut()
	c.Unlisted = max(over, largest.cutOff)
	for _, s := range largest.list {
		c.Scenes = append(c.Scenes, Scene{Labels: labelsOf(by, s.name), Matched: s.n, More: s.more})
	}
	if c.Unlisted > 0 {
		c.Sketch = NewSketch()
		for _, s := range all {
			c.Sketch.Add(s.name)
		}
	}
	return c
}

// counted is a scene as all tables have counted it.
type counted struct {
	name    string
	n, more int // connections, and how many there may be besides
}

// compare orders scenes, the largest first.
func compare(a, b counted) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name)) }

// together are the scenes of all tables.
func together(tables []*Table) (all []counted) {
	if len(tables) == 1 {
		for s := range tables[0].all() {
			all = append(all, counted{name: s.name, n: s.n})
		}
		return all
	}
	places := make(map[string]int)
	over := 0 // of the tables so far
	for _, t := range tables {
		for s := range t.all() {
			i, ok := places[s.name]
			if !ok {
				i = len(all)
				places[s.name] = i
				all = append(all, counted{name: s.name, more: over})
			}
			all[i].n += s.n
		}
		if t.over > 0 {
			over += t.over
			for i := range all {
				if _, has := t.byName[all[i].name]; !has {
					all[i].more += t.over
				}
			}
		}
	}
	return all
}

// largest keeps the largest of the scenes that it is offered.
type largest struct {
	limit  int
	list   []counted // up to twice as many, in no order
	last   *counted  // of the largest at the last cut; nil: there was none
	cutOff int       // how many connections one may have that was cut off
}

func (l *largest) offer(s counted) {
	if l.last != nil && compare(*l.last, s) < 0 {
		l.cutOff = max(l.cutOff, s.n+s.more)
		return
	}
	if l.list = append(l.list, s); len(l.list) >= 2*l.limit {
		l.cut()
	}
}

// cut cuts off what is over the limit, and has the list be in order.
func (l *largest) cut() {
	slices.SortFunc(l.list, compare)
	if len(l.list) <= l.limit {
		return
	}
	for _, s := range l.list[l.limit:] {
		l.cutOff = max(l.cutOff, s.n+s.more)
	}
	l.list = l.list[:l.limit]
	last := l.list[l.limit-1]
	l.last = &last
}
