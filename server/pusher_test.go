package server_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"scenecast/protocol/pusher/signature"
)

const (
	pusherKey    = "278d425bdf160c739803"
	pusherSecret = "7ad3773142a6692b25b8"
)

var pusherSigner = signature.NewKey(pusherKey, pusherSecret)

// pusherSettings is an app of the Pusher protocol, with further settings of it.
func pusherSettings(more string) map[string]string {
	return map[string]string{"pusher": fmt.Sprintf("{id: '3', key: %s, secret: %s%s}", pusherKey, pusherSecret, more)}
}

// pusherPage is a page that speaks the Pusher protocol.
type pusherPage struct {
	*websocket.Conn
	s  *running
	id string // its socket_id
}

var establishedForm = regexp.MustCompile(`^\{"event":"pusher:connection_established","data":"\{\\"socket_id\\":\\"(\d+\.\d+)\\",\\"activity_timeout\\":120\}"\}$`)

// dialPusher opens a path and a query.
func (r *running) dialPusher(target string) *websocket.Conn {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+target, nil)
	if err != nil {
		r.t.Fatalf("%s: %v", target, err)
	}
	c.SetReadLimit(-1)
	r.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func (r *running) pusherPage() *pusherPage {
	r.t.Helper()
	p := &pusherPage{Conn: r.dialPusher("/app/" + pusherKey + "?protocol=7&client=js&version=8.6.0&flash=false"), s: r}
	greeting := r.read(p.Conn)
	m := establishedForm.FindStringSubmatch(greeting)
	if m == nil {
		r.t.Fatalf("greeted by %s", greeting)
	}
	p.id = m[1]
	return p
}

func (p *pusherPage) say(message string) {
	p.s.t.Helper()
	if err := p.Write(context.Background(), websocket.MessageText, []byte(message)); err != nil {
		p.s.t.Fatalf("say %s: %v", message, err)
	}
}

