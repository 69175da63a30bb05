package presencetest

import (
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"scenecast/label"
	"scenecast/presence"
	"scenecast/presence/presencemodel"
)

// patience is how long nodes may take to agree on a machine that is busy.
const patience = 2 * time.Minute

// agree waits until all nodes that hear each other agree on who is where, with their pages and with the model.
func (r *run) agree(when string) {
	r.t.Helper()
	var faults []string
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		faults = nil
		for _, side := range r.sides() {
			faults = append(faults, check(side)...)
		}
		r.checkTold()
		if len(faults) == 0 || r.t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			for i, n := range r.nodes {
				r.t.Logf("node %d is %v, knows %v, and has %d pages; cut off %v, dead %v", i, n.id, n.known(), len(n.pages), n.cut, n.dead)
			}
			r.t.Fatalf("%s, not within %v:\n%s", when, patience, strings.Join(faults, "\n"))
		}
	}
}

// sides are the nodes that hear each other. Dead ones are of none.
func (r *run) sides() (sides [][]*node) {
	var together []*node
	for _, n := range r.nodes {
		switch {
		case n.dead:
		case n.cut:
			sides = append(sides, []*node{n})
		default:
			together = append(together, n)
		}
	}
	return append(sides, together)
}

// checkTold: whatever a page was told has fitted what it knew.
func (r *run) checkTold() {
	for _, p := range r.allPages() {
		p.mu.Lock()
		for _, fault := range p.faults {
			r.t.Error(fault)
		}
		p.faults = nil
		p.mu.Unlock()
	}
}

// allPages are those that there are and were.
func (r *run) allPages() (pages []*page) {
	pages = append(pages, r.gone...)
	for _, n := range r.nodes {
		pages = append(pages, n.pages...)
	}
	return pages
}

// check compares what nodes that hear each other know with their pages.
func check(nodes []*node) (faults []string) {
	pages := labelsOf(nodes)
	scenes := presencemodel.Scenes(pages)
	members := make(map[presencemodel.Scene]map[string]presence.Member) // as the first node has them
	for scene := range scenes {
		members[scene] = nodes[0].members(scene)
	}
	for _, n := range nodes {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Sprintf("node %v: ", n.id)+fmt.Sprintf(format, args...))
		}
		n.checkScenes(scenes, fault)
		for scene, first := range members {
			for user, m := range n.members(scene) {
				if of := first[user]; !of.Shows.Equal(m.Shows) || !of.Since.Equal(m.Since) {
					fault("%s in %v is %+v, and at node %v %+v", user, scene, m, nodes[0].id, of)
				}
				if !presencemodel.MayShow(pages, scene, user, m.Shows) {
					fault("%s in %v shows %s, and none of its pages does", user, scene, presencemodel.Text(m.Shows))
				}
			}
		}
		shows := func(scene presencemodel.Scene, user string) label.Set { return members[scene][user].Shows }
		for _, p := range n.pages {
			p.mu.Lock()
			for _, f := range p.views.Check(p.labels, scenes, shows) {
				fault("page %s %s", p.id, f)
			}
			p.mu.Unlock()
		}
	}
	return faults
}

func labelsOf(nodes []*node) iter.Seq[label.Set] {
	return func(yield func(label.Set) bool) {
		for _, n := range nodes {
			for _, p := range n.pages {
				if !yield(p.labels) {
					return
				}
			}
		}
	}
}

// members are those of a scene as a node knows them, by user.
func (n *node) members(scene presencemodel.Scene) map[string]presence.Member {
	members := make(map[string]presence.Member)
	list, _ := n.presence.Scene(presence.SceneID{App: app, Key: scene.Key, Value: scene.Value}, "", 1000)
	for _, m := range list {
		members[m.User] = m
	}
	return members
}

// checkScenes compares a node's lists and figures with who is where.
func (n *node) checkScenes(scenes map[presencemodel.Scene]*presencemodel.Who, fault func(format string, args ...any)) {
	all := 0
	for scene, want := range scenes {
		counts := make(map[string]int)
		for user, m := range n.members(scene) {
			counts[user] = m.Connections
		}
		_, got := n.presence.Scene(presence.SceneID{App: app, Key: scene.Key, Value: scene.Value}, "", 0)
		if !maps.Equal(counts, want.Members) || got.Members != len(want.Members) || got.Anonymous != want.Anonymous {
			fault("%v has %v and is %+v, want %+v", scene, counts, got, *want)
		}
		all += len(want.Members)
	}
	for _, k := range keys {
		listed, total := n.presence.Scenes(app, k.Name, "", 1000)
		if total != len(listed) {
			fault("%d scenes of %s are listed, and there are %d", len(listed), k.Name, total)
		}
		for _, s := range listed {
			if scenes[presencemodel.Scene{Key: k.Name, Value: s.Value}] == nil {
				fault("%s=%s is listed as %+v, and no page is there", k.Name, s.Value, s)
			}
		}
	}
	watching := 0
	for _, p := range n.pages {
		for _, key := range p.watches() {
			watching += len(p.labels.Values(key))
		}
	}
	if got := n.presence.Stats(); got.Scenes != len(scenes) || got.Members != all || got.Watching != watching {
		fault("the figures are %+v, want %d scenes, %d members, %d watched", got, len(scenes), all, watching)
	}
}
