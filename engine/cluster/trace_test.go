package cluster

import (
	"fmt"
	"strings"

	"scenecast/audience"
)

// trace is what is in the log and at the nodes at the end, and what publishers were told.
func (m *model) trace() string {
	var b strings.Builder
	for _, e := range m.log.entries {
		if e.epoch != 0 {
			fmt.Fprintf(&b, "epoch %d begins behind %d; the one before ended with %d\n", e.epoch, e.number, e.previousEnd)
			continue
		}
		r, _ := decodeRecord(e.record, audience.Parse)
		fmt.Fprintf(&b, "record %d at %v, of node %d its %d:", e.number, e.at.Sub(m.begun), r.origin, r.number)
		for _, p := range r.pushes {
			fmt.Fprintf(&b, " %s(%s)", p.ID, p.IdempotencyKey)
		}
		b.WriteString("\n")
	}
	for i, s := range append(m.sinks, m.dead...) {
		fmt.Fprintf(&b, "node %d got:", i)
		for _, p := range s.pushes() {
			fmt.Fprintf(&b, " %s(%s)@%v", p.ID, p.IdempotencyKey, p.Position)
		}
		b.WriteString("\n")
	}
	for _, p := range m.pages {
		fmt.Fprintf(&b, "%s has shown: %v\n", p.name, p.shown)
	}
	for _, o := range m.outcomes {
		fmt.Fprintf(&b, "%s(%s) was answered after %v: %+v, %v\n", o.id, o.key, o.took, o.got, o.err)
	}
	return b.String()
}
