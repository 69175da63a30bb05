package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/protocol/pusher/channel"
)

// pusherReceiver is a backend that is told of channels: a real HTTP server, which checks signatures.
type pusherReceiver struct {
	*httptest.Server
	t *testing.T

	mu          sync.Mutex
	key, secret string
	status      int // that it answers; 0: 200
	calls       int
	events      []string      // as they came
	told        chan struct{} // holds a signal when there has been a call

	before map[string]bool // events that awaitOthers has found
}

func newPusherReceiver(t *testing.T) *pusherReceiver {
	r := &pusherReceiver{t: t, key: pusherKey, secret: pusherSecret, told: make(chan struct{}, 1), before: make(map[string]bool)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

var pusherBody = regexp.MustCompile(`^\{"time_ms":\d{13},"events":\[.*\]\}$`)

func (r *pusherReceiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write(body)
	if got := request.Header.Get("X-Pusher-Signature"); got != hex.EncodeToString(mac.Sum(nil)) || request.Header.Get("X-Pusher-Key") != r.key {
		r.t.Errorf("signed %s by %s", got, request.Header.Get("X-Pusher-Key"))
	}
	if got := request.Header["Content-Type"]; !slices.Equal(got, []string{"application/json"}) || request.Method != http.MethodPost {
		r.t.Errorf("%s with the type %q", request.Method, got)
	}
	for name := range request.Header {
		if strings.HasPrefix(name, "Webhook-") {
			r.t.Errorf("the header %s is of Standard Webhooks", name)
		}
	}
	var call struct{ Events []json.RawMessage }
	if err := json.Unmarshal(body, &call); err != nil || !pusherBody.Match(body) {
		r.t.Errorf("%s: %v", body, err)
	}
	r.calls++
	defer func() {
		select {
		case r.told <- struct{}{}:
		default:
		}
	}()
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	for _, e := range call.Events {
		r.events = append(r.events, string(e))
	}
}

func (r *pusherReceiver) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// await waits until something holds of the calls and the events.
func (r *pusherReceiver) await(what string, is func(calls int, events []string) bool) []string {
	r.t.Helper()
	for deadline := time.After(patience); ; {
		r.mu.Lock()
		calls, events := r.calls, slices.Clone(r.events)
		r.mu.Unlock()
		if is(calls, events) {
			return events
		}
		select {
		case <-r.told:
		case <-deadline:
			r.t.Fatalf("%s: after %d calls, told of %q", what, calls, events)
		}
	}
}

// awaitEvents waits for these events, in any order, and no others.
func (r *pusherReceiver) awaitEvents(want ...string) {
	r.t.Helper()
	events := r.await(fmt.Sprintf("waiting for %q", want), func(_ int, events []string) bool { return len(events) >= len(want) })
	slices.Sort(events)
	slices.Sort(want)
	if !slices.Equal(events, want) {
		r.t.Errorf("told\n%s, want\n%s", strings.Join(events, "\n"), strings.Join(want, "\n"))
	}
	r.set(func() { r.events = nil })
}

// awaitOthers is awaitEvents, but for events that have been told before: while it changes which node tells, as it does when nodes have been there
// for a while, both may tell the same.
func (r *pusherReceiver) awaitOthers(want ...string) {
	r.t.Helper()
	others := func(events []string) []string {
		sorted := slices.Sorted(slices.Values(events))
		return slices.Compact(slices.DeleteFunc(sorted, func(e string) bool { return r.before[e] }))
	}
	events := others(r.await(fmt.Sprintf("waiting for %q", want), func(_ int, events []string) bool { return len(others(events)) >= len(want) }))
	slices.Sort(want)
	if !slices.Equal(events, want) {
		r.t.Errorf("told\n%s, want\n%s", strings.Join(events, "\n"), strings.Join(want, "\n"))
	}
	for _, e := range want {
		r.before[e] = true
	}
}

// withWebhook is an app with a webhook, which has further settings.
func (r *pusherReceiver) withWebhook(app, more string) map[string]string {
	return pusherApp(fmt.Sprintf("%s, webhooks: [{url: %q, max_wait: 1ms%s}]", app, r.URL, more))
}

// clientEvent is a message of a page, and what a webhook is told of it.
func (p *pusherPage) clientEvent(name, data string) (message, told string) {
	return fmt.Sprintf(`{"event":"client-x","channel":%q,"data":%s}`, name, data),
		fmt.Sprintf(`{"name":"client_event","channel":%q,"event":"client-x","data":%q,"socket_id":%q}`, name, data, p.id)
}

// TestPusherWebhooks: a backend is told in the form of Pusher, until it has taken it.
func TestPusherWebhooks(t *testing.T) {
	backend := newPusherReceiver(t)
	s := start(t, backend.withWebhook("", ", events: [client_event]"), nil)
	page := s.pusherPage()
	page.subscribe("private-a", "")
	message, told := page.clientEvent("private-a", `{"b": 1.10}`)
	page.say(message)
	backend.awaitEvents(told)

	backend.set(func() { backend.status, backend.calls = 500, 0 })
	page.say(message)
	page.say(message)
	backend.await("a call that fails", func(calls int, _ []string) bool { return calls > 0 })
	for deadline := time.Now().Add(patience); ; { // the call is noted behind its answer
		got := s.api("GET", "/v1/hooks", "")
		if strings.Contains(got, `"name":"pusher.webhook","state":"failing"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the webhook stands so: %s", got)
		}
	}
	backend.set(func() { backend.status = 0 })
	s.api("POST", "/v1/hooks/pusher.webhook/retry", "")
	backend.awaitEvents(told, told)

	// A refused event is told to nobody.
	page.say(`{"event":"client-x","channel":"private-b","data":1}`)
	s.read(page.Conn)
	page.say(message)
	backend.awaitEvents(told)
}

// TestPusherWebhooksOfOtherEvents: a webhook is told of the events that it wants.
func TestPusherWebhooksOfOtherEvents(t *testing.T) {
	backend := newPusherReceiver(t)
	s := start(t, pusherApp(fmt.Sprintf(", webhooks: [{name: a, url: %q, max_wait: 1ms, events: [cache_miss]}, {name: b, url: %q, max_wait: 1ms, events: [client_event]}]", backend.URL, backend.URL)), nil)
	page := s.pusherPage()
	page.subscribe("private-a", "")
	message, told := page.clientEvent("private-a", `1`)
	page.say(message)
	backend.awaitEvents(told)
}

// TestPusherWebhooksReload: another key signs, what waits goes to another URL, and a webhook that is gone is told nothing.
func TestPusherWebhooksReload(t *testing.T) {
	before, after := newPusherReceiver(t), newPusherReceiver(t)
	before.status = 500
	after.set(func() { after.key, after.secret = "next", "next-secret-123456" })
	s := startReloadable(t, before.withWebhook("", ""))
	page := s.pusherPage()
	page.subscribe("private-a", "")
	message, told := page.clientEvent("private-a", `1`)
	page.say(message)
	before.await("a call", func(calls int, _ []string) bool { return calls > 0 })
	rotated := map[string]string{"pusher": fmt.Sprintf("{id: '3', key: next, secret: next-secret-123456, keys: [{key: %s, secret: %s}], webhooks: [{url: %q, max_wait: 1ms, events: [client_event]}]}",
		pusherKey, pusherSecret, after.URL)}
	s.set(rotated)
	if done, err := s.ReloadConfiguration(t.Context()); err != nil || done.Closed != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	after.await("what has waited", func(_ int, events []string) bool { return slices.Contains(events, told) })
	page.quiet()

	s.set(pusherApp(""))
	if _, err := s.ReloadConfiguration(t.Context()); err != nil {
		t.Fatal(err)
	}
	page.say(message)
	page.quiet()
	if got := s.api("GET", "/v1/hooks", ""); got != `{"hooks":[]}` {
		t.Errorf("hooks that are gone: %s", got)
	}
}

// TestPusherKeyRemoved: a reload closes the pages that have connected by a key which is gone, and no others.
func TestPusherKeyRemoved(t *testing.T) {
	s := startReloadable(t, pusherApp(""))
	page := s.pusherPage()
	next := s.dialPusher("/app/next?protocol=7")
	s.read(next)
	s.set(pusherSettings(""))
	if done, err := s.ReloadConfiguration(t.Context()); err != nil || done.Closed != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if code := s.closeCode(next); code != 4009 && code != 4001 {
		t.Errorf("closed with %d", code)
	}
	page.quiet()
	s.set(pusherSettings(", enabled: false"))
	if done, err := s.ReloadConfiguration(t.Context()); err != nil || done.Closed != 1 {
		t.Fatalf("disabled: %+v, %v", done, err)
	}
}

// TestPusherWebhooksSurvive: with data_dir, what could not be told before the process ended is told by the next one.
func TestPusherWebhooksSurvive(t *testing.T) {
	backend := newPusherReceiver(t)
	backend.status = 503
	settings := backend.withWebhook("", ", events: [client_event]")
	maps.Copy(settings, map[string]string{"data_dir": t.TempDir(), "engine": "memory", "drain": "1ms"})
	s := start(t, settings, nil)
	page := s.pusherPage()
	page.subscribe("private-a", "")
	message, told := page.clientEvent("private-a", `"<b>"`)
	told = strings.Replace(told, `"data":"\"<b>\""`, `"data":"\u003cb\u003e"`, 1)
	page.say(message)
	backend.await("a call", func(calls int, _ []string) bool { return calls > 0 })
	_ = page.Close(websocket.StatusNormalClosure, "")
	s.end()
	backend.set(func() { backend.status = 0 })
	start(t, settings, nil)
	backend.awaitEvents(told)
}

// TestPusherWebhooksOfChannels: a backend hears of channels and members that come and go.
func TestPusherWebhooksOfChannels(t *testing.T) {
	t.Parallel()
	checkPusherWebhooks(t, func(settings map[string]string) []*running { return []*running{start(t, settings, nil)} })
}

// TestPusherWebhooksOfThreeNodes: … once, whichever nodes the pages are on.
func TestPusherWebhooksOfThreeNodes(t *testing.T) {
	t.Parallel()
	checkPusherWebhooks(t, func(settings map[string]string) []*running { return startNodes(t, 3, settings) })
}

func checkPusherWebhooks(t *testing.T, run func(settings map[string]string) []*running) {
	backend := newPusherReceiver(t)
	settings := backend.withWebhook(", linger: 3s", ", events: [channel_occupied, channel_vacated, member_added, member_removed, cache_miss]")
	settings["presence"] = "[{key: page}]"
	told := newReceiver(t) // of what is no channel
	settings["hooks.events"] = hookTo(told, ", events: [occupied, joined]")
	nodes := run(settings)
	await := backend.awaitEvents
	if len(nodes) > 1 {
		await = backend.awaitOthers
	}
	first, last := nodes[0].pusherPage(), nodes[len(nodes)-1].pusherPage()
	const member = `{"user_id":7,"user_info":{"name":"Ann"}}`
	signIn := func(p *pusherPage) {
		user := `{"id":"9"}`
		p.say(fmt.Sprintf(`{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, pusherSigner.SignIn(p.id, user), user))
		p.s.read(p.Conn)
	}
	enter := func(p *pusherPage) {
		t.Helper()
		p.subscribe("news", "")
		p.subscribe("presence-room", member)
		if got := p.s.read(p.Conn); !strings.Contains(got, `"pusher_internal:subscription_succeeded","channel":"presence-room"`) {
			t.Fatalf("told %s", got)
		}
	}
	const (
		news   = `{"name":"channel_occupied","channel":"news"}`
		room   = `{"name":"channel_occupied","channel":"presence-room"}`
		joined = `{"name":"member_added","channel":"presence-room","user_id":"7"}`
	)
	enter(first)
	await(news, room, joined)
	enter(last)
	signIn(last)
	last.subscribe("#server-to-user-9", "")
	last.subscribe("cache-prices", "")
	last.expect(`{"event":"pusher:cache_miss","channel":"cache-prices"}`)
	await(`{"name":"channel_occupied","channel":"cache-prices"}`, `{"name":"cache_miss","channel":"cache-prices"}`)

	// Whoever comes back within the linger has not left.
	again := nodes[len(nodes)/2].pusherPage()
	_ = first.Close(websocket.StatusNormalClosure, "")
	_ = last.Close(websocket.StatusNormalClosure, "")
	enter(again)
	await(`{"name":"channel_vacated","channel":"cache-prices"}`)
	nodes[0].awaitScene(channel.MemberLabel, "presence-room", 1)
	if got := nodes[0].pusher("GET", "/apps/3/channels/presence-room/users", ""); got != `200 {"users":[{"id":"7"}]}` {
		t.Errorf("the members are %s", got)
	}
	if got := nodes[0].pusher("GET", "/apps/3/channels", "", "filter_by_prefix=presence-", "info=user_count"); got != `200 {"channels":{"presence-room":{"user_count":1}}}` {
		t.Errorf("the channels are %s", got)
	}
	again.say(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
	await(`{"name":"channel_vacated","channel":"presence-room"}`, strings.Replace(joined, "added", "removed", 1))
	_ = again.Close(websocket.StatusNormalClosure, "")
	await(`{"name":"channel_vacated","channel":"news"}`)

	nodes[0].page("page=home")
	told.await(1)
	for _, e := range told.taken() {
		if e.Data.Key != "page" {
			t.Errorf("a hook is told of %s %s", e.Data.Key, e.Data.Value)
		}
	}
}

// TestPusherWebhooksOfCounts: a backend hears how many a channel has, of all nodes, and once; pages hear of it where that is set.
func TestPusherWebhooksOfCounts(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		backend := newPusherReceiver(t)
		nodes := startNodes(t, 3, backend.withWebhook(fmt.Sprintf(", subscription_counts: %t", told), ", events: [subscription_count]"))
		count := func(n int) string {
			return fmt.Sprintf(`{"name":"subscription_count","channel":"news","subscription_count":%d}`, n)
		}
		var pages []*pusherPage
		for i, n := range nodes {
			page := n.pusherPage()
			pages = append(pages, page)
			n.awaitScene(channel.Label, "news", i) // what it tells its page begins with that
			page.subscribe("news", "")
			backend.awaitEvents(count(i + 1))
			if told {
				for _, p := range pages {
					p.expect(fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":%d}"}`, i+1))
				}
			}
		}
		for i, page := range pages[:2] {
			_ = page.Close(websocket.StatusNormalClosure, "")
			backend.awaitEvents(count(2 - i))
			if told {
				pages[2].expect(fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":%d}"}`, 2-i))
			}
		}
		pages[2].quiet()
		for _, n := range nodes {
			n.end()
		}
	}
}
