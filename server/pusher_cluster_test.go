package server_test

import (
	"fmt"
	"testing"

	"github.com/coder/websocket"

	"scenecast"
	"scenecast/protocol/pusher/channel"
)

// TestPusherOnThreeNodes: channels, presence channels, users and exclusion are the cluster's, whichever node a page is on.
func TestPusherOnThreeNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, pusherSettings(", linger: 0"))
	ann, bob, tab := nodes[0].pusherPage(), nodes[1].pusherPage(), nodes[2].pusherPage()
	if ann.id == bob.id || bob.id == tab.id {
		t.Errorf("two connections have the socket_id %s", bob.id)
	}
	subscribed := func(members string, n int) string {
		return fmt.Sprintf(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{%s,\"count\":%d}}"}`, members, n)
	}
	const both = `\"ids\":[\"a\",\"b\"],\"hash\":{\"a\":{\"name\":\"Ann\"},\"b\":{\"name\":\"Bob\"}}`
	ann.subscribe("presence-room", member("a", "Ann"))
	ann.expect(subscribed(`\"ids\":[\"a\"],\"hash\":{\"a\":{\"name\":\"Ann\"}}`, 1))
	nodes[1].awaitScene(channel.MemberLabel, "presence-room", 1)
	bob.subscribe("presence-room", member("b", "Bob"))
	bob.expect(subscribed(both, 2))
	ann.expect(`{"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"b\",\"user_info\":{\"name\":\"Bob\"}}"}`)
	nodes[2].awaitScene(channel.MemberLabel, "presence-room", 2)
	if got := nodes[2].pusher("GET", "/apps/3/channels/presence-room/users", ""); got != `200 {"users":[{"id":"a"},{"id":"b"}]}` {
		t.Errorf("the third node knows %s", got)
	}
	tab.subscribe("presence-room", member("a", "Ann")) // another connection of a member, on another node
	tab.expect(subscribed(both, 2))

	// Whoever has sent it does not get it, whichever node takes the call.
	const event = `{"name":"e","channel":"presence-room","data":"1","socket_id":%q}`
	if got := nodes[2].pusher("POST", "/apps/3/events", fmt.Sprintf(event, ann.id)); got != "200 {}" {
		t.Errorf("publish: %s", got)
	}
	bob.expect(`{"event":"e","channel":"presence-room","data":"1"}`)
	tab.expect(`{"event":"e","channel":"presence-room","data":"1"}`)
	bob.say(`{"event":"client-x","channel":"presence-room","data":2}`)
	ann.expect(`{"event":"client-x","channel":"presence-room","data":"2","user_id":"b"}`)
	tab.expect(`{"event":"client-x","channel":"presence-room","data":"2","user_id":"b"}`)
	bob.quiet()

	// One of two connections of a member is no leave; the last one is, once.
	nodes[1].awaitScene(channel.MemberLabel, "presence-room", 3)
	_ = ann.Close(websocket.StatusNormalClosure, "")
	nodes[1].awaitScene(channel.MemberLabel, "presence-room", 2)
	bob.quiet()
	_ = tab.Close(websocket.StatusNormalClosure, "")
	bob.expect(`{"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\"user_id\":\"a\"}"}`)
	bob.quiet()
}

// TestPusherWatchlistsOnThreeNodes: users who are watched, and counts, are the cluster's.
func TestPusherWatchlistsOnThreeNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, pusherSettings(", linger: 0, subscription_counts: true"))
	ann, bob, tab := nodes[0].pusherPage(), nodes[1].pusherPage(), nodes[2].pusherPage()
	watched := func(event string) string {
		return `{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"` + event + `\",\"user_ids\":[\"bob\"]}]}"}`
	}
	counted := func(n int) string {
		return fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":%d}"}`, n)
	}
	ann.signIn(`{"id":"ann","watchlist":["bob"]}`)
	ann.expect(watched("offline"))
	bob.signIn(`{"id":"bob"}`)
	ann.expect(watched("online"))
	ann.subscribe("news", "")
	ann.expect(counted(1))
	bob.subscribe("news", "")
	ann.expect(counted(2))
	tab.signIn(`{"id":"bob"}`)
	nodes[0].awaitScene(scenecast.LabelUser, "bob", 2)
	_ = bob.Close(websocket.StatusNormalClosure, "") // the user's other connection is still there
	ann.expect(counted(1))
	nodes[0].awaitScene(scenecast.LabelUser, "bob", 1)
	ann.quiet()
	_ = tab.Close(websocket.StatusNormalClosure, "")
	ann.expect(watched("offline"))
	ann.quiet()
}
