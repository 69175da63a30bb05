package hub

import (
	"encoding/json"
	"time"

	"scenecast"
	"scenecast/label"
)

// revoked is how pages end whose token was revoked.
var revoked = scenecast.EndingBy(scenecast.CauseTokenRevoked, "the page's token was revoked")

// deliverRevocation puts a revocation from the log in force: tokens that match let nobody in from now on, and pages that have shown one are
// closed. What is reported as matched are these.
func (h *Hub) deliverRevocation(p *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	var r scenecast.Revocation
	if err := json.Unmarshal(p.Message.Data, &r); err != nil {
		h.logger.Error("hub: a revocation in the log cannot be read, and is not in force on this node", "id", p.ID, "err", err)
	} else {
		h.revocations.Add(r, p.At) // before any loop looks at its pages: those that come later are checked against the list
	}
	sum := newSum(len(h.shards), scenecast.Tally{Nodes: 1}, func(t scenecast.Tally) { report(t, true) })
	for _, s := range h.shards {
		w := &revocationWalk{shard: s, position: p.Position, done: sum.add}
		if r.App != "" && time.Now().Before(r.Until) {
			w.revocation = &r
		}
		posted := s.loop.Post(func() {
			if !s.inTurn() || !w.step() {
				s.queueTurn(w.step)
			}
		})
		if !posted {
			sum.add(scenecast.Tally{})
		}
	}
}

// revocationWalk goes through the tokens of one shard, in slices.
type revocationWalk struct {
	shard      *Shard
	position   scenecast.Position
	revocation *scenecast.Revocation // nil: there is nothing to do but to be at this position
	done       func(scenecast.Tally)

	begun bool
	left  []scenecast.Slot // with tokens, that are left to be looked at
	tally scenecast.Tally
}

// step does a slice. It reports whether the walk has ended.
func (w *revocationWalk) step() (done bool) {
	s := w.shard
	if !w.begun {
		w.begun = true
		s.moveTo(w.position)
		if w.revocation != nil {
			w.left = make([]scenecast.Slot, 0, len(s.tokens.byIndex))
			for index := range s.tokens.byIndex {
				w.left = append(w.left, s.slot(index))
			}
		}
	}
	closings := 0
	for n := 0; n < sliceOfWalk && closings < sliceOfClosing && len(w.left) > 0; n++ {
		slot := w.left[0]
		w.left = w.left[1:]
		m := s.at(slot)
		if m == nil || s.app(m).app != w.revocation.App || !w.revocation.Matches(s.tokenOf(slot.Index, m)) {
			continue
		}
		w.tally.Matched++
		closings++
		s.close(slot, revoked)
	}
	if len(w.left) > 0 {
		return false
	}
	w.done(w.tally)
	return true
}

// tokenOf is what a member's token says: its labels, and of itself.
func (s *Shard) tokenOf(index uint32, m *member) (label.Set, scenecast.Token) {
	state := s.tokens.byIndex[index]
	if state == nil {
		return label.Set{}, scenecast.Token{}
	}
	t := s.trusts.of(m.trust)
	var of []label.Label
	for _, key := range t.token {
		for l := range s.app(m).index.Labels(index).Of(key).All() {
			of = append(of, l)
		}
	}
	return label.New(of...), state.Token
}
