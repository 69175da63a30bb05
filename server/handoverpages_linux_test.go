package server

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast/client"
	"scenecast/socket"
)

// TestHandoverWithinMessages: pages that have sent a part of a frame, a part of a head, or a part of a message go on where they were.
func TestHandoverWithinMessages(t *testing.T) {
	m := newMoves(t, nil)
	message := masked(ws.OpText, true, `{"type":"ping","id":"ä1"}`)
	first, second := masked(ws.OpText, false, `{"type":"ping",`), masked(ws.OpContinuation, true, `"id":"2"}`)
	var pages []*rawPage
	var rests []string
	for cut := 1; cut < len(message); cut++ {
		p := m.dialPage(nativePath, nativeHeader)
		p.expect(`"welcome"`)
		p.write(message[:cut])
		pages, rests = append(pages, p), append(rests, message[cut:])
	}
	fragmented := m.dialPage(nativePath, nativeHeader)
	fragmented.expect(`"welcome"`)
	fragmented.write(first + second[:3])
	pages, rests = append(pages, fragmented), append(rests, second[3:])
	old := m.dialPage("/?token=" + moveToken + "&page=home")
	old.expect("200")

	head := "GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	head = strings.Replace(head, "/v1", "", 1)
	half, idle := m.dialHTTP(), m.dialHTTP()
	half.write(head[:10])
	idle.write(head)
	expectOK(t, idle)
	time.Sleep(50 * time.Millisecond) // until the server has what was written
	for range 2 {
		m.awaitEnd(m.next())
	}
	for i, p := range pages {
		p.write(rests[i])
		p.expect(`"pong"`)
	}
	old.write(masked(ws.OpText, true, "heartbeat"))
	old.expect("heartbeat")
	m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`{"n":7}`)})
	for _, p := range append(pages, old) {
		p.expect(`{"n":7}`)
	}
	half.write(head[10:])
	expectOK(t, half)
	idle.write(head)
	expectOK(t, idle)
}

// TestHandoverOfSlowPages: pages that read nothing have outboxes, which go along with the frame that is half sent: each page gets every push, in
// order, byte for byte, with compression too. Since when each is there, and another that has nothing to read, is told as before.
func TestHandoverOfSlowPages(t *testing.T) {
	m := newMoves(t, map[string]string{"outbox.max_bytes": "8MiB", "outbox.write_timeout": "60s"})
	var pages []*rawPage
	for i := range 3 {
		p := m.dialPage(nativePath+fmt.Sprint("&no=", i), nativeHeader)
		_ = p.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		p.expect(`"welcome"`)
		pages = append(pages, p)
	}
	m.dialPage(strings.Replace(nativePath, "page=home", "page=idle", 1), nativeHeader).expect(`"welcome"`)
	since := m.since(len(pages) + 1)
	for _, at := range since { // it is told to the second, so that one more makes what is told anew differ
		time.Sleep(time.Until(at.Add(1100 * time.Millisecond)))
	}
	const pushes = 70
	pad := strings.Repeat("x", 40_000)
	for n := range pushes {
		m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, n, pad)})
		if n == pushes/2 {
			m.awaitEnd(m.next())
			if got := m.since(len(since)); !maps.EqualFunc(got, since, time.Time.Equal) {
				t.Errorf("behind the first handover the pages are there since %v, and before since %v", got, since)
			}
		}
	}
	if m.current.overLoops(func(l *socket.Loop) int64 { return int64(l.OutboxBytes()) }) < 1<<20 {
		t.Error("little waits for the pages: the test is about nothing")
	}
	m.awaitEnd(m.next())
	for _, p := range pages {
		for n := range pushes {
			p.expect(fmt.Sprintf(`{"n":%d,"pad":"%s"}`, n, pad))
		}
	}
	if got := m.since(len(since)); !maps.EqualFunc(got, since, time.Time.Equal) {
		t.Errorf("when everything is read the pages are there since %v, and were since %v", got, since)
	}
}

// since is since when each of so many pages is there, by ID.
func (m *moves) since(pages int) map[string]time.Time {
	m.t.Helper()
	since := make(map[string]time.Time)
	for c, err := range m.backend().Connections(m.t.Context(), "*") {
		if err != nil {
			m.t.Fatal(err)
		}
		d, err := m.backend().Connection(m.t.Context(), c.ID)
		if err != nil || d.Since.IsZero() {
			m.t.Fatalf("%+v, %v", d, err)
		}
		since[c.ID] = d.Since
	}
	if len(since) != pages {
		m.t.Errorf("%d pages are connected, want %d", len(since), pages)
	}
	return since
}

