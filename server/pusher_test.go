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
	s.push(`{"to":"*","event":"all","message":7}`)
	page.expect(`{"event":"all","data":"7"}`)
	s.push(fmt.Sprintf(`{"to":"@channel == \"private-a\" && @id != %q","event":"x","message":1}`, page.id))
	page.say(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	page.quiet()
	if got := s.count(`@channel == "news"`); got != 0 {
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
