package presence

import (
	"fmt"
	"maps"
	"strings"

	"scenecast/label"
	"scenecast/presence/presencemodel"
)

// pages are the labels of all pages that there are.
func (m *model) pages(yield func(label.Set) bool) {
	for _, n := range m.nodes {
		for _, p := range n.pages {
			if !yield(p.labels) {
				return
			}
		}
	}
}

// expected is who is in which scene, by the pages that there are.
func (m *model) expected() (members map[SceneID]map[string]int, anonymous map[SceneID]int) {
	members, anonymous = make(map[SceneID]map[string]int), make(map[SceneID]int)
	for scene, who := range presencemodel.Scenes(m.pages) {
		id := SceneID{"shop", scene.Key, scene.Value}
		members[id], anonymous[id] = who.Members, who.Anonymous
	}
	return members, anonymous
}

func (m *model) check() {
	members, anonymous := m.expected()
	shows := make(map[SceneID]map[string]Member)
	for i, n := range m.nodes {
		values := make(map[SceneID]bool)
		for _, k := range modelKeys {
			scenes, total := n.state.Values("shop", k.Name, "", 1000)
			if total != len(scenes) {
				m.t.Errorf("node %d: %d scenes, and tells %d", n.id, total, len(scenes))
			}
			for _, s := range scenes {
				values[SceneID{"shop", k.Name, s.Value}] = true
			}
		}
		for id, want := range members {
			got, scene := n.state.Members(id, "", 1000)
			counts := make(map[string]int)
			for _, g := range got {
				counts[g.User] = g.Connections
			}
			if !maps.Equal(counts, want) || scene.Anonymous != anonymous[id] || scene.Members != len(want) {
				m.t.Errorf("node %d, scene %v: %v and %+v, want %v and %d", n.id, id, counts, scene, want, anonymous[id])
			}
			if !values[id] {
				m.t.Errorf("node %d does not tell of scene %v", n.id, id)
			}
			delete(values, id)
			for _, g := range got {
				if i == 0 {
					if shows[id] == nil {
						shows[id] = make(map[string]Member)
					}
					shows[id][g.User] = g
				} else if first := shows[id][g.User]; !first.Shows.Equal(g.Shows) || !first.Since.Equal(g.Since) {
					m.t.Errorf("node %d, scene %v: %+v, and node %d has %+v", n.id, id, g, m.nodes[0].id, first)
				}
			}
		}
		if len(values) > 0 {
			m.t.Errorf("node %d has scenes without pages: %v", n.id, values)
		}
		if got, want := len(n.state.allScenes(m.t)), len(members); got > want {
			m.t.Errorf("node %d keeps %d scenes, and there are %d", n.id, got, want)
		}
		for _, p := range n.pages {
			m.checkPage(p, shows)
		}
	}
	m.checkShows(shows)
	m.checkEvents(members)
}

// checkPage compares what a page knows with what there is.
func (m *model) checkPage(p *modelPage, shows map[SceneID]map[string]Member) {
	faults := p.sees.Check(p.labels, presencemodel.Scenes(m.pages), func(scene presencemodel.Scene, user string) label.Set {
		return shows[SceneID{"shop", scene.Key, scene.Value}][user].Shows
	})
	for _, fault := range faults {
		m.t.Errorf("page %v %s", p.id, fault)
	}
}

// checkShows: what a member shows is what one of its connections has.
func (m *model) checkShows(shows map[SceneID]map[string]Member) {
	for id, users := range shows {
		for user, member := range users {
			if !presencemodel.MayShow(m.pages, presencemodel.Scene{Key: id.Key, Value: id.Value}, user, member.Shows) {
				m.t.Errorf("%s shows %s in %v, and no page of its does", user, presencemodel.Text(member.Shows), id)
			}
		}
	}
}

// checkEvents: where nothing is cut or lost, a backend that drops what is older than what it has of a member knows in the end who is there; and if no node dies either, each
// member comes and goes in turn, as the calls of all nodes arrive. Of a key without linger one may come again before it has gone.
func (m *model) checkEvents(members map[SceneID]map[string]int) {
	if !m.calm {
		return
	}
	m.checkVersions(members)
	if m.deadly {
		return
	}
	seen, there := make(map[string]bool), make(map[string]bool)
	for _, e := range m.events {
		if seen[e.ID] || e.Scene.Key != "order" {
			continue
		}
		seen[e.ID] = true
		who := fmt.Sprint(e.Scene, " ", e.User)
		if came := e.Kind == Joined || e.Kind == Occupied; there[who] == came {
			m.t.Errorf("%s: %s, and it was told before", who, e.Kind)
		} else {
			there[who] = came
		}
	}
	for id, users := range members {
		if id.Key != "order" {
			continue
		}
		for user := range maps.Keys(users) {
			if who := fmt.Sprint(id, " ", user); !there[who] {
				m.t.Errorf("%s is there, and no event says so", who)
			}
		}
		if who := fmt.Sprint(id, " "); !there[who] {
			m.t.Errorf("%s is occupied, and no event says so", who)
		}
	}
	for who, is := range there {
		id, user, _ := strings.Cut(who, "} ")
		found := false
		for scene, users := range members {
			if fmt.Sprint(scene) == id+"}" {
				_, found = users[user]
				found = found || user == ""
			}
		}
		if is && !found {
			m.t.Errorf("%s is not there, and the last event says that it is", who)
		}
	}
}

// checkVersions: what the newest event of each member says is so.
func (m *model) checkVersions(members map[SceneID]map[string]int) {
	newest := make(map[endedKey]toldEvent)
	for _, e := range m.events {
		who := endedKey{e.Scene, e.User}
		if e.Version > newest[who].Version {
			newest[who] = e
		}
	}
	isThere := func(who endedKey) bool {
		users, there := members[who.scene]
		if who.user != "" {
			_, there = users[who.user]
		}
		return there
	}
	for who, e := range newest {
		if came := e.Kind == Joined || e.Kind == Occupied; came != isThere(who) {
			m.t.Errorf("%v %q: the newest event is %s of version %d, since %v", who.scene, who.user, e.Kind, e.Version, e.Since)
		}
	}
	for id, users := range members {
		for user := range users {
			if _, told := newest[endedKey{id, user}]; user != "" && !told {
				m.t.Errorf("%v %q is there, and no event says so", id, user)
			}
		}
		if _, told := newest[endedKey{id, ""}]; !told {
			m.t.Errorf("%v is occupied, and no event says so", id)
		}
	}
}
