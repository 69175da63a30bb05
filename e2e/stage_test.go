package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	js "scenecast/clients/js"
)

// stage is a server that does only what a test tells it to, one step at a time.
type stage struct {
	t       *testing.T
	page    string // the URL of a page with the script, which connects by hand
	arrived chan *actor
}

// actor is the server's end of one WebSocket.
type actor struct {
	t      *testing.T
	conn   net.Conn
	labels url.Values // of its URL, without what is no label
	since  string     // of its URL
	pageID string     // of its URL
}

func serveStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, arrived: make(chan *actor, 10)}
	mux := http.NewServeMux()
	handleScript(mux)
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!DOCTYPE html><title>by hand</title><script src="/scenecast.js"></script><p>by hand`))
	})
	mux.HandleFunc("GET /v1/connect", func(w http.ResponseWriter, r *http.Request) {
		upgrader := ws.HTTPUpgrader{Protocol: func(name string) bool { return name == "scenecast.v1" }}
		conn, _, handshake, err := upgrader.Upgrade(r, w)
		if err != nil || handshake.Protocol == "" {
			t.Errorf("upgrade: subprotocol %q, %v", handshake.Protocol, err)
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		labels := r.URL.Query()
		since, pageID := labels.Get("since"), labels.Get("page_id")
		for _, param := range []string{"token", "page_id", "since"} {
			labels.Del(param)
		}
		s.arrived <- &actor{t, conn, labels, since, pageID}
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	s.page = site.URL + "/page"
	return s
}

// handleScript has a site serve the page script.
func handleScript(mux *http.ServeMux) {
	mux.HandleFunc("GET /scenecast.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(js.Script)
	})
}

// accept waits for the page's next WebSocket.
func (s *stage) accept() *actor {
	s.t.Helper()
	select {
	case a := <-s.arrived:
		return a
	case <-time.After(patience):
		s.t.Fatal("no page has connected")
		return nil
	}
}

func (a *actor) send(message string) {
	a.t.Helper()
	if err := wsutil.WriteServerText(a.conn, []byte(message)); err != nil {
		a.t.Fatalf("send %s: %v", message, err)
	}
}

func (a *actor) welcome() *actor {
	a.t.Helper()
	a.send(`{"type":"welcome","id":"1.1"}`)
	return a
}

// read is the page's next message.
func (a *actor) read() []byte {
	a.t.Helper()
	text, err := wsutil.ReadClientText(a.conn)
	if err != nil {
		a.t.Fatalf("waiting for a message of the page: %v", err)
	}
	return text
}

func (a *actor) expectMessage(want string) {
	a.t.Helper()
	if got := string(a.read()); got != want {
		a.t.Errorf("the page has sent %s, want %s", got, want)
	}
}

// expectSet reads a set of these labels, and returns its id.
func (a *actor) expectSet(labels string) (id int) {
	a.t.Helper()
	text := a.read()
	var set struct {
		Type   string          `json:"type"`
		ID     int             `json:"id"`
		Labels json.RawMessage `json:"labels"`
	}
	if err := json.Unmarshal(text, &set); err != nil || set.Type != "set" || string(set.Labels) != labels {
		a.t.Fatalf("the page has sent %s, want a set of %s", text, labels)
	}
	return set.ID
}

func (a *actor) confirm(id int) {
	a.t.Helper()
	a.send(fmt.Sprintf(`{"type":"set","id":%d}`, id))
}

func (a *actor) refuse(id int, where string) {
	a.t.Helper()
	a.send(fmt.Sprintf(`{"type":"error","id":%d,"kind":"forbidden","detail":"not you","where":%q}`, id, where))
}

// expectLabels says which labels the WebSocket's URL has, encoded and sorted by key.
func (a *actor) expectLabels(want string) {
	a.t.Helper()
	if got := a.labels.Encode(); got != want {
		a.t.Errorf("the page has come with the labels %s, want %s", got, want)
	}
}

// hangUp closes the WebSocket with a code, and waits for the page to take it.
func (a *actor) hangUp(code ws.StatusCode) {
	a.t.Helper()
	if err := ws.WriteFrame(a.conn, ws.NewCloseFrame(ws.NewCloseFrameBody(code, "because"))); err != nil {
		a.t.Fatalf("hang up: %v", err)
	}
	_, _ = io.CopyN(io.Discard, a.conn, 2+4+2) // the page's answer: head, mask and code
	_ = a.conn.Close()                         // which browsers wait for
}

// drop loses the connection without a word.
func (a *actor) drop() { _ = a.conn.Close() }
