// Package presencemodel is what tests compare presence with: what pages do at random, a naive map of who is in which scene, and what a page
// knows by what it was told.
//
// The scenes are the values of two keys, order and room. Members of an order show their label name.
package presencemodel

import (
	"fmt"
	"math/rand/v2"

	"scenecast"
	"scenecast/label"
)

// The keys whose values are scenes, and the label that members of an order show.
const (
	Order = "order"
	Room  = "room"
	Name  = "name"
)

// Action is something that happens at a node.
type Action uint8

// The actions.
const (
	Join   Action = iota // a page comes
	Leave                // a page goes
	Change               // a page changes its labels, once or several times
	Cut                  // the node is cut off from others
	Heal                 // no node is any more
	Die                  // the node dies, and another one starts
	Nothing
)

// NextAction draws what happens next.
func NextAction(r *rand.Rand) Action {
	switch k := r.IntN(100); {
	case k < 35:
		return Join
	case k < 60:
		return Leave
	case k < 90:
		return Change
	case k < 93:
		return Cut
	case k < 97:
		return Heal
	case k < 98:
		return Die
	default:
		return Nothing
	}
}

// NewUser draws the labels by which a page is one of eight users, or of nobody.
func NewUser(r *rand.Rand) (s label.Set) {
	if r.IntN(4) > 0 {
		s = s.With(scenecast.LabelUser, fmt.Sprint("u", r.IntN(8)))
	}
	return s
}

// NewChange draws a change of a page's labels: it moves, shows another name, or watches other keys.
func NewChange(r *rand.Rand) label.Change {
	value := func() string { return fmt.Sprint(r.IntN(3)) }
	switch r.IntN(8) {
	case 0, 1:
		return label.Change{Order: {value()}}
	case 2:
		return label.Change{Order: {value(), value()}}
	case 3:
		return label.Change{Order: nil}
	case 4:
		return label.Change{Room: {value()}}
	case 5:
		return label.Change{Name: {fmt.Sprint("n", r.IntN(3))}}
	case 6:
		return label.Change{scenecast.LabelWatch: {Order}}
	default:
		return label.Change{scenecast.LabelWatch: {Room, Order}}
	}
}
