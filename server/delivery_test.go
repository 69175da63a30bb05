package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// nativePage is a page that speaks scenecast.v1.
type nativePage struct {
	*websocket.Conn
	s        *running
	position string // where it stands
}

// heard is a message from the server.
type heard struct {
	Type, Position, Reason string
	Late, Ack              bool
	Dropped                int
	Data                   json.RawMessage
}

// ack says that the page has shown a push.
func (p *nativePage) ack(push heard) {
	p.s.t.Helper()
	if err := p.Write(p.s.t.Context(), websocket.MessageText, []byte(`{"type":"ack","position":"`+push.Position+`"}`)); err != nil {
		p.s.t.Fatal(err)
	}
}

// nativePage opens a page and takes its welcome.
func (r *running) nativePage(query string) *nativePage {
	r.t.Helper()
	return r.nativePageBy(nil, query)
}

// nativePageBy is nativePage with a client of its own; nil: the default one.
func (r *running) nativePageBy(client *http.Client, query string) *nativePage {
	r.t.Helper()
	c, _, err := websocket.Dial(r.t.Context(), "ws://"+r.addr+"/v1/connect?token="+pageToken+"&"+query,
		&websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"scenecast.v1"}})
	if err != nil {
		r.t.Fatalf("page %s: %v", query, err)
	}
	c.SetReadLimit(-1)
	r.t.Cleanup(func() { _ = c.CloseNow() })
	p := &nativePage{Conn: c, s: r}
	if m := p.next(); m.Type != "welcome" {
		r.t.Fatalf("page %s: welcomed by %+v", query, m)
	}
	return p
}

// next is the next message; the page stands where that says.
func (p *nativePage) next() (m heard) {
	p.s.t.Helper()
	if err := json.Unmarshal([]byte(p.s.read(p.Conn)), &m); err != nil {
		p.s.t.Fatal(err)
	}
	if m.Position != "" && !m.Late {
		p.position = m.Position
	}
	return m
}

// acknowledge acknowledges what asks for it, until the page is closed.
func (p *nativePage) acknowledge() {
	for {
		_, text, err := p.Read(context.Background())
		var m heard
		if err != nil || json.Unmarshal(text, &m) != nil {
			return
		}
		if m.Ack {
			_ = p.Write(context.Background(), websocket.MessageText, []byte(`{"type":"ack","position":"`+m.Position+`"}`))
		}
	}
}

// expect reads pushes with these data.
func (p *nativePage) expect(data ...string) {
	p.s.t.Helper()
	for _, want := range data {
		if m := p.next(); m.Type != "push" || string(m.Data) != want || m.Late {
			p.s.t.Fatalf("got %+v with %s, want the push %s", m, m.Data, want)
		}
	}
}

// publish pushes and wants it to be taken.
func (r *running) publish(body string) string {
	r.t.Helper()
	status, answer := r.push(body)
	if status != 200 {
		r.t.Fatalf("push %s: %d %s", body, status, answer)
	}
	return answer
}

// TestResume: a page that comes back gets what its labels matched meanwhile, once and in order, and then what is live.
func TestResume(t *testing.T) {
	s := start(t, nil, nil)
	p := s.nativePage("page=home&page_id=abc")
	s.publish(`{"to":{"page":"home"},"message":1}`)
	p.expect("1")
	_ = p.CloseNow()
	s.awaitConnections(0)
	for i := range 1000 {
		s.publish(fmt.Sprintf(`{"to":{"page":"home"},"message":%d}`, 10+i))
		s.publish(fmt.Sprintf(`{"to":{"page":"list"},"message":%d}`, 10+i))
	}
	s.publish(`{"to":"*","except":{"@page":"abc"},"message":"not for abc"}`)
	live := make(chan struct{})
	go func() {
		defer close(live)
		for i := range 200 {
			s.publish(fmt.Sprintf(`{"to":{"page":"home"},"message":%d}`, 1010+i))
		}
	}()
	back := s.nativePage("page=home&page_id=abc&since=" + p.position)
	for i := range 1200 {
		back.expect(fmt.Sprint(10 + i))
	}
	<-live
	s.publish(`{"to":{"page":"home"},"message":"last"}`)
	back.expect(`"last"`)
}

// TestResumeUpToDate: whoever has missed nothing gets nothing twice.
func TestResumeUpToDate(t *testing.T) {
	s := start(t, nil, nil)
	p := s.nativePage("page=home")
	s.publish(`{"to":"*","message":1}`)
	p.expect("1")
	back := s.nativePage("page=home&since=" + p.position)
	s.publish(`{"to":"*","message":2}`)
	back.expect("2")
	p.expect("2")
}

