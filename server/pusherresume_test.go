package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

var positionForm = regexp.MustCompile(`,"position":"([0-9a-z]+-[0-9]+)"\}$`)

// expectAt is expect of one message, which has a position besides, and returns that.
func (p *pusherPage) expectAt(want string) string {
	p.s.t.Helper()
	got := p.s.read(p.Conn)
	m := positionForm.FindStringSubmatch(got)
	if m == nil || strings.TrimSuffix(got, m[0])+"}" != want {
		p.s.t.Fatalf("got  %s\nwant %s with a position", got, want)
	}
	return m[1]
}

// subscribeWith subscribes with further members of the data.
func (p *pusherPage) subscribeWith(name, data, more string) {
	p.s.t.Helper()
	p.say(strings.TrimSuffix(p.subscription(name, data), "}}") + "," + more + "}}")
}

const (
	subscribedNews = `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`
	subscribedRoom = `{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"a\"],\"hash\":{\"a\":{\"name\":\"Ann\"}},\"count\":1}}"}`
)

func newsEvent(n int) string { return fmt.Sprintf(`{"event":"e","channel":"news","data":"%d"}`, n) }

// TestPusherResume: a page that comes back and says where it was gets what it has missed of its channels, and what it cannot get, it is told.
func TestPusherResume(t *testing.T) {
	s := start(t, pusherSettings(", linger: 0, resume: true"), nil)
	page := s.pusherPage()
	page.subscribeWith("news", "", `"x":1`)
	began := page.expectAt(subscribedNews)
	publish := func(channel string, n int) {
		t.Helper()
		if status, answer := s.push(fmt.Sprintf(`{"to":"@channel == \"%s\"","event":"e","message":%d}`, channel, n)); status != 200 {
			t.Fatal(status, answer)
		}
	}
	publish("news", 1)
	first := page.expectAt(newsEvent(1))
	if first == began {
		t.Errorf("the event has the position of the subscription")
	}
	_ = page.Close(websocket.StatusNormalClosure, "")
	publish("news", 2)
	publish("presence-room", 3)
	publish("news", 4)
	if status, answer := s.push(`{"to":"*","event":"all","message":5}`); status != 200 {
		t.Fatal(status, answer)
	}

	page = s.pusherPage()
	page.subscribeWith("news", "", fmt.Sprintf(`"since":%q`, first))
	if at := page.expectAt(subscribedNews); at != first {
		t.Errorf("subscribed at %s, want %s", at, first)
	}
	page.expectAt(newsEvent(2))
	last := page.expectAt(newsEvent(4))
	page.subscribeWith("presence-room", member("a", "Ann"), fmt.Sprintf(`"since":%q`, first))
	page.expect(subscribedRoom)
	page.expectAt(`{"event":"scenecast:position","channel":"presence-room","data":"{}"}`)
	page.expectAt(`{"event":"e","channel":"presence-room","data":"3"}`)
	publish("news", 6)
	page.expectAt(newsEvent(6))
	page.quiet()

	for since, reason := range map[string]string{"zzz-1": "epoch", "nothing": "position"} {
		page = s.pusherPage()
		page.subscribeWith("news", "", fmt.Sprintf(`"since":%q`, since))
		page.expectAt(subscribedNews)
		page.expect(`{"event":"scenecast:gap","data":"{\"reason\":\"` + reason + `\"}"}`)
		publish("news", 7)
		page.expectAt(newsEvent(7))
		page.quiet()
	}

	page = s.pusherPage() // rewind is another thing
	page.subscribeWith("news", "", `"rewind":2`)
	page.expectAt(subscribedNews)
	page.quiet()
	page.subscribeWith("sport", "", fmt.Sprintf(`"since":%q`, last))
	page.expectAt(strings.Replace(subscribedNews, "news", "sport", 1))
	page.quiet()
}

