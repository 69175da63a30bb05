package presencemodel

import (
	"fmt"

	"scenecast"
	"scenecast/label"
)

// View is a scene as a client of docs/protocol.md builds it.
type View struct {
	Members          map[string]string // what each shows, by user
	Count, Anonymous int
	Partial          bool
}

// Views are the scenes that a page sees.
type Views map[Scene]*View

// Take takes what the page is told. An error says that it does not fit what the page knows.
func (views Views) Take(n *scenecast.PresenceNotice) error {
	scene := Scene{n.Key, n.Value}
	if n.Kind == scenecast.PresenceEnded {
		delete(views, scene)
		return nil
	}
	v := views[scene]
	if v == nil && n.Kind != scenecast.PresenceSnapshot {
		return fmt.Errorf("was told %+v before its snapshot", *n)
	}
	switch n.Kind {
	case scenecast.PresenceSnapshot:
		v = &View{Members: make(map[string]string), Count: n.Count, Anonymous: n.Anonymous, Partial: n.Partial}
		views[scene] = v
		for _, m := range n.Members {
			v.Members[m.User] = Text(m.Labels)
		}
	case scenecast.PresenceCount:
		v.Count, v.Anonymous = n.Count, n.Anonymous
	default:
		return v.change(n)
	}
	return nil
}

func (v *View) change(n *scenecast.PresenceNotice) (err error) {
	if v.Partial {
		err = fmt.Errorf("was told %+v of a large scene", *n)
	}
	for _, m := range n.Members {
		if _, there := v.Members[m.User]; there == (n.Kind == scenecast.PresenceJoined) {
			err = fmt.Errorf("was told %+v, and knows %v", *n, v.Members)
		}
		if n.Kind == scenecast.PresenceLeft {
			delete(v.Members, m.User)
		} else {
			v.Members[m.User] = Text(m.Labels)
		}
	}
	v.Count = len(v.Members)
	return err
}

// Check compares what a page with these labels sees with who is where, and what each member shows. The faults are for people to read.
func (views Views) Check(labels label.Set, scenes map[Scene]*Who, shows func(scene Scene, user string) label.Set) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	want := make(map[Scene]bool)
	for _, key := range labels.Values(scenecast.LabelWatch) {
		for _, value := range labels.Values(key) {
			want[Scene{key, value}] = true
		}
	}
	for scene := range views {
		if !want[scene] {
			fault("sees %v, and is %s", scene, Text(labels))
		}
	}
	for scene := range want {
		v, who := views[scene], scenes[scene]
		if v == nil {
			fault("does not see %v", scene)
			continue
		}
		if v.Count != len(who.Members) || v.Anonymous != who.Anonymous || !v.Partial && len(v.Members) != v.Count {
			fault("sees %+v in %v, want %+v", *v, scene, *who)
		}
		for user, shown := range v.Members {
			if v.Partial {
				break // whoever is named was there when it was sent
			}
			if _, there := who.Members[user]; !there {
				fault("sees %s in %v, who is not there", user, scene)
			} else if want := Text(shows(scene, user)); shown != want {
				fault("sees that %s shows %s in %v, want %s", user, shown, scene, want)
			}
		}
	}
	return faults
}

// Text is a set of labels as JSON.
func Text(s label.Set) string {
	b, _ := s.MarshalJSON()
	return string(b)
}
