package server

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"scenecast/client"
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

// at is is of a message that has a position besides, which it returns.
func (p *movingPusherPage) at(format string, args ...any) string {
	p.t.Helper()
	got, want := p.read(), strings.TrimSuffix(fmt.Sprintf(format, args...), "}")
	position, ok := strings.CutPrefix(got, want+`,"position":"`)
	if !ok {
		p.t.Fatalf("got  %s\nwant %s} with a position", got, want)
	}
	return strings.TrimSuffix(position, `"}`)
}

// subscribeSince subscribes to a public channel with what lies behind a position.
func (p *movingPusherPage) subscribeSince(channel, position string) {
	p.t.Helper()
	p.say(`{"event":"pusher:subscribe","data":{"channel":%q,"since":%q}}`, channel, position)
	p.at(`{"event":"pusher_internal:subscription_succeeded","channel":%q,"data":"{}"}`, channel)
}

// TestHandoverOfResumablePusherPages: pages of an app with pusher.resume move as others do; they are told positions behind it, and what lies
// before it can be had, with who has sent it.
func TestHandoverOfResumablePusherPages(t *testing.T) {
	key := signature.NewKey("key-of-moves", "secret-of-moves")
	m := newMoves(t, map[string]string{"pusher": "{id: '3', key: key-of-moves, secret: secret-of-moves, linger: 0, client_events: true, resume: true}"})
	ann, bob := m.pusherPage(key), m.pusherPage(key)
	for _, p := range []*movingPusherPage{ann, bob} {
		p.say(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		p.at(`{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`)
	}
	began := m.current.engine.Newest().String()
	const hall = "presence-hall"
	ann.subscribe(hall, `{"user_id":"ann"}`)
	ann.expect("subscription_succeeded", `\"count\":1`)
	ann.expect("scenecast:position")
	bob.subscribe(hall, `{"user_id":"bob"}`)
	bob.expect("subscription_succeeded", `\"count\":2`)
	bob.expect("scenecast:position")
	ann.expect("member_added")
	bob.say(`{"event":"client-x","channel":"presence-hall","data":"1"}`)
	said := ann.at(`{"event":"client-x","channel":"presence-hall","data":"1","user_id":"bob"}`)
	last := said
	for n := range 3 {
		m.awaitEnd(m.next())
		ann.quiet()
		m.push(client.PushRequest{To: []byte(`"@channel == \"news\""`), Event: "e", Message: fmt.Appendf(nil, "%d", n)})
		last = ann.at(`{"event":"e","channel":"news","data":"%d"}`, n)
		bob.at(`{"event":"e","channel":"news","data":"%d"}`, n)
	}
	if last == said || last == "" {
		t.Errorf("the last event is at %q, and an earlier one at %q", last, said)
	}
	cat := m.pusherPage(key)
	cat.say(`{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q,"channel_data":%q,"since":%q}}`, key.Subscription(cat.id, hall, `{"user_id":"cat"}`), hall, `{"user_id":"cat"}`, began)
	cat.expect("subscription_succeeded", `\"count\":3`)
	cat.expect("scenecast:position")
	if at := cat.at(`{"event":"client-x","channel":"presence-hall","data":"1","user_id":"bob"}`); at != said {
		t.Errorf("an event that was at %s is at %s", said, at)
	}
	cat.subscribeSince("news", said)
	for n := range 3 {
		cat.at(`{"event":"e","channel":"news","data":"%d"}`, n)
	}
	cat.quiet()
}

// TestHandoverOfPusherPagesWithinTheirPast: pages that are in the midst of what they have missed of several channels go on there.
func TestHandoverOfPusherPagesWithinTheirPast(t *testing.T) {
	key := signature.NewKey("key-of-moves", "secret-of-moves")
	m := newMoves(t, map[string]string{
		"pusher": "{id: '3', key: key-of-moves, secret: secret-of-moves, linger: 0, resume: true, rewind: 100}", "outbox.send_buffer": "8KiB",
	})
	began := m.current.engine.Newest().String()
	const pushes = 400
	pad := strings.Repeat("x", 3_000)
	channels := []string{"news", "sport"}
	publish := func(n int) {
		t.Helper()
		for _, channel := range channels {
			m.push(client.PushRequest{To: fmt.Appendf(nil, `"@channel == \"%s\""`, channel), Event: "e", Message: fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, n, pad)})
		}
	}
	for n := range pushes {
		publish(n)
	}
	var pages []*movingPusherPage
	for range 3 {
		p := m.pusherPage(key)
		for _, channel := range channels {
			p.say(`{"event":"pusher:subscribe","data":{"channel":%q,"since":%q}}`, channel, began)
		}
		p.say(`{"event":"pusher:subscribe","data":{"channel":"weather","rewind":3}}`)
		p.at(`{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`)
		pages = append(pages, p)
	}
	for range 2 {
		m.awaitEnd(m.next())
	}
	publish(pushes)
	for i, p := range pages {
		next := map[string]int{}
		for next["news"] <= pushes || next["sport"] <= pushes {
			got := p.read()
			if strings.Contains(got, "subscription_succeeded") {
				continue
			}
			for _, channel := range channels {
				if !strings.HasPrefix(got, `{"event":"e","channel":"`+channel+`"`) {
					continue
				}
				if want := fmt.Sprintf(`"{\"n\":%d,`, next[channel]); !strings.Contains(got, want) {
					t.Fatalf("page %d gets %.100s, want %s", i, got, want)
				}
				next[channel]++
			}
		}
		p.quiet()
	}
}

// TestHandoverOfPusherFallback: a page of the Pusher protocol over HTTP requests is told at once to come back, and does so at the new process.
func TestHandoverOfPusherFallback(t *testing.T) {
	m := newMoves(t, map[string]string{"pusher": "{id: '3', key: key-of-moves, secret: secret-of-moves, linger: 0}", "drain": "20s"})
	open := func(session string) *rawPage {
		t.Helper()
		p := m.dialHTTP()
		p.write("POST /pusher/app/key-of-moves/1/" + session + "/xhr_streaming?protocol=7 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		response, err := http.ReadResponse(p.r, nil)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", response, err)
		}
		p.r = bufio.NewReader(response.Body)
		p.line("connection_established")
		return p
	}
	first := open("first")
	before := m.next()
	first.line(`c[4200,"`) // which has clients of Pusher come back at once
	if rest, err := io.ReadAll(first.r); err != nil || len(rest) > 0 {
		t.Errorf("behind the close come %q, %v", rest, err)
	}
	m.awaitEnd(before)
	open("second")
	if n := m.current.Connections(); n != 1 {
		t.Errorf("%d pages are connected", n)
	}
}

// line reads up to a line with a part.
func (p *rawPage) line(part string) {
	p.t.Helper()
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("%s: %v", part, err)
		}
		if strings.Contains(line, part) {
			return
		}
	}
}
