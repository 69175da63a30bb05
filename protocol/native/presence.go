package native

import (
	"slices"
	"time"

	"scenecast"
	"scenecast/label"
	"scenecast/problem"
)

// The messages to a page that watches, by their kinds. All have the scene; what else they have, Presence says.
var presenceTypes = map[scenecast.PresenceKind]string{
	scenecast.PresenceSnapshot: "presence",
	scenecast.PresenceJoined:   "joined",
	scenecast.PresenceLeft:     "left",
	scenecast.PresenceUpdated:  "updated",
	scenecast.PresenceCount:    "count",
	scenecast.PresenceEnded:    "unwatched",
}

type (
	sceneHead struct {
		Type  string `json:"type"`
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	sceneCounts struct {
		Count     int  `json:"count"`
		Anonymous int  `json:"anonymous"`
		Partial   bool `json:"partial,omitempty"`
	}
)

// Unwatchable tells a page that cannot ask by itself why it is told nothing of a key that it has wanted to watch.
func Unwatchable(key string, err error) []byte {
	p := problem.Of(err)
	return encode(struct {
		Type    string       `json:"type"`
		Key     string       `json:"key"`
		Kind    problem.Kind `json:"kind"`
		Detail  string       `json:"detail"`
		Setting string       `json:"setting,omitempty"`
	}{"error", key, p.Kind, p.Detail, p.Setting})
}

// Presence is what a page is told that watches one of its scenes.
func Presence(n *scenecast.PresenceNotice) []byte {
	head := sceneHead{presenceTypes[n.Kind], n.Key, n.Value}
	counts := sceneCounts{n.Count, n.Anonymous, n.Partial}
	switch n.Kind {
	case scenecast.PresenceEnded:
		return encode(head)
	case scenecast.PresenceCount:
		return encode(struct {
			sceneHead
			sceneCounts
		}{head, counts})
	case scenecast.PresenceSnapshot:
		return withMembers(encode(struct {
			sceneHead
			sceneCounts
		}{head, counts}), n)
	default:
		return withMembers(encode(head), n)
	}
}

// withMembers puts the notice's members behind what a message has. There may be thousands: they are written without encoding/json, which would
// take most of the time that a page waits for its snapshot.
func withMembers(message []byte, n *scenecast.PresenceNotice) []byte {
	const each = 96 // bytes, about
	b := slices.Grow(message[:len(message)-1], len(`,"members":[]}`)+each*len(n.Members))
	b = append(b, `,"members":[`...)
	for i := range n.Members {
		m := &n.Members[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = label.AppendJSONString(append(b, `{"user":`...), m.User)
		if m.Labels.Len() > 0 {
			b = m.Labels.AppendJSON(append(b, `,"labels":`...))
		}
		if !m.Since.IsZero() {
			b = m.Since.Truncate(time.Millisecond).AppendFormat(append(b, `,"since":"`...), time.RFC3339Nano)
			b = append(b, '"')
		}
		b = append(b, '}')
	}
	return append(b, `]}`...)
}
