package cluster

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/scenes"
	"scenecast/series"
)

// TestScenesOfSeveralNodes: what nodes count adds up; one that does not answer and one of a version that counts connections instead are
// missing in all figures, and said to be.
func TestScenesOfSeveralNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, 1, faults{})
		defer c.close()
		home, list := label.New(label.Label{Key: "page", Value: "home"}), label.New(label.Label{Key: "page", Value: "list"})
		for i, told := range [][]scenes.Scene{{{Labels: home, Matched: 3}, {Labels: list, Matched: 1}}, {{Labels: home, Matched: 2}}} {
			c.sinks[i].set(func(s *sink) {
				s.reply = func(q scenecast.Query) scenecast.Reply {
					counts := &scenes.Counts{By: q.Scenes.By, Scenes: told}
					for _, scene := range told {
						counts.Counted += scene.Matched
					}
					return scenecast.Reply{Tally: scenecast.Tally{Matched: counts.Counted, Nodes: 1}, Scenes: counts}
				}
			})
		}
		c.sinks[2].set(func(s *sink) {
			s.reply = func(scenecast.Query) scenecast.Reply {
				return scenecast.Reply{Tally: scenecast.Tally{Matched: 100, Nodes: 1}}
			}
		})
		time.Sleep(2 * time.Second) // all have beaten
		c.kill(3)
		r, err := c.engines[0].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody(), Scenes: &scenecast.Scenes{By: []string{"page"}, Limit: 10}})
		if err != nil || r.Tally.Nodes != 2 || r.Known != 4 || r.Tally.Matched != 6 {
			t.Fatalf("%+v, %v; want 2 nodes of 4, and their 6", r, err)
		}
		largest := r.Scenes.Largest(10)
		if len(largest) != 2 || !largest[0].Labels.Equal(home) || largest[0].Matched != 5 || largest[1].Matched != 1 || r.Scenes.Counted != 6 {
			t.Errorf("%+v", r.Scenes)
		}
		for i := range 2 {
			c.sinks[i].set(func(s *sink) {
				s.reply = func(q scenecast.Query) scenecast.Reply {
					return scenecast.Reply{Tally: scenecast.Tally{Nodes: 1}, Stats: []scenecast.NodeStats{{Node: scenecast.NodeID(i), Series: series.Series{From: q.Stats.UpTo, Pages: []int64{5}}}}}
				}
			})
		}
		r, err = c.engines[1].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody(), Stats: &scenecast.Stats{All: true, UpTo: 1 << 30, Steps: 1}})
		if err != nil || r.Tally.Nodes != 2 || r.Known != 4 || len(r.Stats) != 2 || r.Stats[0].Series.From != 1<<30 {
			t.Errorf("figures: %+v, %v; want those of 2 nodes of 4", r, err)
		}
		for i := range 2 {
			c.sinks[i].set(func(s *sink) {
				s.reply = func(q scenecast.Query) scenecast.Reply {
					r := scenecast.Reply{Tally: scenecast.Tally{Matched: 2, Nodes: 1}}
					if q.Keys != nil {
						r.Keys = []map[string]int{{}, {"page": 3}}[i] // none is an answer, too
					}
					if q.Endings != nil {
						r.Endings = [][]scenecast.PastEnding{{}, {{Cause: "page"}}}[i]
					}
					if q.List != nil {
						r.Filtered = q.List.From == netip.MustParsePrefix("10.0.0.0/8") && q.List.Limit == 5
						r.Connections = []scenecast.Connection{{ID: scenecast.ConnID{Node: scenecast.NodeID(i + 1), Seq: 1}, Labels: home}}
					}
					return r
				}
			})
		}
		c.sinks[2].set(func(s *sink) { // it lists connections from anywhere
			s.reply = func(scenecast.Query) scenecast.Reply {
				return scenecast.Reply{Tally: scenecast.Tally{Matched: 100, Nodes: 1}, Connections: []scenecast.Connection{{ID: scenecast.ConnID{Node: 3, Seq: 1}, Labels: list}}}
			}
		})
		for i := range 2 {
			r, err = c.engines[i].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody(), Keys: &scenecast.Keys{}})
			if err != nil || r.Tally.Nodes != 2 || r.Known != 4 || len(r.Keys) != 1 || r.Keys["page"] != 3 {
				t.Errorf("keys, asked of %d: %+v, %v; want those of 2 nodes of 4", i, r, err)
			}
			r, err = c.engines[i].Ask(t.Context(), scenecast.Query{App: "app", Endings: &scenecast.Endings{Page: "p"}})
			if err != nil || r.Tally.Nodes != 2 || r.Known != 4 || len(r.Endings) != 1 {
				t.Errorf("endings, asked of %d: %+v, %v; want those of 2 nodes of 4", i, r, err)
			}
			from := scenecast.List{Limit: 5, From: netip.MustParsePrefix("10.0.0.0/8")}
			r, err = c.engines[i].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody(), List: &from})
			if err != nil || r.Tally.Nodes != 2 || r.Known != 4 || r.Tally.Matched != 4 || len(r.Connections) != 2 || !r.Filtered {
				t.Errorf("by address, asked of %d: %+v, %v; want the connections of 2 nodes of 4", i, r, err)
			}
		}
		r, err = c.engines[0].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody(), List: &scenecast.List{Limit: 5}})
		if err != nil || r.Tally.Nodes != 3 || len(r.Connections) != 3 {
			t.Errorf("from anywhere: %+v, %v; want the connections of 3 nodes", r, err)
		}
		for i := range 2 {
			c.sinks[i].set(func(s *sink) { s.reply = nil })
		}
		r, err = c.engines[2].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody()})
		if err != nil || r.Tally.Nodes != 3 || r.Tally.Matched != 100 {
			t.Errorf("a count: %+v, %v", r, err)
		}
	})
}
