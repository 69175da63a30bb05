package presence

import (
	"slices"
	"testing"

	"scenecast"
	"scenecast/label"
	"scenecast/presence/presencemodel"
)

// modelPage is a page: what it is, which its loop knows at once, and what it knows by what it was told.
type modelPage struct {
	t        *testing.T
	id       scenecast.ConnID
	index    int
	labels   label.Set
	watching map[string]bool // keys, as by scenecast.LabelWatching
	sees     presencemodel.Views
	moved    bool
}

func (p *modelPage) relabel(c label.Change) {
	before := p.labels
	p.labels = p.labels.Apply(c)
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
	p.apply(&n.PresenceNotice)
}

func (p *modelPage) apply(n *scenecast.PresenceNotice) {
	if err := p.sees.Take(n); err != nil {
		p.t.Errorf("page %v %v", p.id, err)
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
			page.apply(&scenecast.PresenceNotice{Kind: scenecast.PresenceEnded, Key: w.Key, Value: value})
		}
		if !slices.Equal(page.labels.Values(w.Key), w.Values) || !page.labels.Contains(scenecast.LabelWatch, w.Key) {
			return
		}
		for _, n := range snapshots {
			page.apply(&n.PresenceNotice)
		}
		page.watching[w.Key] = true
	})
}