// TestPusherRewind: a page that subscribes gets as many of the last events of the channel as it asks for and the app allows.
func TestPusherRewind(t *testing.T) {
	s := start(t, pusherSettings(", linger: 0, rewind: 3"), nil)
	for n := range 5 {
		s.push(fmt.Sprintf(`{"to":"@channel == \"news\"","event":"e","message":%d}`, n))
		s.push(`{"to":"@channel == \"presence-room\"","event":"e","message":"room"}`)
	}
	for _, c := range []struct {
		more string
		want []int
	}{{`"rewind":2`, []int{3, 4}}, {`"rewind":100`, []int{2, 3, 4}}, {`"rewind":0`, nil}, {`"rewind":null`, nil}, {`"since":"zzz-1"`, nil}} {
		page := s.pusherPage()
		page.subscribeWith("news", "", c.more)
		page.expect(subscribedNews)
		for _, n := range c.want {
			page.expect(newsEvent(n))
		}
		page.quiet()
	}
	for _, bad := range []string{`-1`, `1.5`, `"2"`, `{}`, `99999999999`} {
		page := s.pusherPage()
		page.subscribeWith("news", "", `"rewind":`+bad)
		page.expect(`{"event":"pusher:error","data":{"code":null,"message":"pusher:subscribe takes data with channel, auth and channel_data, which are texts, since, which is one, and rewind, a number"}}`)
		page.quiet()
	}
	ann := s.pusherPage()
	ann.subscribeWith("presence-room", member("a", "Ann"), `"rewind":1`)
	ann.expect(subscribedRoom, `{"event":"e","channel":"presence-room","data":"room"}`)
	ann.quiet()
	if got := s.count(`has(@history)`); got != 0 {
		t.Errorf("%d pages have the label @history", got)
	}
}

// TestPusherResumeSeam: pages that come back while events are published, to another node each time, get each event of each channel once and in
// order.
func TestPusherResumeSeam(t *testing.T) {
	t.Run("one node", func(t *testing.T) { checkPusherResume(t, []*running{start(t, pusherSettings(", resume: true"), nil)}) })
	t.Run("three nodes", func(t *testing.T) {
		checkPusherResume(t, startNodes(t, 3, pusherSettings(", resume: true")))
	})
}

func checkPusherResume(t *testing.T, nodes []*running) {
	const events = 400
	channels := []string{"news", "private-a", "sport"}
	page := nodes[0].pusherPage()
	at, got := make(map[string]string), make(map[string]int)
	// read takes messages until each channel has so many events.
	read := func(page *pusherPage, wants int) {
		t.Helper()
		for {
			done := true
			for _, name := range channels {
				done = done && got[name] >= wants
			}
			if done {
				return
			}
			var m struct{ Event, Channel, Data, Position string }
			if text := page.s.read(page.Conn); json.Unmarshal([]byte(text), &m) != nil || m.Position == "" {
				t.Fatalf("got %s", text)
			}
			at[m.Channel] = m.Position
			if m.Event != "e" {
				continue
			}
			if want := fmt.Sprint(got[m.Channel] + 1); m.Data != want {
				t.Fatalf("%s: got the event %s, want %s", m.Channel, m.Data, want)
			}
			got[m.Channel]++
		}
	}
	for _, name := range channels {
		page.say(page.subscription(name, ""))
		at[name] = page.expectAt(strings.Replace(subscribedNews, "news", name, 1))
	}
	published := make(chan error, 1)
	go func() {
		for n := range events {
			for i, name := range channels {
				body := fmt.Sprintf(`{"name":"e","channel":%q,"data":"%d"}`, name, n+1)
				if got := nodes[(n+i)%len(nodes)].pusher("POST", "/apps/3/events", body); got != "200 {}" {
					published <- fmt.Errorf("publish: %s", got)
					return
				}
			}
		}
		published <- nil
	}()
	for round := 1; round < 20; round++ {
		read(page, round*events/20)
		_ = page.CloseNow()
		page = nodes[round%len(nodes)].pusherPage()
		for _, name := range channels {
			page.subscribeWith(name, "", fmt.Sprintf(`"since":%q`, at[name]))
		}
	}
	read(page, events)
	if err := <-published; err != nil {
		t.Error(err)
	}
	page.say(`{"event":"pusher:ping","data":{}}`)
	if _, text, err := page.Read(context.Background()); err != nil || string(text) != `{"event":"pusher:pong","data":{}}` {
		t.Errorf("behind the last event: %s %v", text, err)
	}
}