// expect reads messages, which are to be these. SOCKET stands for the page's socket_id.
func (p *pusherPage) expect(messages ...string) {
	p.s.t.Helper()
	for _, want := range messages {
		if got := p.s.read(p.Conn); got != strings.ReplaceAll(want, "SOCKET", p.id) {
			p.s.t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// counts waits for a count of subscribers. One that was on its way when the page subscribed may come before it.
func (p *pusherPage) counts(want string) {
	p.s.t.Helper()
	for got := p.s.read(p.Conn); got != want; got = p.s.read(p.Conn) {
		if !strings.Contains(got, "subscription_count") {
			p.s.t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// quiet checks that nothing else was on its way to the page.
func (p *pusherPage) quiet() {
	p.s.t.Helper()
	p.say(`{"event":"pusher:ping","data":{}}`)
	p.expect(`{"event":"pusher:pong","data":{}}`)
}

// subscribe subscribes to a channel, with a signature where it needs one, and returns when it is done. The data is that of a presence
// channel; empty: there is none.
func (p *pusherPage) subscribe(name, data string) {
	p.s.t.Helper()
	p.say(p.subscription(name, data))
	if data == "" {
		p.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"` + name + `","data":"{}"}`)
	}
}

// subscription is the message that asks for it.
func (p *pusherPage) subscription(name, data string) string {
	auth := ""
	if strings.HasPrefix(name, "private-") || strings.HasPrefix(name, "presence-") {
		auth = pusherSigner.Subscription(p.id, name, data)
	}
	if data == "" {
		return fmt.Sprintf(`{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q}}`, auth, name)
	}
	return fmt.Sprintf(`{"event":"pusher:subscribe","data":{"auth":%q,"channel_data":%q,"channel":%q}}`, auth, data, name)
}

// TestPusherEvents: what an event looks like on each wire, whoever publishes it.
func TestPusherEvents(t *testing.T) {
	s := start(t, pusherSettings(""), nil)
	page, other := s.pusherPage(), s.pusherPage()
	page.quiet()
	page.subscribe("news", "")
	page.subscribe("private-a", "")
	other.subscribe("sport", "")
	native := s.nativePage("page=home")
	native.next0(`{"type":"set","id":1,"labels":{"page":"list"}}`)

	if got := s.count(`@channel == "news"`); got != 1 {
		t.Errorf("%d pages have the label", got)
	}
	s.push(`{"to":"@channel == \"news\"","event":"headline","message":{"a": "<1>"}}`)
	page.expect(`{"event":"headline","channel":"news","data":"{\"a\": \"<1>\"}"}`)
	s.push(`{"to":"@channel in [\"news\", \"sport\"] || page == \"list\"","message":"plain"}`)
	page.expect(`{"event":"message","channel":"news","data":"plain"}`)
	other.expect(`{"event":"message","channel":"sport","data":"plain"}`)
	native.next0("")
	// A native page has the label by its backend, and gets what subscribers get.
	s.api("POST", "/v1/labels", `{"to":{"page":"list"},"set":{"@channel":["news"]}}`)
	if got := s.pusher("POST", "/apps/3/events", `{"name":"e","channel":"news","data":"{\"a\":1}"}`); got != "200 {}" {
		t.Errorf("publish: %s", got)
	}
	page.expect(`{"event":"e","channel":"news","data":"{\"a\":1}"}`)
	if got := s.read(native.Conn); !strings.HasSuffix(got, `"event":"e","data":{"a":1}}`) {
		t.Errorf("a native page gets %s", got)
	}
	s.push(`{"to":"*","event":"all","message":7}`)
	page.expect(`{"event":"all","data":"7"}`)
	s.push(fmt.Sprintf(`{"to":"@channel == \"private-a\" && @id != %q","event":"x","message":1}`, page.id))
	page.say(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	page.quiet()
	if got := s.count(`@channel == "news" && @protocol == "pusher"`); got != 0 {
		t.Errorf("%d pages have the label behind unsubscribe", got)
	}
}

// next0 says something, unless that is empty, and reads what follows.
func (p *nativePage) next0(message string) {
	p.s.t.Helper()
	if message != "" {
		p.s.say(p.Conn, message)
		return
	}
	p.next()
}

// TestPusherRefusals: who may not connect is told by pusher:error and a close frame with the same code.
func TestPusherRefusals(t *testing.T) {
	s := start(t, map[string]string{
		"apps": fmt.Sprintf("{off: {pusher: {id: '4', key: offkey, secret: s3, enabled: false}}, full: {max_connections: 1, pusher: {id: '5', key: fullkey, secret: s4}}, other: {pusher: {id: '3', key: %s, secret: %s}}}", pusherKey, pusherSecret),
	}, nil)
	for _, c := range []struct {
		target string
		code   int
		reason string
	}{
		{"/app/" + pusherKey, 4008, "the parameter protocol is missing; protocol=7 is known"},
		{"/app/" + pusherKey + "?protocol=x", 4007, "protocol=x is not known; protocols 5 to 7 are"},
		{"/app/" + pusherKey + "?protocol=8", 4007, "protocol=8 is not known; protocols 5 to 7 are"},
		{"/app/" + pusherKey + "?protocol=7&version=abc", 4006, `"abc" is no version of a client, as 8.6.0`},
		{"/app/nobody?protocol=7&client=js&version=8.6.0", 4001, `no app has the key "nobody"`},
		{"/app/?protocol=7", 4005, "the path is /app/ and a key"},
		{"/app/" + pusherKey + "/x?protocol=7", 4005, "the path is /app/ and a key"},
		{"/app/offkey?protocol=7", 4003, "the app is disabled (setting: pusher.enabled)"},
	} {
		page := &pusherPage{Conn: s.dialPusher(c.target), s: s}
		page.expect(fmt.Sprintf(`{"event":"pusher:error","data":{"code":%d,"message":%q}}`, c.code, c.reason))
		if got := s.goodbye(page.Conn); got != fmt.Sprintf("%d %s", c.code, c.reason) {
			t.Errorf("%s: closed with %s, want %d %s", c.target, got, c.code, c.reason)
		}
	}
	first := s.dialPusher("/app/fullkey?protocol=7")
	s.read(first)
	page := &pusherPage{Conn: s.dialPusher("/app/fullkey?protocol=7"), s: s}
	page.expect(`{"event":"pusher:error","data":{"code":4004,"message":"as many pages of this app are connected as may be: 1 (setting: max_connections)"}}`)
}

// member is the channel_data of a member.
func member(id, name string) string {
	return fmt.Sprintf(`{"user_id":%q,"user_info":{"name":%q}}`, id, name)
}

// TestPusherPresence: members of presence channels, and what each page is told of them.
func TestPusherPresence(t *testing.T) {
	s := start(t, pusherSettings(", linger: 0, max_members: 2"), nil)
	ann, bob, tab := s.pusherPage(), s.pusherPage(), s.pusherPage()
	ann.subscribe("presence-room", `{"user_id":10,"user_info":{"name":"Ann <3"}}`)
	ann.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"10\"],\"hash\":{\"10\":{\"name\":\"Ann <3\"}},\"count\":1}}"}`)
	bob.subscribe("presence-room", `{"user_id":"b\"ob"}`)
	bob.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"10\",\"b\\\"ob\"],\"hash\":{\"10\":{\"name\":\"Ann <3\"},\"b\\\"ob\":null},\"count\":2}}"}`)
	ann.expect(`{"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"b\\\"ob\"}"}`)
	tab.subscribe("presence-room", `{"user_id":10,"user_info":{"name":"Ann <3"}}`) // the same user again is one member
	tab.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"10\",\"b\\\"ob\"],\"hash\":{\"10\":{\"name\":\"Ann <3\"},\"b\\\"ob\":null},\"count\":2}}"}`)
	for _, p := range []*pusherPage{ann, bob, tab} {
		p.quiet()
	}

	carl := s.pusherPage()
	carl.subscribe("presence-room", member("c", "Carl"))
	carl.expect(`{"event":"pusher:subscription_error","channel":"presence-room","data":"{\"type\":\"LimitReached\",\"error\":\"the channel has as many members as it may (setting: pusher.max_members)\",\"status\":403}"}`)
	for _, c := range []struct{ target, query, want string }{
		{"/users", "", `200 {"users":[{"id":"10"},{"id":"b\"ob"}]}`},
		{"", "info=user_count", `200 {"occupied":true,"user_count":2}`},
		{"", "info=user_count,subscription_count", `200 {"occupied":true,"user_count":2,"subscription_count":3}`},
	} {
		var query []string
		if c.query != "" {
			query = []string{c.query}
		}
		if got := s.pusher("GET", "/apps/3/channels/presence-room"+c.target, "", query...); got != c.want {
			t.Errorf("%s?%s: %s, want %s", c.target, c.query, got, c.want)
		}
	}
	if got := s.pusher("GET", "/apps/3/channels", "", "info=user_count", "filter_by_prefix=presence-"); got != `200 {"channels":{"presence-room":{"user_count":2}}}` {
		t.Errorf("channels: %s", got)
	}
	if got := s.count(`@channel == "presence-room"`); got != 3 {
		t.Errorf("%d pages are subscribed, want 3", got)
	}

	// Client events name the member. They are not for whoever sends them.
	ann.say(`{"event":"client-typing","channel":"presence-room","data":{"on": true}}`)
	for _, p := range []*pusherPage{bob, tab} {
		p.expect(`{"event":"client-typing","channel":"presence-room","data":"{\"on\": true}","user_id":"10"}`)
	}
	ann.quiet()

	_ = ann.Close(websocket.StatusNormalClosure, "") // the user's other connection is still there
	s.awaitConnections(3)
	bob.quiet()
	tab.say(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
	bob.expect(`{"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\"user_id\":\"10\"}"}`)
	carl.subscribe("presence-room", member("c", "Carl"))
	carl.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"b\\\"ob\",\"c\"],\"hash\":{\"b\\\"ob\":null,\"c\":{\"name\":\"Carl\"}},\"count\":2}}"}`)
	bob.expect(`{"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"c\",\"user_info\":{\"name\":\"Carl\"}}"}`)
}

// signIn signs in.
func (p *pusherPage) signIn(data string) {
	p.s.t.Helper()
	p.say(fmt.Sprintf(`{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, pusherSigner.SignIn(p.id, data), data))
	p.expect(fmt.Sprintf(`{"event":"pusher:signin_success","data":%q}`, fmt.Sprintf(`{"user_data":%q}`, data)))
}

