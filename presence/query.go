package presence

import (
	"slices"
	"time"

	"scenecast/label"
)

// Member is a member as a query tells of it.
type Member struct {
	User        string
	Shows       label.Set
	Connections int
	Since       time.Time
}

// Scene is a scene as a query tells of it.
type Scene struct {
	Value       string
	Members     int
	Anonymous   int // connections without a user
	Connections int // all of them
}

// Members are those of a scene by the name of the user, behind one, at most limit; and the scene.
func (s *State) Members(id SceneID, after string, limit int) ([]Member, Scene) {
	sc := s.find(id)
	if sc == nil {
		return nil, Scene{Value: id.Value}
	}
	users := make([]string, 0, sc.count)
	for m := sc.first; m != nil; m = m.next {
		if m.user > after {
			users = append(users, m.user)
		}
	}
	slices.Sort(users)
	users = users[:min(limit, len(users))]
	members := make([]Member, len(users))
	for i, user := range users {
		m, _ := sc.users.find(user)
		members[i] = Member{user, m.shows, m.connections(), m.since.Time()}
	}
	return members, sc.tell()
}

// Values are the scenes of a key in which anybody is, by value, behind one, at most limit; and how many there are.
func (s *State) Values(app, key, after string, limit int) ([]Scene, int) {
	of := s.keyScenes(app, key)
	if of == nil {
		return []Scene{}, 0
	}
	var behind []string
	for value, sc := range of.scenes {
		if sc.all.present && (after == "" || value > after) { // a value may be empty
			behind = append(behind, value)
		}
	}
	slices.Sort(behind)
	scenes := make([]Scene, min(limit, len(behind)))
	for i := range scenes {
		scenes[i] = of.scenes[behind[i]].tell()
	}
	return scenes, of.occupied
}

// Stats are figures of a state.
type Stats struct {
	Scenes   int   // in which anybody is, over all nodes
	Members  int   // of them
	Watching int   // scenes that pages of this node watch, each counted for each page
	Missed   int64 // how often this node has missed something of another one, and has asked for a snapshot
}

// Stats are the figures now.
func (s *State) Stats() Stats { return s.stats }

func (sc *scene) tell() Scene {
	t := Scene{Value: sc.id.Value, Members: sc.count, Anonymous: sc.anonymous, Connections: sc.anonymous}
	for m := sc.first; m != nil; m = m.next {
		t.Connections += m.connections()
	}
	return t
}
