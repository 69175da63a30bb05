package e2e_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/security"
)

// streamSite is a site whose proxy lets no WebSocket through: its pages read event streams.
type streamSite struct {
	*httptest.Server

	mu    sync.Mutex
	since map[string]string // of the newest stream of each page, by its label n
}

func serveStreamSite(t *testing.T) *streamSite {
	t.Helper()
	s := &streamSite{since: make(map[string]string)}
	mux := http.NewServeMux()
	handleScript(mux)
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><script>WebSocket = undefined</script>`+
			`<script src="/scenecast.js" data-token="t" data-n="%s"></script><p>page`, r.URL.Query().Get("n"))
	})
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		n, since := r.URL.Query().Get("n"), r.URL.Query().Get("since")
		s.mu.Lock()
		s.since[n] = since
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprint(w, "event: scenecast\ndata: {\"type\":\"welcome\",\"id\":\"1.1\",\"position\":\"a-5\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /answer", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("answered")) })
	s.Server = httptest.NewUnstartedServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Browsers have six connections to a host over HTTP/1.1, for all tabs together. A tab too many has its stream all the same, in
// place of the one that was shown the longest ago, and what else the pages ask of the host is answered.
func TestEventStreamsInEightTabs(t *testing.T) {
	t.Parallel()
	site := serveStreamSite(t)
	site.Start()
	tabs := []*tab{newTab(t, profile{})}
	for len(tabs) < 8 {
		tabs = append(tabs, tabs[0].sibling(profile{}))
	}
	for i, b := range tabs {
		b.open(fmt.Sprintf("%s/page?n=%d", site.URL, i))
		b.waitFor(`[scenecast.state, scenecast.id]`, []string{"open", "1.1"})
		b.await(`fetch("/answer", { cache: "no-store" }).then((answer) => answer.text()).then((text) => { e2e.answer = text; })`)
		b.expect(`e2e.answer`, "answered")
	}
	for i, b := range tabs {
		b.waitFor(`[scenecast.state, scenecast.id]`, map[bool][]any{true: {"waiting", nil}, false: {"open", "1.1"}}[i < 4])
	}

	// Shown again, a tab comes back where it was.
	tabs[0].run(`document.dispatchEvent(new Event("visibilitychange"))`)
	tabs[0].waitFor(`[scenecast.state, scenecast.id]`, []string{"open", "1.1"})
	tabs[4].waitFor(`scenecast.state`, "waiting")
	site.mu.Lock()
	defer site.mu.Unlock()
	if since := site.since["0"]; since != "a-5" {
		t.Errorf("it came back with since=%q", since)
	}
}

// Over HTTP/2 streams share one connection, so all tabs keep theirs.
func TestEventStreamsOverHTTP2(t *testing.T) {
	t.Parallel()
	site := serveStreamSite(t)
	site.EnableHTTP2 = true
	site.Config.ErrorLog = log.New(io.Discard, "", 0) // the browser is told of the certificate later than it looks at it
	site.StartTLS()
	tabs := []*tab{newTab(t, profile{})}
	for len(tabs) < 8 {
		tabs = append(tabs, tabs[0].sibling(profile{}))
	}
	for i, b := range tabs {
		call(b, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
		b.open(fmt.Sprintf("%s/page?n=%d", site.URL, i))
		b.waitFor(`scenecast.id`, "1.1")
	}
	for _, b := range tabs {
		b.expect(`scenecast.state`, "open")
	}
}

// A page of another origin is told over what the script came, or it would take HTTP/2 for HTTP/1.1.
func TestScriptTellsItsTransport(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := newTab(t, profile{})
	page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><script src="%s"></script>`, b.url("/scenecast.js")), ""))
	page.wait(`performance.getEntriesByType("resource").length > 0`)
	page.expect(`performance.getEntriesByName("`+b.url("/scenecast.js")+`")[0].nextHopProtocol`, "http/1.1")
}
