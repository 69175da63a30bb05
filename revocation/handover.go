package revocation

import (
	"encoding/json"
	"time"

	"scenecast"
)

// saved is a revocation as another process gets it.
type saved struct {
	Revocation scenecast.Revocation `json:"revocation"`
	Logged     time.Time            `json:"logged,omitzero"`
}

// Save is all revocations in force, for a process that takes the place of this one.
func Save(l *List) ([]byte, error) {
	var all []saved
	for _, e := range l.all() {
		all = append(all, saved{e.Revocation, e.logged})
	}
	return json.Marshal(all)
}

// Restore adds revocations that Save has returned.
func Restore(l *List, text []byte) error {
	var all []saved
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, s := range all {
		l.Add(s.Revocation, s.Logged)
	}
	return nil
}
