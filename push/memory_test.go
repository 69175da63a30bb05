package push_test

import (
	"encoding/json"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/engine/memory"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/push"
)

// page is a node with one connection, which keeps what it gets.
type page struct {
	labels label.Set
	got    []scenecast.Push
}

func (p *page) Deliver(m *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	t := p.tally(m.To)
	if t.Queued = t.Matched; t.Matched > 0 {
		p.got = append(p.got, *m)
	}
	report(t, true)
}

func (p *page) Skip(scenecast.GapNotice) {}

func (p *page) Received([]byte) {}

func (p *page) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	report(scenecast.Reply{Tally: p.tally(q.To)})
}

func (p *page) tally(to audience.Expr) scenecast.Tally {
	if to.Match(p.labels) {
		return scenecast.Tally{Matched: 1, Nodes: 1}
	}
	return scenecast.Tally{Nodes: 1}
}

// TestMemory: the service on the engine of a single node.
func TestMemory(t *testing.T) {
	node := &page{labels: label.New(label.Label{Key: "page", Value: "home"})}
	e := memory.New(memory.Options{})
	_ = e.Start(t.Context(), node)
	s := push.NewService(e, push.DefaultLimits, nil)
	var last scenecast.Position
	for _, c := range []struct {
		to   string
		dry  bool
		want scenecast.Tally
		got  int // messages that the page has then
	}{
		{`page == "home"`, true, scenecast.Tally{Matched: 1, Nodes: 1}, 0},
		{`page == "home"`, false, scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, 1},
		{`page == "list"`, true, scenecast.Tally{Nodes: 1}, 1},
		{`page == "list"`, false, scenecast.Tally{Nodes: 1}, 1},
		{`*`, false, scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, 2},
	} {
		r, err := s.Push(t.Context(), shop, push.Request{To: parse(t, c.to), Message: json.RawMessage(`1`), DryRun: c.dry})
		if err != nil || r.Tally != c.want || r.Known != 1 || len(node.got) != c.got {
			t.Errorf("to %s, dry run %v: %+v, %v, and the page has %d messages, want %+v and %d", c.to, c.dry, r, err, len(node.got), c.want, c.got)
		}
		if c.dry {
			if r.ID != "" || r.Position != (scenecast.Position{}) {
				t.Errorf("a dry run to %s has an ID or a position: %+v", c.to, r)
			}
			continue
		}
		if r.Position.Seq != last.Seq+1 || r.ID == "" {
			t.Errorf("to %s: %+v does not follow on position %v", c.to, r, last)
		}
		last = r.Position
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{false, true} {
		r := push.Request{To: audience.Everybody(), Message: json.RawMessage(`1`), DryRun: dry}
		if _, err := s.Push(t.Context(), shop, r); err == nil || problem.Of(err).Kind != problem.Unavailable {
			t.Errorf("dry run %v on a closed engine: %v, want it unavailable", dry, err)
		}
	}
}
