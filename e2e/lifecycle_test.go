package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
)

// A browser that renders a page ahead of the visit holds its WebSockets back. Until it is shown, the page is no page: it is not
// counted and gets no pushes. Then it connects at once. Chromium prerenders nothing in a tab that a debugger holds, so the page is
// in another one, and reports to its server.
func TestPrerenderedPageConnectsWhenShown(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	reports, visit := make(chan string, 10), make(chan struct{})
	mux := http.NewServeMux()
	html := func(path, text string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(text))
		})
	}
	html("/first", `<!DOCTYPE html><script type="speculationrules">{"prerender":[{"urls":["/second"],"eagerness":"immediate"}]}</script>
		<script>fetch("/visit").then(() => { location.href = "/second"; });</script>`)
	html("/second", fmt.Sprintf(`<!DOCTYPE html><script src="%s" data-token="%s" data-page="home"></script>
		<script>
			let reported = Promise.resolve();
			const report = (state) => { reported = reported.then(() => fetch("/report?" + [document.prerendering, state])); };
			scenecast.on("state", report);
			scenecast.on("message", report);
			report(scenecast.state);
		</script>`, b.url("/scenecast.js"), token))
	mux.HandleFunc("GET /report", func(_ http.ResponseWriter, r *http.Request) { reports <- r.URL.RawQuery })
	mux.HandleFunc("GET /visit", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-visit:
		case <-r.Context().Done():
		}
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	expect := func(want ...string) {
		t.Helper()
		for _, w := range want {
			select {
			case got := <-reports:
				if got != w {
					t.Errorf("the page reports (prerendering, state) %s, want %s", got, w)
				}
			case <-time.After(patience):
				t.Fatalf("the page does not report %s", w)
			}
		}
	}

	opener := newTab(t, profile{})
	opener.open(servePage(t, `<!DOCTYPE html>`, ""))
	opener.run(fmt.Sprintf(`window.opened = open("%s/first", "_blank"); 0`, site.URL))
	t.Cleanup(func() { opener.run(`opened.close()`) })
	expect("true,waiting")
	b.expectConnections(0)
	close(visit)
	expect("false,connecting", "false,open")
	b.push(`page == "home"`, `"shown"`, 1)
	expect("false,shown")
}

// A browser copies sessionStorage into a tab that is duplicated, as it does into a window that a page opens. The copy is a page of
// its own, which has missed what the original had missed.
func TestDuplicatedTabIsAPageOfItsOwn(t *testing.T) {
	t.Parallel()
	s := serveStage(t)
	page := newTab(t, profile{speed: still})
	const connect = `connect({ token: "t", store: "session", labels: { page: "home" } })`
	page.open(s.page)
	page.run(`e2e.record(); scenecast.` + connect)
	original := s.accept()
	original.send(`{"type":"welcome","id":"1.1","position":"a-5"}`)
	original.send(`{"type":"push","position":"a-6","data":6}`)
	page.waitFor(`e2e.messages`, []int{6})

	call(page, runtime.Evaluate, runtime.EvaluateParams{UserGesture: ptr(true), Expression: `
		const copy = open(location.href);
		copy.onload = () => copy.scenecast.` + connect})
	copied := s.accept()
	if copied.since != "a-6" || copied.pageID == original.pageID || copied.pageID == "" {
		t.Errorf("page %q has a copy %q with since=%q", original.pageID, copied.pageID, copied.since)
	}
	page.run(`copy.close()`)

	// The original is still itself after a reload.
	page.open(s.page)
	page.run(`scenecast.` + connect)
	if again := s.accept(); again.pageID != original.pageID || again.since != "a-6" {
		t.Errorf("page %q came back as %q with since=%q", original.pageID, again.pageID, again.since)
	}
}

func ptr[T any](v T) *T { return &v }

// A reader who goes back finds the page as it was left, in Chromium's back/forward cache: it connects again, as the same page.
func TestPageComesBackFromCache(t *testing.T) {
	t.Parallel()
	s := serveStage(t)
	page := newTab(t, profile{speed: still})
	page.open(s.page)
	page.run(`e2e.record(); e2e.left = false; scenecast.connect({ token: "t", store: "session" })`)
	before := s.accept()
	before.send(`{"type":"welcome","id":"1.1","position":"a-5"}`)
	before.send(`{"type":"push","position":"a-6","data":6}`)
	page.waitFor(`e2e.messages`, []int{6})
	page.open(servePage(t, `<!DOCTYPE html><p>elsewhere`, ""))
	page.run(`history.back()`)
	after := s.accept()
	if after.pageID != before.pageID || after.since != "a-6" {
		t.Errorf("page %q came back as %q with since=%q", before.pageID, after.pageID, after.since)
	}
	after.send(`{"type":"welcome","id":"1.2","position":"a-6"}`)
	page.wait(`scenecast.id === "1.2"`)
	page.expect(`e2e.messages`, []json.RawMessage{[]byte("6")}) // it is that page, and not one that was loaded anew
	page.expect(`Object.values(sessionStorage)`, []string{"a-6 "})
}
