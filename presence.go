package scenecast

import (
	"time"

	"scenecast/label"
)

// PresenceNotice is what a page that watches a label key is told about one of its scenes: one value of the key, which the page has.
// Pages share it, and nobody changes it.
type PresenceNotice struct {
	Kind       PresenceKind
	Key, Value string
	Members    []PresenceMember // of PresenceSnapshot, PresenceJoined, PresenceLeft and PresenceUpdated
	Count      int              // of PresenceSnapshot and PresenceCount: how many members there are
	Anonymous  int              // of these two: how many connections without a user
	Partial    bool             // of PresenceSnapshot: only some members are listed, and what changes comes as counts
}

// PresenceMember is a member of a scene: a user with one connection or several.
type PresenceMember struct {
	User   string
	Labels label.Set // that it shows; not of PresenceLeft
	Since  time.Time // not of PresenceLeft
}

// PresenceKind says what a notice is.
type PresenceKind uint8

// The kinds of notices.
const (
	PresenceSnapshot PresenceKind = iota // who is there; it takes the place of whatever the page knows
	PresenceJoined                       // members who have come
	PresenceLeft                         // … and gone
	PresenceUpdated                      // … and who show other labels
	PresenceCount                        // how many there are
	PresenceEnded                        // the page does not see the scene any more
	PresenceOccupied                     // somebody is in the scene, and nobody was
	PresenceVacated                      // nobody is, any more
)
