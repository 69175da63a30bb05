package index

// Columns reads members' values of some keys without spelling out their other labels. It is good until the index changes, and what it has
// returned until the next call. It allocates nothing that the one before has not allocated.
type Columns struct {
	x      *Index
	keys   []ref // 0: no member has the key
	values [][][]byte
}

// Columns are those of these keys; the memory of an earlier value is used again.
func (x *Index) Columns(keys []string, again Columns) Columns {
	c := Columns{x, again.keys[:0], again.values}
	for _, key := range keys {
		c.keys = append(c.keys, x.labels.keys.byName[key])
	}
	for len(c.values) < len(keys) {
		c.values = append(c.values, nil)
	}
	return c
}

// Of are a member's values of each key, which may be none.
func (c *Columns) Of(member uint32) [][][]byte {
	c.x.must(member)
	values := c.values[:len(c.keys)]
	for i := range values {
		values[i] = values[i][:0]
	}
	for _, e := range c.x.members.of(member) {
		it := c.x.labels.items.item(e.label)
		for i, key := range c.keys {
			if it.key == key {
				values[i] = append(values[i], c.x.labels.texts.bytes(&it.value))
			}
		}
	}
	return values
}