// TestHandoverOfCatchingUpPages: pages that come back and are in the midst of what they have missed go on there.
func TestHandoverOfCatchingUpPages(t *testing.T) {
	m := newMoves(t, map[string]string{"outbox.send_buffer": "8KiB"})
	begin := m.current.engine.Newest()
	const pushes = 800
	pad := strings.Repeat("x", 3_000)
	for n := range pushes {
		m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, n, pad)})
	}
	var pages []*rawPage
	for range 4 {
		p := m.dialPage(nativePath+"&since="+begin.String(), nativeHeader)
		p.expect(`"welcome"`)
		for n := range 3 {
			p.expect(fmt.Sprintf(`"n":%d,`, n))
		}
		pages = append(pages, p)
	}
	for range 2 {
		m.awaitEnd(m.next())
	}
	m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"n":%d,"pad":""}`, pushes)})
	var reading sync.WaitGroup
	for _, p := range pages {
		reading.Go(func() {
			for n := 3; n <= pushes; n++ {
				if got := p.read(); !strings.Contains(got, fmt.Sprintf(`"n":%d,`, n)) {
					t.Errorf("want %d, got %.80s", n, got)
					return
				}
			}
		})
	}
	reading.Wait()
}

// TestHandoverOfReceipts: a publisher that waits for acknowledgements while the pages move is answered by the process that it has called, exactly.
func TestHandoverOfReceipts(t *testing.T) {
	m := newMoves(t, nil)
	var pages []*rawPage
	for range 5 {
		p := m.dialPage(nativePath, nativeHeader)
		p.expect(`"welcome"`)
		pages = append(pages, p)
	}
	answered := make(chan client.PushResult, 1)
	go func() {
		answered <- m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`1`), Receipt: "acked", Timeout: 30 * time.Second})
	}()
	var positions []string
	for _, p := range pages {
		var push struct{ Position string }
		if err := json.Unmarshal([]byte(p.read()), &push); err != nil {
			t.Fatal(err)
		}
		positions = append(positions, push.Position)
	}
	ack := func(i int) { pages[i].write(masked(ws.OpText, true, `{"type":"ack","position":"`+positions[i]+`"}`)) }
	ack(0)
	time.Sleep(30 * time.Millisecond)
	m.next()
	ack(1)
	time.Sleep(30 * time.Millisecond)
	m.next() // the first process waits for the second, and that for the third
	_ = pages[2].Close()
	for i := 3; i < 5; i++ {
		ack(i)
	}
	select {
	case r := <-answered:
		if r.Matched != 5 || r.Queued != 5 || r.Written != 5 || r.Acked != 4 || r.TimedOut != 0 {
			t.Errorf("%+v", r)
		}
	case <-time.After(guard):
		t.Fatal("the publisher is not answered")
	}
}

// TestHandoverOfEventStreams: they move as well.
func TestHandoverOfEventStreams(t *testing.T) {
	m := newMoves(t, nil)
	p := m.dialHTTP()
	p.write("GET /v1/events?token=" + moveToken + "&page=home HTTP/1.1\r\nHost: x\r\n\r\n")
	await := func(part string) {
		t.Helper()
		for {
			line, err := p.r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v", part, err)
			}
			if strings.Contains(line, part) {
				return
			}
		}
	}
	await(`"welcome"`)
	for n := range 3 {
		m.awaitEnd(m.next())
		m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"n":%d}`, n)})
		await(fmt.Sprintf(`{"n":%d}`, n))
	}
}

// TestHandoverOfProxiedConnections: an HTTP connection whose proxy has said whose it is moves with that.
func TestHandoverOfProxiedConnections(t *testing.T) {
	m := newMoves(t, map[string]string{"limits.proxy_protocol": "required", "limits.trusted_proxies": "127.0.0.0/8"})
	for _, header := range []string{"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n", "PROXY UNKNOWN\r\n"} {
		p := m.dialHTTP()
		p.write(header)
		for range 3 {
			p.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			response, err := http.ReadResponse(p.r, nil)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%q: %v, %v", header, response, err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			m.awaitEnd(m.next())
		}
	}
}

// TestHandoverOfPresence: nobody joins and nobody leaves, pages that watch are told nothing, and what changes afterwards they are told.
func TestHandoverOfPresence(t *testing.T) {
	m := newMoves(t, map[string]string{
		"presence":      `[{key: page, show: [name], linger: 50ms, max_members: 10}]`,
		"client_tokens": `[{token: ` + moveToken + `}, {token: token-of-the-user-ann, user: ann, labels: {name: Ann}}, {token: token-of-the-user-bob, user: bob, labels: {name: Bob}}]`,
	})
	watcher := m.dialPage(nativePath, nativeHeader)
	watcher.expect(`"welcome"`)
	watcher.write(masked(ws.OpText, true, `{"type":"watch","key":"page"}`))
	watcher.expect(`"watch"`)
	watcher.expect(`"presence"`)
	ann := m.dialPage("/v1/connect?token=token-of-the-user-ann&page=home", nativeHeader)
	ann.expect(`"welcome"`)
	watcher.expect(`"joined"`, "ann")
	for range 3 {
		m.awaitEnd(m.next())
	}
	time.Sleep(300 * time.Millisecond) // longer than the linger
	var scene struct {
		Members []struct{ User string }
	}
	if err := m.backend().Call(t.Context(), http.MethodGet, "/v1/presence?key=page&value=home", nil, &scene); err != nil {
		t.Fatal(err)
	}
	if len(scene.Members) != 1 || scene.Members[0].User != "ann" {
		t.Errorf("members: %+v", scene)
	}
	bob := m.dialPage("/v1/connect?token=token-of-the-user-bob&page=home", nativeHeader)
	bob.expect(`"welcome"`)
	watcher.expect(`"joined"`, "bob") // and nothing in between
	_ = ann.Close()
	watcher.expect(`"left"`, "ann")
}

// TestHandoverOfCalls: a page that waits for its backend gets the answer, which comes to the process that has asked.
func TestHandoverOfCalls(t *testing.T) {
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	backend := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-answer
		_, _ = io.WriteString(w, `{"data":{"stock":3}}`)
	})
	m := newMoves(t, map[string]string{"hooks.call": fmt.Sprintf("{url: %q, timeout: 10s}", backend)})
	p := m.dialPage(nativePath, nativeHeader)
	p.expect(`"welcome"`)
	p.write(masked(ws.OpText, true, `{"type":"call","id":"7","method":"stock"}`))
	<-asked
	m.next()
	m.next()
	close(answer)
	p.expect(`"result"`, `"7"`, `"stock":3`)
}
