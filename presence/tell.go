package presence

import (
	"slices"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
)

// tellScene tells the pages of this node that watch a scene.
func (s *Service) tellScene(n Notice) {
	s.told[n.Kind]++
	if n.First && s.options.Counted != nil {
		s.options.Counted(n.Scene, n.Anonymous)
	}
	to, err := s.audience(n.Scene)
	if err != nil {
		s.log.Error("presence: the audience of a scene cannot be made", "key", n.Key, "err", err)
		return
	}
	s.options.Hub().Notify(n.Scene.App, to, newNotice(&n.PresenceNotice))
}

// audience is the pages that watch a scene, and have got its snapshot.
func (s *Service) audience(id SceneID) (audience.Expr, error) {
	if told := s.state.key(id).Told; told != nil {
		return told.Audience(id.Value)
	}
	t, known := s.audiences[id.Key]
	if !known {
		var err error
		t, err = audience.ParseTemplate(id.Key + " == $value && " + scenecast.LabelWatching + " == $key")
		if err != nil {
			return audience.Expr{}, err
		}
		s.audiences[id.Key] = t
	}
	return t.Bind(map[string]string{"value": id.Value, "key": id.Key})
}

// newNotice is a notice for the hub. Of counts that wait for a page only the newest counts.
func newNotice(n *scenecast.PresenceNotice) *hub.Notice {
	coalesce := ""
	if n.Kind == scenecast.PresenceCount {
		coalesce = "\x00presence " + n.Key + " " + n.Value
	}
	return hub.NewNotice(coalesce, func(t scenecast.Traits) []byte {
		if t.EncodePresence == nil {
			return nil
		}
		return t.EncodePresence(n)
	})
}

// tellPages tells single pages what they are to know of their scenes. Those that see the same scene share its snapshot.
func (s *Service) tellPages(watches []Watch) {
	snapshots := make(map[SceneID]*hub.Notice)
	for _, w := range watches {
		notices := make([]*hub.Notice, len(w.Scenes))
		for i, id := range w.Scenes {
			if snapshots[id] == nil {
				n := s.state.Snapshot(id)
				snapshots[id] = newNotice(&n.PresenceNotice)
			}
			notices[i] = snapshots[id]
		}
		tellPage(w, notices)
	}
}

// tellPage tells a page. If it has other values meanwhile, a later call follows from that.
func tellPage(w Watch, snapshots []*hub.Notice) {
	w.To.Do(func(c hub.Watcher) {
		c.SetWatching(w.Key, false)
		for _, value := range w.Ended {
			c.Notify(newNotice(&scenecast.PresenceNotice{Kind: scenecast.PresenceEnded, Key: w.Key, Value: value}))
		}
		labels := c.Labels()
		if len(w.Values) == 0 || !labels.Contains(scenecast.LabelWatch, w.Key) || !slices.Equal(labels.Values(w.Key), w.Values) {
			return
		}
		for _, n := range snapshots {
			c.Notify(n)
		}
		c.SetWatching(w.Key, true)
	})
}
