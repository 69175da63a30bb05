package hub

import (
	"sync"

	"scenecast"
	"scenecast/audience"
	"scenecast/index"
	"scenecast/scenes"
)

// sceneCount is a query about scenes on its way through one shard. It chooses the members in its turn among the pushes, and then counts them
// in slices that no push waits for: each counts in the scenes that it is in when its slice comes, and not if it has left by then. A shard does
// one at a time, so that memory is bounded.
type sceneCount struct {
	shard *Shard
	query scenecast.Query
	table *scenes.Table
	done  func(*sceneCount)

	matched  int
	position scenecast.Position
	left     []scenecast.Slot // the members
	next     int              // where among them it goes on
	step     int              // from each to the next one, round about
	counted  int              // of them, those that it has come by
	columns  index.Columns
	name     []byte
}

// sliceOfScenes is how many members, and scenes of theirs, a slice counts; it takes less than 100 µs.
const sliceOfScenes = 128

// maxScenesAtOnce is how many members may be counted by way of their values, and of how many values, without slices.
const maxScenesAtOnce = 1 << 17

// answerScenes answers a query about scenes.
func (h *Hub) answerScenes(q scenecast.Query, report func(scenecast.Reply)) {
	var mu sync.Mutex
	var all []*sceneCount
	missing := len(h.shards)
	done := func(c *sceneCount) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, c)
		if missing--; missing == 0 {
			go func() { report(h.sumScenes(q, all)) }() // it sorts all scenes, which no loop has the time for
		}
	}
	for _, s := range h.shards {
		c := &sceneCount{shard: s, query: q, table: scenes.NewTable(len(h.shards)), done: done}
		posted := s.loop.Post(func() {
			begin := func() (done bool) {
				c.begin()
				s.queueScenes(c)
				return true
			}
			if s.inTurn() {
				begin()
			} else {
				s.queueTurn(begin)
			}
		})
		if !posted {
			done(c)
		}
	}
}

// sumScenes makes an answer of what the shards have counted.
func (h *Hub) sumScenes(q scenecast.Query, all []*sceneCount) scenecast.Reply {
	r := scenecast.Reply{Tally: scenecast.Tally{Nodes: 1}}
	tables := make([]*scenes.Table, 0, len(all))
	for _, c := range all {
		r.Add(scenecast.Reply{Tally: scenecast.Tally{Matched: c.matched}, Position: c.position})
		tables = append(tables, c.table)
	}
	r.ByNode = []scenecast.NodeCount{{Node: h.node, Matched: r.Tally.Matched}}
	r.Scenes = scenes.Merge(q.Scenes.By, q.Scenes.Limit, tables)
	return r
}

// queueScenes has the scenes be counted when those are that were queued before.
func (s *Shard) queueScenes(c *sceneCount) {
	s.sceneCounts = append(s.sceneCounts, c)
	if len(s.sceneCounts) > 1 || s.loop.PostBackground(s.countScenes) {
		return
	}
	for s.countScenes() { // the loop is about to stop
	}
}

// countScenes runs a slice of what is first. It reports whether there is more to do.
func (s *Shard) countScenes() bool {
	if c := s.sceneCounts[0]; c.slice() {
		s.sceneCounts[0] = nil
		s.sceneCounts = s.sceneCounts[1:]
		c.done(c)
	}
	return len(s.sceneCounts) > 0
}

// begin chooses the members.
func (c *sceneCount) begin() {
	s := c.shard
	c.position = s.position
	app := s.apps[c.query.App]
	if app == nil || c.byValues(app.index) {
		return
	}
	chosen := s.choose(c.query.App, c.query.To)
	c.matched = len(chosen)
	c.left = make([]scenecast.Slot, len(chosen))
	for i, index := range chosen {
		c.left[i] = s.slot(index)
	}
	c.step = 1
	if !c.table.Fits(len(chosen)) {
		c.step = stride(len(chosen))
	}
}

// byValues counts by way of the index, where that has the figures: of everybody, by a key with few values.
func (c *sceneCount) byValues(x *index.Index) bool {
	by := c.query.Scenes.By
	if len(by) != 1 || c.query.To.Root().Op != audience.OpEverybody || x.Distinct(by[0]) > maxValuesAtOnce || x.Len() > maxScenesAtOnce {
		return false
	}
	has, err := audience.Parse("has(" + by[0] + ")")
	if err != nil { // the key is none that anybody can have
		return false
	}
	c.matched = x.Len()
	for value, n := range x.Values(by[0]) {
		c.table.Add(scenes.AppendValue(nil, []byte(value)), n)
	}
	if none := x.Len() - x.Count(has); none > 0 {
		c.table.Add(scenes.AppendNone(nil), none)
	}
	return true
}

// slice counts some of the members. It reports whether it has counted all.
func (c *sceneCount) slice() (done bool) {
	s := c.shard
	app := s.apps[c.query.App]
	if app == nil { // all have left
		return true
	}
	c.columns = app.index.Columns(c.query.Scenes.By, c.columns)
	for budget := sliceOfScenes; budget > 0 && c.counted < len(c.left); c.counted++ {
		slot := c.left[c.next]
		c.next = (c.next + c.step) % len(c.left)
		budget--
		if s.at(slot) != nil {
			budget -= c.count(c.columns.Of(slot.Index), c.name[:0])
		}
	}
	return c.counted == len(c.left)
}

// count counts a member in each scene that it is in: for each key, with one of the values. It returns in how many.
func (c *sceneCount) count(values [][][]byte, name []byte) (n int) {
	if len(values) == 0 {
		c.table.Add(name, 1)
		c.name = name
		return 1
	}
	if len(values[0]) == 0 {
		return c.count(values[1:], scenes.AppendNone(name))
	}
	for _, value := range values[0] {
		n += c.count(values[1:], scenes.AppendValue(name, value))
	}
	return n
}

// stride is a step by which one comes by all of n places in an order that has nothing to do with theirs.
func stride(n int) int {
	step := max(1, int(uint64(n)*0x9e3779b9>>32)) // by the golden section
	for gcd(step, n) != 1 {
		step++
	}
	return step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
