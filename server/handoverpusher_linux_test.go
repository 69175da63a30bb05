package server

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"scenecast/protocol/pusher/signature"
)

// movingPusherPage is a page that speaks the Pusher protocol.
type movingPusherPage struct {
	*rawPage
	key *signature.Key
	id  string // its socket_id
}

var socketIDForm = regexp.MustCompile(`\d+\.\d+`)

func (m *moves) pusherPage(key *signature.Key) *movingPusherPage {
	m.t.Helper()
	p := m.dialPage("/app/" + key.Name + "?protocol=7")
	return &movingPusherPage{p, key, socketIDForm.FindString(p.read())}
}

func (p *movingPusherPage) say(format string, args ...any) {
	p.t.Helper()
	p.write(masked(ws.OpText, true, fmt.Sprintf(format, args...)))
}

// is checks that the next message is this one.
func (p *movingPusherPage) is(format string, args ...any) {
	p.t.Helper()
	if got, want := p.read(), fmt.Sprintf(format, args...); got != want {
		p.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func (p *movingPusherPage) subscribe(channel, data string) {
	p.t.Helper()
	if data == "" {
		p.say(`{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q}}`, p.key.Subscription(p.id, channel, ""), channel)
		p.is(`{"event":"pusher_internal:subscription_succeeded","channel":%q,"data":"{}"}`, channel)
		return
	}
	p.say(`{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q,"channel_data":%q}}`, p.key.Subscription(p.id, channel, data), channel, data)
}

func (p *movingPusherPage) signIn(data string) {
	p.t.Helper()
	p.say(`{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, p.key.SignIn(p.id, data), data)
	p.expect("pusher:signin_success")
}

// counts awaits a count; older ones may come first, as they are told from time to time.
func (p *movingPusherPage) counts(want string) {
	p.t.Helper()
	for got := p.read(); got != want; got = p.read() {
		if !strings.Contains(got, "subscription_count") {
			p.t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// quiet checks that nothing else was on its way to the page.
func (p *movingPusherPage) quiet() {
	p.t.Helper()
	p.say(`{"event":"pusher:ping","data":{}}`)
	p.is(`{"event":"pusher:pong","data":{}}`)
}

// TestHandoverOfPusherPages: what pages of the Pusher protocol have subscribed to, who has signed in, members, counts and watchlists go along,
// and pages are told nothing of it.
func TestHandoverOfPusherPages(t *testing.T) {
	key := signature.NewKey("key-of-moves", "secret-of-moves")
	m := newMoves(t, map[string]string{
		"pusher": "{id: '3', key: key-of-moves, secret: secret-of-moves, linger: 0, subscription_counts: true, client_events: true}",
	})
	ann, bob := m.pusherPage(key), m.pusherPage(key)
	watched := func(event string) string {
		return `{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"` + event + `\",\"user_ids\":[\"bob\"]}]}"}`
	}
	counted := func(channel string, n int) string {
		return fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":%q,"data":"{\"subscription_count\":%d}"}`, channel, n)
	}
	ann.signIn(`{"id":"ann","watchlist":["bob"]}`)
	ann.is("%s", watched("offline"))
	bob.signIn(`{"id":"bob"}`)
	ann.is("%s", watched("online"))
	ann.subscribe("news", "")
	ann.counts(counted("news", 1))
	ann.subscribe("private-room", "")
	ann.counts(counted("private-room", 1))
	bob.subscribe("private-room", "")
	bob.counts(counted("private-room", 2))
	ann.counts(counted("private-room", 2))
	ann.subscribe("presence-hall", `{"user_id":"ann"}`)
	ann.expect("subscription_succeeded", `\"count\":1`)
	for n := range 3 {
		m.awaitEnd(m.next())
		ann.quiet()
		bob.quiet()
		bob.say(`{"event":"client-x","channel":"private-room","data":"%d"}`, n)
		ann.is(`{"event":"client-x","channel":"private-room","data":"%d"}`, n)
	}
	bob.subscribe("news", "")
	bob.counts(counted("news", 2))
	ann.counts(counted("news", 2))
	bob.subscribe("presence-hall", `{"user_id":"bob"}`)
	bob.expect("subscription_succeeded", `\"count\":2`, `\"ann\"`)
	ann.expect("member_added", `\"bob\"`)
	bob.say(`{"event":"pusher:unsubscribe","data":{"channel":"presence-hall"}}`)
	ann.expect("member_removed", `\"bob\"`)
	bob.say(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	ann.counts(counted("news", 1))
	bob.say(`{"event":"pusher:unsubscribe","data":{"channel":"private-room"}}`)
	ann.counts(counted("private-room", 1))
	_ = bob.Close()
	ann.is("%s", watched("offline"))
	ann.quiet()
}
