package ttlstore

import (
	"slices"
	"sort"

	"scenecast/audience"
	"scenecast/label"
)

// index finds the pushes that a page can match by its labels. Each push is in the lists of the conditions of one of its sets
// (audience.Necessary): in those that were shortest when it came, so that page == "order" && order == "7" is filed under the order.
type index struct {
	byCondition map[audience.Condition]*list
	all         list // those that labels alone rule nobody out of
}

// list is pushes in the order of the log. Those that last no more stay in it until they are half of it.
type list struct {
	entries []*entry
	ended   int
}

func newIndex() index { return index{byCondition: make(map[audience.Condition]*list)} }

// add files a push.
func (x *index) add(e *entry) {
	sets := e.push.To.Necessary()
	if len(sets) == 0 {
		x.all.entries = append(x.all.entries, e)
		return
	}
	e.conditions = slices.MinFunc(sets, func(a, b []audience.Condition) int { return x.load(a) - x.load(b) })
	for _, c := range e.conditions {
		l := x.byCondition[c]
		if l == nil {
			l = new(list)
			x.byCondition[c] = l
		}
		l.entries = append(l.entries, e)
	}
}

// load is how many pushes are filed under the conditions of a set.
func (x *index) load(set []audience.Condition) (n int) {
	for _, c := range set {
		if l := x.byCondition[c]; l != nil {
			n += len(l.entries)
		}
	}
	return n
}

// remove takes a push out that lasts no more.
func (x *index) remove(e *entry) {
	if e.conditions == nil {
		x.all.end(e)
	}
	for _, c := range e.conditions {
		l := x.byCondition[c]
		if l.end(e); len(l.entries) == 0 {
			delete(x.byCondition, c)
		}
	}
}

func (l *list) end(e *entry) {
	l.ended++
	if l.ended*2 > len(l.entries) {
		l.entries = slices.DeleteFunc(l.entries, func(other *entry) bool { return other == e || other.push == nil })
		l.ended = 0
	}
}

// cursor is a place in a list.
type cursor struct {
	entries []*entry // what is left of it
}

// cursors are places in the lists of a page's labels, behind a place in the log.
func (x *index) cursors(labels label.Set, after uint64, to []cursor) []cursor {
	to = x.all.behind(after, to)
	key := ""
	for l := range labels.All() {
		if l.Key != key {
			key = l.Key
			to = x.byCondition[audience.Condition{Key: key, Any: true}].behind(after, to)
		}
		to = x.byCondition[audience.Condition{Key: l.Key, Value: l.Value}].behind(after, to)
	}
	return to
}

// behind adds the place in a list behind a place in the log, if there is something.
func (l *list) behind(after uint64, to []cursor) []cursor {
	if l == nil {
		return to
	}
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].seq > after })
	if i == len(l.entries) {
		return to
	}
	return append(to, cursor{l.entries[i:]})
}

// next takes the next push out of the lists, which is in several of them if it was filed under several labels of the page.
func next(cursors []cursor) *entry {
	var first *entry
	for i := range cursors {
		if c := &cursors[i]; len(c.entries) > 0 && (first == nil || c.entries[0].seq < first.seq) {
			first = c.entries[0]
		}
	}
	if first == nil {
		return nil
	}
	for i := range cursors {
		if c := &cursors[i]; len(c.entries) > 0 && c.entries[0] == first {
			c.entries = c.entries[1:]
		}
	}
	return first
}