// TestPusherUsers: users who have signed in, what is sent to one of them, and watchlists.
func TestPusherUsers(t *testing.T) {
	s := start(t, pusherSettings(", linger: 0, max_watchlist: 2"), nil)
	ann := s.pusherPage()
	const user = "#server-to-user-ann"
	ann.say(`{"event":"pusher:subscribe","data":{"auth":"","channel":"` + user + `"}}`)
	ann.expect(`{"event":"pusher:subscription_error","channel":"` + user + `","data":"{\"type\":\"AuthError\",\"error\":\"the channel is that of a user who has signed in\",\"status\":401}"}`)
	ann.signIn(`{"id":"ann","user_info":{"name":"Ann"},"watchlist":["bob","carl","ann","bob"]}`)
	ann.expect(`{"event":"pusher:error","data":{"code":4302,"message":"the watchlist has more users than it may, and the first ones count (setting: pusher.max_watchlist)"}}`,
		`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"bob\",\"carl\"]}]}"}`)
	ann.subscribe(user, "")
	s.push(`{"to":"@channel == \"#server-to-user-ann\"","event":"hi","message":1}`)
	ann.expect(`{"event":"hi","channel":"` + user + `","data":"1"}`)
	s.push(`{"to":"@user == \"ann\"","event":"hi","message":2}`)
	ann.expect(`{"event":"hi","data":"2"}`)

	bob, tab := s.pusherPage(), s.pusherPage()
	bob.signIn(`{"id":"bob","watchlist":["ann"]}`)
	bob.expect(`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"ann\"]}]}"}`)
	ann.expect(`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"bob\"]}]}"}`)
	tab.signIn(`{"id":"bob"}`)
	_ = bob.Close(websocket.StatusNormalClosure, "")
	s.awaitConnections(2)
	ann.quiet()
	_ = tab.Close(websocket.StatusNormalClosure, "")
	ann.expect(`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"bob\"]}]}"}`)

	// Who has signed in is a member of presence channels without channel_data.
	ann.say(ann.subscription("presence-room", ""))
	ann.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"ann\"],\"hash\":{\"ann\":{\"name\":\"Ann\"}},\"count\":1}}"}`)
	ann.say(fmt.Sprintf(`{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, pusherSigner.SignIn(ann.id, `{"id":"eve"}`), `{"id":"eve"}`))
	ann.expect(`{"event":"pusher:error","data":{"code":4009,"message":"the connection has signed in as another user"}}`)
}

