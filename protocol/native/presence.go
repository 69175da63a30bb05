package native

import (
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
	sceneMembers struct {
		Members []sceneMember `json:"members"`
	}
	sceneMember struct {
		User   string     `json:"user"`
		Labels *label.Set `json:"labels,omitempty"`
		Since  *time.Time `json:"since,omitempty"`
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
		return encode(struct {
			sceneHead
			sceneCounts
			sceneMembers
		}{head, counts, membersOf(n)})
	default:
		return encode(struct {
			sceneHead
			sceneMembers
		}{head, membersOf(n)})
	}
}

func membersOf(n *scenecast.PresenceNotice) sceneMembers {
	members := make([]sceneMember, len(n.Members))
	for i := range n.Members {
		m := &n.Members[i]
		members[i].User = m.User
		if m.Labels.Len() > 0 {
			members[i].Labels = &m.Labels
		}
		if !m.Since.IsZero() {
			since := m.Since.Truncate(time.Millisecond)
			members[i].Since = &since
		}
	}
	return sceneMembers{members}
}
