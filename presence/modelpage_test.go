package presence

import (
	"slices"
	"testing"

	"scenecast"
	"scenecast/label"
)

// modelPage is a page: what it is, which its loop knows at once, and what it knows by what it was told.
type modelPage struct {
	t        *testing.T
	id       scenecast.ConnID
	index    int
	labels   label.Set
	watching map[string]bool // keys, as by scenecast.LabelWatching
	sees     map[SceneID]*modelView
	moved    bool
}

// modelView is a scene as a client of docs/protocol.md builds it.
type modelView struct {
	members          map[string]string // what each shows, by user
	count, anonymous int
	partial          bool
}

func (p *modelPage) relabel(key string, values ...string) {
	before := p.labels
	p.labels = p.labels.With(key, values...)
	for _, k := range modelKeys {
		if !before.Of(k.Name).Equal(p.labels.Of(k.Name)) || before.Contains(scenecast.LabelWatch, k.Name) != p.labels.Contains(scenecast.LabelWatch, k.Name) {
			delete(p.watching, k.Name)
			p.moved = true
		}
	}
}

// take is what the page's loop does with a notice for its scene.
func (p *modelPage) take(n Notice) {
	if !p.watching[n.Key] || !p.labels.Contains(n.Key, n.Value) {
		return
	}
	p.apply(n)
}

func (p *modelPage) apply(n Notice) {
	v := p.sees[n.Scene]
	if v == nil && n.Kind != scenecast.PresenceSnapshot {
		p.t.Errorf("page %v was told %+v before its snapshot", p.id, n)
		return
	}
	switch n.Kind {
	case scenecast.PresenceSnapshot:
		v = &modelView{members: make(map[string]string), count: n.Count, anonymous: n.Anonymous, partial: n.Partial}
		p.sees[n.Scene] = v
		for _, m := range n.Members {
			v.members[m.User] = text(m.Labels)
		}
	case scenecast.PresenceCount:
		v.count, v.anonymous = n.Count, n.Anonymous
	default:
		if v.partial {
			p.t.Errorf("page %v was told %+v of a large scene", p.id, n)
		}
		for _, m := range n.Members {
			_, there := v.members[m.User]
			if there == (n.Kind == scenecast.PresenceJoined) {
				p.t.Errorf("page %v was told %+v, and knows %v", p.id, n, v.members)
			}
			if n.Kind == scenecast.PresenceLeft {
				delete(v.members, m.User)
			} else {
				v.members[m.User] = text(m.Labels)
			}
		}
		v.count = len(v.members)
	}
}

// tell is what a page's loop does with a Watch: the snapshots are made now, and the page is told when its loop comes to it.
func (n *modelNode) tell(w Watch) {
	page := n.pages[w.ID]
	var snapshots []Notice
	for _, id := range w.Scenes {
		snapshots = append(snapshots, n.state.Snapshot(id))
	}
	n.post(func() {
		if page == nil {
			return
		}
		delete(page.watching, w.Key)
		for _, value := range w.Ended {
			delete(page.sees, SceneID{"shop", w.Key, value})
		}
		if !slices.Equal(page.labels.Values(w.Key), w.Values) || !page.labels.Contains(scenecast.LabelWatch, w.Key) {
			return
		}
		for _, n := range snapshots {
			page.apply(n)
		}
		page.watching[w.Key] = true
	})
}

func text(s label.Set) string {
	b, _ := s.MarshalJSON()
	return string(b)
}
