package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Acknowledged, lost, resumed, and told of what is missing; the script's own tests have the details.
func TestResume(t *testing.T) {
	t.Parallel()
	s := serveStage(t)
	page := newTab(t, profile{speed: still})
	page.open(s.page)
	page.run(`e2e.record(); e2e.gaps = []; scenecast.on("gap", (gap) => e2e.gaps.push(gap)); scenecast.connect({ token: "t" })`)
	first := s.accept()
	first.send(`{"type":"welcome","id":"1.1","position":"a-5"}`)
	first.send(`{"type":"push","position":"a-6","data":6,"ack":true}`)
	first.expectMessage(`{"type":"ack","position":"a-6"}`)
	first.drop()
	page.wait(`scenecast.state === "waiting"`)
	page.run(`dispatchEvent(new Event("online"))`)
	second := s.accept()
	if second.since != "a-6" || second.pageID == "" || second.pageID != first.pageID || first.since != "" {
		t.Errorf("page %q came with since=%q, then page %q with since=%q", first.pageID, first.since, second.pageID, second.since)
	}
	second.send(`{"type":"welcome","id":"1.2","position":"a-9"}`)
	for _, n := range []int{6, 8, 9, 8} {
		second.send(fmt.Sprintf(`{"type":"push","position":"a-%d","data":%[1]d}`, n))
	}
	second.send(`{"type":"gap","reason":"dropped","position":"a-20"}`)
	second.send(`{"type":"push","position":"a-3","data":"kept","late":true}`)
	second.send(`{"type":"push","position":"a-21","data":21}`)
	page.waitFor(`e2e.messages`, []any{6, 8, 9, "kept", 21})
	page.expect(`e2e.gaps`, []json.RawMessage{[]byte(`{"reason":"dropped","position":"a-20"}`)})
}

func TestReloadLosesNothing(t *testing.T) {
	t.Parallel()
	s := serveStage(t)
	page := newTab(t, profile{speed: still})
	connect := func(options string) *actor {
		t.Helper()
		page.open(s.page)
		page.run(`e2e.record(); scenecast.connect({ token: "t", ` + options + ` })`)
		return s.accept()
	}
	const home = `store: "session", labels: { page: "home" }`
	before := connect(home)
	before.send(`{"type":"welcome","id":"1.1","position":"a-5"}`)
	before.send(`{"type":"push","position":"a-6","data":6}`)
	page.waitFor(`e2e.messages`, []int{6})
	after := connect(home)
	if after.since != "a-6" || after.pageID != before.pageID {
		t.Errorf("page %q came back as %q with since=%q", before.pageID, after.pageID, after.since)
	}
	for _, other := range []string{`labels: { page: "home" }`, `store: "session", labels: { page: "list" }`} {
		if a := connect(other); a.since != "" {
			t.Errorf("a page with %s came with since=%q", other, a.since)
		}
	}
}

// Where no upgrade gets through, the page that is a tag on another origin hears its pushes over an event stream.
func TestEventStream(t *testing.T) {
	t.Parallel()
	type stream struct {
		query string
		write chan string
	}
	asked := make(chan stream, 10)
	mux := http.NewServeMux()
	handleScript(mux)
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		query.Del("page_id")
		s := stream{query.Encode(), make(chan string)}
		asked <- s
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case text := <-s.write:
				_, _ = w.Write([]byte(text))
			case <-r.Context().Done():
				return
			}
		}
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	accept := func(want string) chan<- string {
		t.Helper()
		select {
		case s := <-asked:
			if s.query != want {
				t.Errorf("the page has asked for events with %s, want %s", s.query, want)
			}
			return s.write
		case <-time.After(patience):
			t.Fatal("no page has asked for events")
			return nil
		}
	}
	const welcome = "event: scenecast\r\ndata: {\"type\":\"welcome\",\"id\":\"1.1\",\"position\":\"a-5\"}\r\n\r\n"

	page := newTab(t, profile{speed: 4})
	page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><script src="%s/scenecast.js" data-token="t" data-page="home"></script>`, site.URL), ""))
	page.run(`e2e.record()`)
	first := accept("page=home&token=t")
	page.setSpeed(1)
	first <- welcome
	page.wait(`scenecast.id === "1.1"`)
	first <- "id: a-6\ndata: {\"message\":\"后端\"}\n\nid: a-7\nevent: named\ndata: 7\n\n"
	page.waitFor(`e2e.messages`, []any{map[string]string{"message": "后端"}, 7})
	page.run(`e2e.moved = scenecast.set({ page: "list" })`)
	accept("page=list&since=a-7&token=t") <- welcome
	page.await(`e2e.moved`)
	page.expect(`scenecast.state`, "open")
	page.run(`scenecast.close()`)
}
