package load

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"scenecast/audience"
	"scenecast/label"
	"scenecast/websocket"
)

// fake is a server that makes one mistake, at one push.
type fake struct {
	mischief string
	at       int // the number of the push, from 0

	mu     sync.Mutex
	pages  []fakePage
	pushes int
}

type fakePage struct {
	conn   net.Conn
	labels label.Set
}

const (
	fakeToken = "page-token"
	fakeKey   = "backend-key"
)

// newFake starts a server. Its pages end with the test.
func newFake(t *testing.T, mischief string, at int, start func(http.Handler) *httptest.Server) *httptest.Server {
	t.Helper()
	f := &fake{mischief: mischief, at: at}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/push", f.push)
	mux.HandleFunc("GET /{$}", f.page)
	s := start(mux)
	t.Cleanup(func() {
		s.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, p := range f.pages {
			p.conn.Close()
		}
	})
	return s
}

func (f *fake) page(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("token") != fakeToken {
		http.Error(w, `{"code":401,"message":"no"}`, http.StatusUnauthorized)
		return
	}
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	query, _ := url.ParseQuery(r.URL.RawQuery)
	delete(query, "token")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages = append(f.pages, fakePage{c, label.FromMap(query)})
	_, _ = c.Write(websocket.SwitchingProtocols(r, "", ""))
	_, _ = c.Write(websocket.PingFrame())
	_, _ = c.Write(websocket.TextFrame([]byte(`{"code":200,"message":"hello"}`)))
}

func (f *fake) push(w http.ResponseWriter, r *http.Request) {
	var request struct {
		To      audience.Expr
		Message json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		panic(err)
	}
	if r.Header.Get("Authorization") != "Bearer "+fakeKey {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"detail":"no such key"}`)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	mischief := ""
	if f.pushes == f.at {
		mischief = f.mischief
	}
	f.pushes++
	matched, misrouted := 0, false
	for _, p := range f.pages {
		if !request.To.Match(p.labels) {
			if mischief == "misroute" && !misrouted {
				misrouted = true
				_, _ = p.conn.Write(websocket.TextFrame(request.Message))
			}
			continue
		}
		if matched++; matched == 1 {
			p.misdeliver(mischief, request.Message)
		} else {
			_, _ = p.conn.Write(websocket.TextFrame(request.Message))
		}
	}
	queued := matched
	if mischief == "wrong answer" {
		matched++
	}
	fmt.Fprintf(w, `{"matched":%d,"queued":%d,"dropped":0}`, matched, queued)
}

// misdeliver sends a message to the first page that it matches.
func (p fakePage) misdeliver(mischief string, message []byte) {
	frame := websocket.TextFrame(message)
	switch mischief {
	case "drop":
		return
	case "double":
		_, _ = p.conn.Write(frame)
	case "damage":
		frame[len(frame)-3] = '!'
	case "close":
		frame = websocket.CloseFrame(4408, "slow consumer")
	case "foreign":
		_, _ = p.conn.Write(websocket.TextFrame([]byte(`{"somebody":"else's"}`)))
	case "cut off":
		p.conn.Close()
		return
	}
	_, _ = p.conn.Write(frame)
}
