package presence

import (
	"slices"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

var _ hub.Observer = (*Service)(nil)

// Joined implements hub.Observer.
func (s *Service) Joined(c hub.Member) {
	keys := s.options.Keys(c.App())
	if len(keys) == 0 {
		return
	}
	if labels := c.Labels(); concerns(keys, labels) {
		c.SetTracked(true)
		s.handOver(c, keys, labels, false)
	}
}

// Relabelled implements hub.Observer.
func (s *Service) Relabelled(c hub.Member, before label.Set) {
	keys := s.options.Keys(c.App())
	if len(keys) == 0 {
		return
	}
	labels := c.Labels()
	if changed, moved := compare(c, keys, before, labels); changed {
		c.SetTracked(concerns(keys, labels))
		s.handOver(c, keys, labels, moved)
	}
}

// Left implements hub.Observer.
func (s *Service) Left(c hub.Member, _ scenecast.Ending) {
	if c.Tracked() {
		s.handed.add(&op{id: c.ID(), address: c.Address(), gone: true})
		s.wakeUp()
	}
}

// lookAgain has what other keys mean for a connection be noted.
func (s *Service) lookAgain(c hub.Member) {
	keys, labels := s.options.Keys(c.App()), c.Labels()
	concerned := concerns(keys, labels)
	if concerned || c.Tracked() {
		c.SetTracked(concerned)
		s.handOver(c, keys, labels, false)
	}
}

// concerns reports whether a connection with these labels is in a scene, or watches.
func concerns(keys []Key, labels label.Set) bool {
	for i := range keys {
		if labels.Has(keys[i].Name) || keys[i].Told != nil && labels.Has(keys[i].Told.Follows) {
			return true
		}
	}
	return labels.Has(scenecast.LabelWatch)
}

// compare reports whether a change of labels is one for the state, and whether it changes what the page is to see. A label that others see
// may have come to be trusted, and be the same.
func compare(c hub.Member, keys []Key, before, after label.Set) (changed, moved bool) {
	for i := range keys {
		k := &keys[i]
		if !before.Of(k.Name).Equal(after.Of(k.Name)) {
			changed = true
			moved = moved || before.Contains(scenecast.LabelWatch, k.Name)
		}
		if t := k.Told; t != nil && t.Follows != "" {
			changed = changed || !before.Of(t.Follows).Equal(after.Of(t.Follows))
		}
		if changed || !after.Has(k.Name) {
			continue
		}
		for _, shown := range k.Show {
			is := after.Of(shown)
			changed = changed || is.Len() > 0 && c.Trusted(shown) || !is.Equal(before.Of(shown))
		}
	}
	if !before.Of(scenecast.LabelWatch).Equal(after.Of(scenecast.LabelWatch)) {
		return true, true
	}
	return changed, moved
}

// handOver has the goroutine note what a connection is now.
func (s *Service) handOver(c hub.Member, keys []Key, labels label.Set, moved bool) {
	s.handed.add(&op{
		id:      c.ID(),
		address: c.Address(),
		app:     c.App(),
		labels:  labels,
		trusted: trusted(c, keys, labels),
		moved:   moved,
	})
	s.wakeUp()
}

// trusted are those of the labels that a scene may show.
func trusted(c hub.Member, keys []Key, labels label.Set) label.Set {
	return labels.Filter(func(l label.Label) bool {
		for i := range keys {
			if slices.Contains(keys[i].Show, l.Key) {
				return c.Trusted(l.Key)
			}
		}
		return false
	})
}

// apply notes an op. If the app has declared other keys since it was handed over, all connections are looked at again behind it.
func (s *Service) apply(now time.Time, o *op) {
	if o.gone {
		s.state.Gone(now, o.address.Index())
		return
	}
	c := Conn{
		ID: o.id, Index: o.address.Index(), App: o.app, Keys: s.options.Keys(o.app), Labels: o.labels, Trusted: o.trusted, Moved: o.moved, Address: o.address,
	}
	if o.adopted {
		s.state.adopt(now, c)
	} else {
		s.state.Update(now, c)
	}
}
