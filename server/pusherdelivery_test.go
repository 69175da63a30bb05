package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestPusherAPIReachesPages: subscribers of each channel get an event once for each of its channels, but for the page that is left out.
func TestPusherAPIReachesPages(t *testing.T) {
	checkPusherAPI(t, []*running{start(t, pusherApp(""), nil)})
}

// TestPusherAPIOnThreeNodes: whichever node is asked, it answers for all.
func TestPusherAPIOnThreeNodes(t *testing.T) {
	t.Parallel()
	checkPusherAPI(t, startNodes(t, 3, pusherApp("")))
}

func checkPusherAPI(t *testing.T, nodes []*running) {
	s, last := nodes[0], nodes[len(nodes)-1]
	page, other, away := s.pusherPage(), s.pusherPage(), last.pusherPage()
	for _, p := range []*pusherPage{page, other, away} {
		p.subscribe("news", "")
	}
	away.subscribe("private-a", "")
	user := `{"id":"7"}`
	signIn := func(p *pusherPage) {
		p.say(fmt.Sprintf(`{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, pusherSigner.SignIn(p.id, user), user))
		p.expect(fmt.Sprintf(`{"event":"pusher:signin_success","data":%q}`, fmt.Sprintf(`{"user_data":%q}`, user)))
	}
	signIn(page)
	signIn(away)
	page.subscribe("#server-to-user-7", "")
	call := func(from *running, method, path, body, want string, more ...string) {
		t.Helper()
		if got := from.pusher(method, path, body, more...); got != want {
			t.Errorf("%s %s %s: %s, want %s", method, path, body, got, want)
		}
	}

	call(s, "POST", "/apps/3/events", `{"name":"e","channels":["news","private-a","nobody"],"data":"{\"a\": 1}","info":"subscription_count"}`,
		`200 {"channels":{"news":{"subscription_count":3},"nobody":{"subscription_count":0},"private-a":{"subscription_count":1}}}`)
	news := `{"event":"e","channel":"news","data":"{\"a\": 1}"}`
	page.expect(news)
	other.expect(news)
	away.expect(news, `{"event":"e","channel":"private-a","data":"{\"a\": 1}"}`)

	call(last, "POST", "/apps/3/events", fmt.Sprintf(`{"name":"f","channel":"news","data":"text","socket_id":%q,"info":"subscription_count"}`, page.id),
		`200 {"channels":{"news":{"subscription_count":3}}}`)
	page.quiet()
	other.expect(`{"event":"f","channel":"news","data":"text"}`)
	away.expect(`{"event":"f","channel":"news","data":"text"}`)

	call(last, "POST", "/apps/3/batch_events", fmt.Sprintf(`{"batch":[{"name":"g","channel":"news","data":"1","socket_id":%q},{"name":"h","channel":"private-a","data":"2","info":"subscription_count"},`+
		`{"name":"i","channel":"#server-to-user-7","data":"\"3\""}]}`, away.id), `200 {"batch":[{},{"subscription_count":1},{}]}`)
	page.expect(`{"event":"g","channel":"news","data":"1"}`, `{"event":"i","channel":"#server-to-user-7","data":"\"3\""}`)
	other.expect(`{"event":"g","channel":"news","data":"1"}`)
	away.expect(`{"event":"h","channel":"private-a","data":"2"}`)

	for _, n := range nodes {
		call(n, "GET", "/apps/3/channels", "", `200 {"channels":{"news":{},"private-a":{}}}`)
		call(n, "GET", "/apps/3/channels", "", `200 {"channels":{"private-a":{"subscription_count":1}}}`, "filter_by_prefix=private-", "info=subscription_count")
		call(n, "GET", "/apps/3/channels", "", `200 {"channels":{}}`, "filter_by_prefix=presence-", "info=user_count")
		call(n, "GET", "/apps/3/channels/news", "", `200 {"occupied":true,"subscription_count":3}`, "info=subscription_count")
		call(n, "GET", "/apps/3/channels/news", "", `200 {"occupied":true}`)
		call(n, "GET", "/apps/3/channels/nobody", "", `200 {"occupied":false,"subscription_count":0}`, "info=subscription_count")
	}
	if status, _ := s.call("HEAD", "/apps/3/channels"+signedQuery("HEAD", "/apps/3/channels", pusherKey, pusherSecret, "", time.Now()), "", "", ""); status != 200 {
		t.Errorf("HEAD is answered %d", status)
	}

	call(s, "POST", "/apps/3/users/8/terminate_connections", "", `200 {}`)
	call(s, "POST", "/apps/3/users/7/terminate_connections", "", `200 {}`)
	for _, p := range []*pusherPage{page, away} {
		for { // it is told by pusher:error before, or not
			_, _, err := p.Read(t.Context())
			if err == nil {
				continue
			}
			if code := websocket.CloseStatus(err); code != 4009 {
				t.Errorf("a page of the user is closed with %d: %v", code, err)
			}
			break
		}
	}
	other.quiet()
	call(last, "GET", "/apps/3/channels/news", "", `200 {"occupied":true,"subscription_count":1}`, "info=subscription_count")
}
