package hub

import (
	"maps"
	"slices"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
)

// answer is a query on its way through one shard. What is to be done for each of many members is done in slices; see turns.go.
type answer struct {
	shard *Shard
	query scenecast.Query
	done  func(scenecast.Reply)

	begun bool
	left  []scenecast.Slot          // the members that are left to be gone through; some may have left meanwhile
	each  func(slot scenecast.Slot) // what is done with each
	slice int                       // how many members a slice goes through; they take less than 100 µs
	then  func()                    // what comes behind the last one, and may go through others; nil: the answer
	reply scenecast.Reply
}

// How many members a slice goes through.
const (
	sliceOfList       = 64
	sliceOfAddresses  = 64 // the kernel is asked for each
	sliceOfRelabel    = 16
	sliceOfDisconnect = 8
)

// maxValuesAtOnce is how many values of a key are told without slices.
const maxValuesAtOnce = 512

// step does a slice. It reports whether the answer was given.
func (a *answer) step() (done bool) {
	if !a.begun {
		a.begun = true
		a.begin()
	}
	n := min(a.slice, len(a.left))
	for _, slot := range a.left[:n] {
		if a.shard.at(slot) != nil {
			a.each(slot)
		}
	}
	if a.left = a.left[n:]; len(a.left) > 0 {
		return false
	}
	if then := a.then; then != nil {
		a.then = nil
		then()
		return false
	}
	a.done(a.reply)
	return true
}

// begin chooses the members. From then on only those count, each with the labels that it has in its slice.
func (a *answer) begin() {
	s, q := a.shard, a.query
	a.reply.Position = s.position
	app := s.apps[q.App]
	switch {
	case app == nil:
	case q.Endings != nil: // which the hub knows
	case q.Values != nil:
		a.values(app)
	case q.Keys != nil:
		a.keys(app)
	case q.List != nil && q.List.From.IsValid():
		a.listFrom(app)
	case q.List != nil:
		a.list(app)
	case q.Relabel != nil:
		a.goThrough(s.choose(q.App, q.To), sliceOfRelabel, a.relabel)
	case q.Disconnect != nil:
		a.goThrough(s.choose(q.App, q.To), sliceOfDisconnect, func(slot scenecast.Slot) { s.close(slot, q.Disconnect.Ending) })
	default:
		a.reply.Tally.Matched = app.index.Count(q.To)
	}
}

// goThrough has something done with each of the chosen members.
func (a *answer) goThrough(chosen []uint32, slice int, each func(slot scenecast.Slot)) {
	a.reply.Tally.Matched = len(chosen)
	a.slice, a.each = slice, each
	a.left = make([]scenecast.Slot, len(chosen))
	for i, index := range chosen {
		a.left[i] = a.shard.slot(index)
	}
}

// values counts the values of a key: by way of the index where that is for everybody, and otherwise member by member.
func (a *answer) values(app *appIndex) {
	key := a.query.Values.Key
	if a.query.To.Root().Op == audience.OpEverybody && app.index.Distinct(key) <= maxValuesAtOnce {
		a.reply.Tally.Matched = app.index.Len()
		a.reply.Values = maps.Collect(app.index.Values(key))
		return
	}
	a.reply.Values = make(map[string]int)
	a.goThrough(a.shard.choose(a.query.App, a.query.To), sliceOfList, func(slot scenecast.Slot) {
		for _, value := range app.index.Labels(slot.Index).Values(key) {
			a.reply.Values[value]++
		}
	})
}

// keys counts the members that have each key.
func (a *answer) keys(app *appIndex) {
	a.reply.Keys = make(map[string]int)
	var keys []string
	a.goThrough(a.shard.choose(a.query.App, a.query.To), sliceOfList, func(slot scenecast.Slot) {
		keys = app.index.AppendKeys(slot.Index, keys[:0])
		for _, key := range keys {
			a.reply.Keys[key]++
		}
	})
}

// list tells of the connections behind the cursor; of more than the limit, of those that come first.
func (a *answer) list(app *appIndex) {
	s, list := a.shard, a.query.List
	chosen := s.choose(a.query.App, a.query.To)
	first := firstMembers{max: list.Limit}
	for _, i := range chosen {
		if id := s.id(s.members.at(i)); id.Compare(list.After) > 0 {
			first.offer(id, i)
		}
	}
	matched := len(chosen)
	a.goThrough(first.indexes(), sliceOfList, func(slot scenecast.Slot) {
		labels := a.tell(app, slot)
		if list.Detail && matched == 1 {
			a.reply.Detail = s.detail(slot, labels)
		}
	})
	a.reply.Tally.Matched = matched
}

// tell adds a member to the list.
func (a *answer) tell(app *appIndex, slot scenecast.Slot) label.Set {
	labels := app.index.Labels(slot.Index)
	a.reply.Connections = append(a.reply.Connections, scenecast.Connection{ID: a.shard.id(a.shard.members.at(slot.Index)), Labels: labels})
	return labels
}

// listFrom is list, of those that come from a network. No index has addresses, so all that are chosen are gone through: first to see where they
// come from, and then, of those that come first, to tell of them.
func (a *answer) listFrom(app *appIndex) {
	s, list := a.shard, a.query.List
	first, matched := firstMembers{max: list.Limit}, 0
	a.goThrough(s.choose(a.query.App, a.query.To), sliceOfAddresses, func(slot scenecast.Slot) {
		if !list.From.Contains(s.from(slot, s.socketState(slot).Peer)) {
			return
		}
		matched++
		if id := s.id(s.members.at(slot.Index)); id.Compare(list.After) > 0 {
			first.offer(id, slot.Index)
		}
	})
	a.reply.Tally.Matched = 0
	a.then = func() {
		first.cut()
		here := slices.DeleteFunc(first.all, func(m identified) bool { return s.id(s.members.at(m.index)) != m.id }) // another has the slot
		a.goThrough(indexesOf(here), sliceOfList, func(slot scenecast.Slot) { a.tell(app, slot) })
		a.reply.Tally.Matched = matched
	}
}

// relabel changes a member's labels in the name of the backend.
func (a *answer) relabel(slot scenecast.Slot) {
	s, change := a.shard, a.query.Relabel.Change
	m := s.members.at(slot.Index)
	before := s.app(m).index.Labels(slot.Index)
	next := before.Apply(change)
	if s.hub.limits.Load().Check(next) != nil {
		return
	}
	trusted := m.trust
	m.trust = s.trusts.acquire(s.trusts.of(trusted).afterChange(change))
	s.trusts.release(trusted)
	s.relabel(slot, before, next)
	s.saveLabels(m, next)
	a.reply.Changed++
}