// TestGap: what cannot be replayed is told.
func TestGap(t *testing.T) {
	s := start(t, map[string]string{"history.max_count": "10"}, nil)
	first := s.nativePage("page=home")
	for i := range 20 {
		s.publish(fmt.Sprintf(`{"to":"*","message":%d}`, i))
	}
	for since, reason := range map[string]string{
		first.position: "retention", "zz-1": "epoch", "yesterday": "position", strings.Split(first.position, "-")[0] + "-999": "epoch",
	} {
		p := s.nativePage("page=home&since=" + since)
		if m := p.next(); m.Type != "gap" || m.Reason != reason || m.Position == "" {
			t.Errorf("since %s: %+v, want a gap of the reason %s", since, m, reason)
		}
		s.publish(`{"to":"*","message":"live"}`)
		p.expect(`"live"`)
		_ = p.CloseNow()
	}
}

// TestLasting: a page that comes to match within the ttl gets the push, once.
func TestLasting(t *testing.T) {
	s := start(t, nil, nil)
	there := s.nativePage("page=home")
	s.publish(`{"to":{"page":"home"},"message":"sale","ttl":"1m"}`)
	there.expect(`"sale"`)
	late := func(p *nativePage, want string) {
		t.Helper()
		if m := p.next(); m.Type != "push" || !m.Late || string(m.Data) != want {
			t.Fatalf("got %+v with %s, want %s, late", m, m.Data, want)
		}
	}
	opens := s.nativePage("page=home&page_id=opens")
	late(opens, `"sale"`)
	// With the answer its loop has also noted that the push was written; a page that leaves before that gets it again.
	_ = opens.Write(t.Context(), websocket.MessageText, []byte(`{"type":"ping"}`))
	if m := opens.next(); m.Type != "pong" {
		t.Fatalf("ping: %+v", m)
	}
	moves := s.nativePage("page=list")
	set := func(p *nativePage, page string) {
		t.Helper()
		_ = p.Write(t.Context(), websocket.MessageText, []byte(`{"type":"set","labels":{"page":"`+page+`"}}`))
		if m := p.next(); m.Type != "set" {
			t.Fatalf("set: %+v", m)
		}
	}
	set(moves, "home")
	late(moves, `"sale"`)
	set(moves, "list")
	set(moves, "home")
	// Whoever has got it gets it no more: not by moving, not by coming back.
	_ = opens.CloseNow()
	s.awaitConnections(2)
	back := s.nativePage("page=home&page_id=opens&since=" + opens.position)
	s.publish(`{"to":"*","message":"next"}`)
	for _, p := range []*nativePage{there, moves, back} {
		p.expect(`"next"`)
	}
	// The newest of a key is its last value.
	for _, price := range []string{"1", "2", "3"} {
		s.publish(`{"to":{"order":"7"},"message":` + price + `,"ttl":"1m","retain":"price:7"}`)
	}
	watcher := s.nativePage("order=7")
	late(watcher, "3")
	s.publish(`{"to":"*","message":"done"}`)
	watcher.expect(`"done"`)
}

// TestReceipts: the answer says what has become of the push, and later what has come in since.
func TestReceipts(t *testing.T) {
	s := start(t, nil, nil)
	acks, silent, tutorial := s.nativePage("page=home&who=acks"), s.nativePage("page=home"), s.page("page=home&who=acks")
	answer := s.publish(`{"to":{"page":"home"},"message":1,"receipt":"written"}`)
	if !strings.Contains(answer, `"matched":3,"queued":3,"dropped":0,"written":3,"timed_out":0`) {
		t.Errorf("written: %s", answer)
	}
	for _, p := range []*nativePage{acks, silent} {
		p.expect("1")
	}
	_ = s.read(tutorial)
	// All is in before the time has passed.
	done := make(chan string)
	go func() { done <- s.publish(`{"to":{"who":"acks"},"message":2,"receipt":"acked","timeout":"20s"}`) }()
	m := acks.next()
	if !m.Ack {
		t.Errorf("the push does not ask for an acknowledgement: %+v", m)
	}
	for range 2 { // the second one is nothing
		acks.ack(m)
	}
	if answer = <-done; !strings.Contains(answer, `"matched":2,"queued":2,"dropped":0,"written":2,"acked":1,"timed_out":0`) {
		t.Errorf("acked: %s", answer)
	}
	// The time passes, and then it comes in.
	answer = s.publish(`{"to":"page == \"home\" && !has(who)","message":3,"receipt":"acked","timeout":"10ms"}`)
	if !strings.Contains(answer, `"matched":1,"queued":1,"dropped":0,`) || !strings.Contains(answer, `"acked":0,"timed_out":1`) {
		t.Errorf("not acked: %s", answer)
	}
	silent.ack(silent.next())
	_ = silent.Write(t.Context(), websocket.MessageText, []byte(`{"type":"ping"}`))
	silent.next()
	var id struct{ ID string }
	_ = json.Unmarshal([]byte(answer), &id)
	if _, later := s.call("GET", "/v1/pushes/"+id.ID, apiKey, "", ""); !strings.Contains(later, `"acked":1,"timed_out":0`) {
		t.Errorf("after the late acknowledgement: %s", later)
	}
}