// TestPusherCounts: subscribers are told how many they are, where the app wants it.
func TestPusherCounts(t *testing.T) {
	s := start(t, pusherSettings(", linger: 0, subscription_counts: true"), nil)
	counted := func(n int) string {
		return fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":%d}"}`, n)
	}
	ann, bob := s.pusherPage(), s.pusherPage()
	ann.subscribe("news", "")
	ann.expect(counted(1))
	bob.subscribe("news", "")
	bob.counts(counted(2))
	ann.expect(counted(2))
	ann.subscribe("presence-room", member("a", "Ann"))
	ann.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"a\"],\"hash\":{\"a\":{\"name\":\"Ann\"}},\"count\":1}}"}`)
	bob.say(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	ann.expect(counted(1))
}

// TestPusherCache: cache channels keep their newest event.
func TestPusherCache(t *testing.T) {
	s := start(t, pusherSettings(""), nil)
	page := s.pusherPage()
	page.subscribe("cache-prices", "")
	page.expect(`{"event":"pusher:cache_miss","channel":"cache-prices"}`)
	const retained = `{"to":"@channel == \"cache-prices\"","event":"price","message":%d,"ttl":"1m","retain":"cache-prices"}`
	for i := range 2 {
		s.push(fmt.Sprintf(retained, i))
		page.expect(fmt.Sprintf(`{"event":"price","channel":"cache-prices","data":"%d"}`, i))
	}
	other := s.pusherPage()
	for _, p := range []*pusherPage{other, page} { // the page a second time
		p.say(`{"event":"pusher:unsubscribe","data":{"channel":"cache-prices"}}`)
		p.subscribe("cache-prices", "")
		p.expect(`{"event":"price","channel":"cache-prices","data":"1"}`)
		p.quiet()
	}
}

// TestPusherDrain: pages are told to come back at once, spread over the time of the drain, and whoever comes meanwhile after a while.
func TestPusherDrain(t *testing.T) {
	s := start(t, pusherSettings(""), nil)
	page := s.pusherPage()
	page.quiet()
	go s.stop()
	if got := s.goodbye(page.Conn); got != "4200 server is going away" {
		t.Errorf("closed with %s", got)
	}
}

// TestPusherReload: pages whose key is gone, or whose app is disabled, are closed and stay away.
func TestPusherReload(t *testing.T) {
	for name, pusher := range map[string]string{
		"another key": "{id: '3', key: other, secret: other-secret}",
		"disabled":    fmt.Sprintf("{id: '3', key: %s, secret: %s, enabled: false}", pusherKey, pusherSecret),
	} {
		s := startReloadable(t, pusherSettings(""))
		page := s.pusherPage()
		page.quiet()
		s.reload(map[string]string{"pusher": pusher})
		if got := s.goodbye(page.Conn); !strings.HasPrefix(got, "4009 ") {
			t.Errorf("%s: closed with %s", name, got)
		}
	}
}

// TestPusherManyChannels: a page that subscribes to more channels than it may has exactly as many as it may.
func TestPusherManyChannels(t *testing.T) {
	t.Parallel()
	s := start(t, pusherSettings(", max_channels: 100"), nil)
	page := s.pusherPage()
	const wanted = 10_000
	unanswered := make(chan struct{}, 200) // so that the answers have room in the outbox, however slowly this test reads
	go func() {
		for i := range wanted {
			select {
			case unanswered <- struct{}{}:
			case <-t.Context().Done():
				return
			}
			_ = page.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"channel":"c%d"}}`, i))
		}
	}()
	for i := range wanted {
		want := fmt.Sprintf(`{"event":"pusher_internal:subscription_succeeded","channel":"c%d","data":"{}"}`, i)
		if i >= 100 {
			want = fmt.Sprintf(`{"event":"pusher:subscription_error","channel":"c%d","data":"{\"type\":\"LimitReached\",\"error\":\"a connection may have 100 channels (setting: pusher.max_channels)\",\"status\":403}"}`, i)
		}
		page.expect(want)
		<-unanswered
	}
	if got := s.count(`has(@channel) && @channel == "c99"`) + s.count(`@channel == "c100"`); got != 1 {
		t.Errorf("%d subscriptions, want that of c99", got)
	}
}
