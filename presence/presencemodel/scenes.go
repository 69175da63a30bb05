package presencemodel

import (
	"iter"

	"scenecast"
	"scenecast/label"
)

// Scene is a value of one of the keys.
type Scene struct{ Key, Value string }

// Who are in a scene.
type Who struct {
	Members   map[string]int // connections of each user
	Anonymous int            // connections without a user
}

// Scenes are who is in which scene, by the labels of all pages that there are.
func Scenes(pages iter.Seq[label.Set]) map[Scene]*Who {
	scenes := make(map[Scene]*Who)
	for labels := range pages {
		for _, key := range []string{Order, Room} {
			for _, value := range labels.Values(key) {
				scene := Scene{key, value}
				if scenes[scene] == nil {
					scenes[scene] = &Who{Members: make(map[string]int)}
				}
				if labels.Has(scenecast.LabelUser) {
					scenes[scene].Members[labels.Value(scenecast.LabelUser)]++
				} else {
					scenes[scene].Anonymous++
				}
			}
		}
	}
	return scenes
}

// MayShow reports whether a member of a scene may show these labels: those of one of its pages there.
func MayShow(pages iter.Seq[label.Set], scene Scene, user string, shows label.Set) bool {
	for labels := range pages {
		if labels.Contains(scenecast.LabelUser, user) && labels.Contains(scene.Key, scene.Value) {
			if scene.Key == Room && shows.Len() == 0 || scene.Key == Order && shows.Equal(labels.Of(Name)) {
				return true
			}
		}
	}
	return false
}
