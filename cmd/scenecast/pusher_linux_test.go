package main_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/freeport"
)

const (
	roomKey    = "key-of-the-room"
	roomSecret = "secret-of-the-room"
)

// pusherMAC is what the app's secret signs a text with.
func pusherMAC(text string) string {
	mac := hmac.New(sha256.New, []byte(roomSecret))
	_, _ = io.WriteString(mac, text)
	return fmt.Sprintf("%x", mac.Sum(nil))
}

// roomPage is a page that speaks the Pusher protocol, and is a member of presence-room.
type roomPage struct {
	t    *testing.T
	conn *websocket.Conn
}

// enter connects a page of a user to a node, and returns when it is a member of presence-room.
func (m *member) enter(user string) *roomPage {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(m.url, "http", "ws", 1)+"/app/"+roomKey+"?protocol=7", nil)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = conn.CloseNow() })
	p := &roomPage{m.t, conn}
	var greeting struct{ Data string }
	var established struct {
		ID string `json:"socket_id"`
	}
	text := p.read()
	if json.Unmarshal([]byte(text), &greeting) != nil || json.Unmarshal([]byte(greeting.Data), &established) != nil {
		m.t.Fatalf("greeted by %s", text)
	}
	data := fmt.Sprintf(`{"user_id":%q}`, user)
	p.say(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"presence-room","channel_data":%q,"auth":"%s:%s"}}`,
		data, roomKey, pusherMAC(established.ID+":presence-room:"+data)))
	if text := p.read(); !strings.HasPrefix(text, `{"event":"pusher_internal:subscription_succeeded","channel":"presence-room"`) {
		m.t.Fatalf("%s is answered %s", user, text)
	}
	return p
}

func (p *roomPage) say(message string) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *roomPage) read() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	_, text, err := p.conn.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *roomPage) expect(want string) {
	p.t.Helper()
	if got := p.read(); got != want {
		p.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// quiet checks that nothing else was on its way to the page.
func (p *roomPage) quiet() {
	p.t.Helper()
	p.say(`{"event":"pusher:ping","data":{}}`)
	p.expect(`{"event":"pusher:pong","data":{}}`)
}

// room is what a node says of presence-room: its members, and how many members and subscriptions there are.
func (m *member) room() string {
	var answers []string
	for _, call := range []struct{ path, params string }{
		{"/apps/3/channels/presence-room/users", ""},
		{"/apps/3/channels/presence-room", "&info=user_count,subscription_count"},
	} {
		params := fmt.Sprintf("auth_key=%s&auth_timestamp=%d&auth_version=1.0%s", roomKey, time.Now().Unix(), call.params)
		url := fmt.Sprintf("%s%s?%s&auth_signature=%s", m.url, call.path, params, pusherMAC("GET\n"+call.path+"\n"+params))
		response, err := m.http.Get(url)
		if err != nil {
			return err.Error()
		}
		answer, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if answers = append(answers, strings.TrimSpace(string(answer))); response.StatusCode != http.StatusOK {
			break
		}
	}
	return strings.Join(answers, " ")
}

// awaitRoom waits until nodes say that these users are the members, by so many subscriptions.
func awaitRoom(nodes []*member, subscriptions int, users ...string) {
	var ids []string
	for _, user := range users {
		ids = append(ids, fmt.Sprintf(`{"id":%q}`, user))
	}
	want := fmt.Sprintf(`{"users":[%s]} {"occupied":true,"user_count":%d,"subscription_count":%d}`, strings.Join(ids, ","), len(users), subscriptions)
	for _, m := range nodes {
		m.t.Helper()
		got := m.room()
		for deadline := time.Now().Add(patience); got != want; got = m.room() {
			if time.Now().After(deadline) {
				m.t.Fatalf("node %s says %s, want %s", m.name, got, want)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// TestPusherNodeDies: where a node is killed, the members of a presence channel who were on it alone have left, once, and those who are on
// another one as well have not; counts are right on every node.
func TestPusherNodeDies(t *testing.T) {
	t.Parallel()
	app := []string{"env", fmt.Sprintf("SCENECAST_PUSHER={id: '3', key: %s, secret: %s, linger: 0}", roomKey, roomSecret),
		"SCENECAST_CLUSTER_FORGET_AFTER=10s"} // a node that is slow because the machine is busy is not gone
	f := newFleetAt(t, freeport.Addrs(t, 3), freeport.Addrs(t, 3), [][]string{app, app, app})
	others, dies := f.nodes[:2], f.nodes[2]
	told := func(event, user string, pages ...*roomPage) {
		t.Helper()
		for _, p := range pages {
			p.expect(fmt.Sprintf(`{"event":"pusher_internal:%s","channel":"presence-room","data":"{\"user_id\":\"%s\"}"}`, event, user))
		}
	}
	cat := others[0].enter("cat")
	awaitRoom(f.nodes, 1, "cat")
	dan := others[1].enter("dan")
	told("member_added", "dan", cat)
	awaitRoom(f.nodes, 2, "cat", "dan")
	dies.enter("ann")
	told("member_added", "ann", cat, dan)
	awaitRoom(f.nodes, 3, "ann", "cat", "dan")
	dies.enter("ann")
	dies.enter("bob")
	told("member_added", "bob", cat, dan)
	awaitRoom(f.nodes, 5, "ann", "bob", "cat", "dan")
	bob := others[1].enter("bob")
	awaitRoom(f.nodes, 6, "ann", "bob", "cat", "dan")

	dies.kill()
	told("member_removed", "ann", cat, dan, bob)
	awaitRoom(others, 3, "bob", "cat", "dan")
	for _, p := range []*roomPage{cat, dan, bob} {
		p.quiet()
	}

	dies.start()
	dies.awaitReady()
	awaitRoom(f.nodes, 3, "bob", "cat", "dan")
	if err := bob.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	told("member_removed", "bob", cat, dan)
	awaitRoom(f.nodes, 2, "cat", "dan")
	ann := dies.enter("ann")
	told("member_added", "ann", cat, dan)
	awaitRoom(f.nodes, 3, "ann", "cat", "dan")
	for _, p := range []*roomPage{cat, dan, ann} {
		p.quiet()
	}
}
