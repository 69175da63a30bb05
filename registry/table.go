package registry

import (
	"time"

	"scenecast"
)

// table is what the hash is to have of this node, and what of that has not been written. It belongs to the writer.
//
// It is bounded by the connections that there are: one that has ended is kept only until its field is deleted, and while Redis is away
// not at all, because what has been missed is then found by comparing the hash with the table.
type table struct {
	entries map[scenecast.ConnID]*entry
	live    int                // how many entries are of connections that have not ended
	dirty   []scenecast.ConnID // whose entries are to be written, the oldest change first; some may have gone
	away    bool               // nothing is written, so nothing is noted
}

type entry struct {
	value   string
	since   time.Time
	dirty   bool // it is in the list
	written bool // the hash may have its field
	ended   bool // its field is to be deleted
}

// apply takes over changes among the connections of a node.
func (t *table) apply(node scenecast.NodeID, events []event) {
	var b []byte
	for _, ev := range events {
		if ev.ended {
			t.end(ev.id)
			continue
		}
		e := t.entries[ev.id]
		if e == nil {
			e = &entry{since: ev.since}
			t.entries[ev.id] = e
			t.live++
		}
		ev.since = e.since // not when it was relabelled
		b = appendValue(b[:0], node, ev.connection)
		e.value = string(b)
		t.note(ev.id, e)
	}
}

// end notes that a connection has ended.
func (t *table) end(id scenecast.ConnID) {
	e := t.entries[id]
	if e == nil || e.ended {
		return
	}
	t.live--
	switch {
	case t.away || !e.written:
		delete(t.entries, id)
	default:
		e.value, e.ended = "", true
		t.note(id, e)
	}
}

func (t *table) note(id scenecast.ConnID, e *entry) {
	if !t.away && !e.dirty {
		e.dirty = true
		t.dirty = append(t.dirty, id)
	}
}

// batch is a step of what is to be written.
type batch struct {
	ids   []scenecast.ConnID // that are set, then those that have ended
	sets  []string           // fields and values in turn
	ended []string           // fields
}

// take takes the oldest changes, up to so many connections and, with the last of them, about so many bytes. Confirm or lose follows.
func (t *table) take(maxCount, maxBytes int) (b batch) {
	var ended []scenecast.ConnID
	bytes, n := 0, 0
	for ; n < len(t.dirty) && len(b.ids)+len(ended) < maxCount && bytes < maxBytes; n++ {
		id := t.dirty[n]
		e := t.entries[id]
		if e == nil {
			continue
		}
		e.dirty = false
		if e.ended {
			ended = append(ended, id)
			b.ended = append(b.ended, id.String())
			continue
		}
		e.written = true
		b.ids = append(b.ids, id)
		b.sets = append(b.sets, id.String(), e.value)
		bytes += len(e.value)
	}
	b.ids = append(b.ids, ended...)
	if t.dirty = t.dirty[n:]; len(t.dirty) == 0 {
		t.dirty = nil
	}
	return b
}

// maxSampled bounds the entries that are looked at for a sample.
const maxSampled = 16

// sample is one of the fields that the hash has as soon as everything that was taken is written, another one each time; empty: none was
// found.
func (t *table) sample() string {
	n := 0
	for id, e := range t.entries {
		if e.written && !e.dirty && !e.ended {
			return id.String()
		}
		if n++; n == maxSampled {
			break
		}
	}
	return ""
}

// confirm forgets the connections that have ended and whose fields are deleted now.
func (t *table) confirm(b batch) {
	for _, id := range b.ids[len(b.sets)/2:] {
		delete(t.entries, id)
	}
}

// isClean reports whether everything has been taken.
func (t *table) isClean() bool {
	return len(t.dirty) == 0
}

// lose has nothing noted any more until restart: Redis is away.
func (t *table) lose() {
	t.away, t.dirty = true, nil
	for id, e := range t.entries {
		if e.ended {
			delete(t.entries, id)
		}
	}
}

// restart notes everything as to be written, and reports how much that is. Fields of connections that have ended are none of it.
func (t *table) restart() int {
	t.away = false
	t.dirty = make([]scenecast.ConnID, 0, len(t.entries))
	for id, e := range t.entries {
		e.dirty = true
		t.dirty = append(t.dirty, id)
	}
	return len(t.entries)
}

// has reports whether a field of the hash may be there: its connection has not ended, or its deletion is noted.
func (t *table) has(field string) bool {
	id, err := scenecast.ParseConnID(field)
	if err != nil {
		return false
	}
	return t.entries[id] != nil
}

// isEmpty reports whether the hash has no field of the node any more, as far as the table knows.
func (t *table) isEmpty() bool {
	return len(t.entries) == 0
}
