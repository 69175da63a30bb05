package httpapi

import (
	"math"
	"strings"

	"scenecast"
	"scenecast/presence"
	"scenecast/problem"
	"scenecast/protocol/pusher"
	"scenecast/protocol/pusher/channel"
)

// info is which attributes of channels are asked for.
type info uint8

const (
	infoUsers         info = 1 << iota // user_count, of presence channels
	infoSubscriptions                  // subscription_count
	infoCache                          // cache, of cache channels
)

// parseInfo reads names with commas between, of those that a call takes.
func parseInfo(text string, allowed info) (asked info, err error) {
	for name := range strings.SplitSeq(text, ",") {
		var one info
		switch strings.TrimSpace(name) {
		case "":
			continue
		case "user_count":
			one = infoUsers
		case "subscription_count":
			one = infoSubscriptions
		case "cache":
			one = infoCache
		}
		if one&allowed == 0 {
			return 0, problem.New(problem.Invalid, "%.40q is no attribute that is known here", name)
		}
		asked |= one
	}
	return asked, nil
}

// attributes are what is told of a channel.
type attributes struct {
	Occupied      *bool   `json:"occupied,omitempty"`
	Users         *int    `json:"user_count,omitempty"`
	Subscriptions *int    `json:"subscription_count,omitempty"`
	Cache         *cached `json:"cache,omitempty"`
}

// cached is the newest event of a cache channel.
type cached struct {
	Data string `json:"data"`
	TTL  int    `json:"ttl"` // seconds
}

// countUsers is how many members a presence channel has.
func (a *API) countUsers(r *request, name channel.Name) int {
	_, scene := a.o.Presence.Scene(sceneOf(r, name), "", 0)
	return scene.Members
}

func sceneOf(r *request, name channel.Name) presence.SceneID {
	return presence.SceneID{App: r.app.Name, Key: channel.MemberLabel, Value: string(name)}
}

// usersOf are the members of a presence channel, by name.
func (a *API) usersOf(r *request, name channel.Name) []presence.Member {
	members, _ := a.o.Presence.Scene(sceneOf(r, name), "", math.MaxInt32)
	return members
}

// countSubscriptions is how many connections a channel has.
func (a *API) countSubscriptions(r *request, name channel.Name) (int, error) {
	to, err := pusher.Audience(name, "")
	if err != nil {
		return 0, err
	}
	reply, err := a.ask(r, scenecast.Query{To: to})
	return reply.Tally.Matched, err
}
