package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"scenecast/freeport"
)

// How a block is run.
const (
	asPage      = "a page"                                                  // it is the page's HTML, behind head
	asScript    = "a script of a page"                                      // behind head
	asModule    = "a module of a page, as a bundler builds it"              // between before and after
	asComponent = "a component of Vue"                                      // before stands behind it in its file, after is the page that shows it
	asProgram   = "a program that Node runs"                                // between before and after
	asTypes     = "of another product, which no test has: its types, alone" // of its own package
)

// pagePlace says how a block of JavaScript or HTML is run.
type pagePlace struct {
	place
	as            string
	types         string // what its document has said before it, for the compiler; in one line, before its first
	before, after string // what its document has said before it, and what shows the test how it went
	head          string // of the page
	run           func(*pageRun, snippet)
}

// pageRun runs blocks of documents, one after the other, against one server.
type pageRun struct {
	t       *testing.T
	backend *backend
	folder  string // with the files of the blocks
	site    *httptest.Server
	page    *atomic.Pointer[string] // what the site shows
	addr    string                  // of the server that is Socket.IO's
	tab     *tab
}

const (
	docsPusherKey = "278d425bdf160c739803" // of docs/pusher.md
	docsKey       = "API_KEY"
)

func newPageRun(t *testing.T) *pageRun {
	t.Helper()
	r := &pageRun{t: t, folder: newSnippetFolder(t), page: new(atomic.Pointer[string]), addr: freeport.Addr(t)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(*r.page.Load()))
	})
	mux.Handle("GET /bundle/", http.FileServer(http.Dir(r.folder)))
	for path, name := range map[string]string{"/pusher.js": "pusher-js/dist/web/pusher.js", "/echo.js": "laravel-echo/dist/echo.iife.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join("pusher", "node_modules", name))
		})
	}
	mux.HandleFunc("GET /push-token", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("token-of-ann")) })
	mux.HandleFunc("POST /call", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`"3 in stock"`)) })
	r.site = httptest.NewServer(mux)
	t.Cleanup(r.site.Close)
	r.backend = serveWith(t, anyPort, map[string]string{
		"api_keys":             fmt.Sprintf("[{name: all, key: %s}, {name: streams, key: %s}]", docsKey, apiKey),
		"client_tokens":        fmt.Sprintf("[CLIENT_TOKEN, %q, {token: token-of-ann, user: ann, labels: {name: Ann}}]", token),
		"presence":             "[{key: order, show: [name], linger: 0s}]",
		"hooks.call":           fmt.Sprintf("{url: %q}", r.site.URL+"/call"),
		"pusher":               fmt.Sprintf(`{id: "1", key: %s, secret: %s, resume: true}`, docsPusherKey, pusherSecret),
		"http.allowed_origins": "*",
		"push.max_timeout":     patience.String(),
	})
	return r
}

// in is the run for a subtest, with a tab of its own.
func (r *pageRun) in(t *testing.T) *pageRun {
	t.Helper()
	inner := *r
	inner.t, inner.tab = t, newTab(t, profile{})
	b := *r.backend
	b.t = t
	inner.backend = &b
	return &inner
}

// run runs a block. Nothing of the page writes an error to its console.
func (r *pageRun) run(s snippet, p pagePlace) {
	r.t.Helper()
	head := r.filled(p.head)
	switch p.as {
	case asPage:
		r.open(head + s.code)
	case asScript:
		r.open(head + "<script>" + r.filled(p.before) + s.code + r.filled(p.after) + "</script>")
	case asModule, asComponent:
		r.open(head + `<script type="module" src="/bundle/` + fileName(s.place) + `.js"></script>`)
	}
	p.run(r, s)
	r.tab.console.mu.Lock()
	defer r.tab.console.mu.Unlock()
	for _, line := range r.tab.console.failed {
		r.t.Errorf("%s: the console says: %s", s.place, line)
	}
}

// filled has addresses of this run in the place of those that a document has for its reader.
func (r *pageRun) filled(code string) string {
	host, port, err := net.SplitHostPort(r.backend.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.NewReplacer(
		"https://push.example.com", "http://"+r.backend.addr, "https://host:9502", "http://"+r.backend.addr, "host:9502", r.backend.addr,
		"localhost:9502", r.backend.addr, "push.example.com", host, "9502", port, "SOCKET_IO_PORT", r.addr[strings.LastIndex(r.addr, ":")+1:],
	).Replace(code)
}

// open opens a page of this HTML.
func (r *pageRun) open(html string) {
	r.t.Helper()
	r.page.Store(&html)
	r.tab.open(r.site.URL)
}
