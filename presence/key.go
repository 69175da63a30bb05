package presence

import (
	"slices"
	"time"

	"scenecast/label"
)

// Key declares a label key whose values are scenes. The lists are not changed.
type Key struct {
	Name       string
	Show       []string      // labels of a member that others may see, where they are trusted
	Linger     time.Duration // for so long a member stays whose last connection has ended
	MaxMembers int           // pages that watch a scene of more members are told counts; with Told, how many members a scene may have
	Told       *Told         // nil: pages that watch are told
}

// find is the declaration of a key.
func find(keys []Key, name string) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// shown are those of the labels that members of the key's scenes show.
func (k *Key) shown(trusted label.Set) label.Set {
	return trusted.Filter(func(l label.Label) bool { return slices.Contains(k.Show, l.Key) })
}
