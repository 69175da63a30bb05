// Package demo is the tutorial's three pages, ready to click on: home and list, which wait for pushes, and back, the
// backend's page with the two buttons, which runs the triggers pushHomeLogic and pushListLogic. They come in Chinese
// and in English, as the browser prefers.
//
// The pages use what any page would use: the script at /scenecast.js, which connects to /v1/connect, and the trigger
// endpoint at /. The program that serves them has to serve those as well, from the same origin.
//
// The pages show the token to whoever opens them. That is what a page token is for, but it makes the demo something for
// a machine of one's own, not for the internet.
package demo

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// Options is what the pages need to know of the server.
type Options struct {
	// Token is the client token with which home and list connect and back runs the triggers. Where it is empty, they
	// stay unconnected, and say so.
	Token string
}

//go:embed pages
var pages embed.FS

//go:embed assets
var assets embed.FS

// contentSecurityPolicy allows what the pages do, and nothing else: no script and no style in the page itself, so that
// a message that a page would by mistake show as HTML still could not run. connect-src names ws: and wss: because
// browsers disagree on whether 'self' includes them.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// view is what a page's template sees.
type view struct {
	Words  words
	Lang   language
	Token  string
	Scene  string // the value of the label page; empty where the page does not connect
	Title  string
	Origin string // of this server, as the browser knows it: scheme and host
}

// SceneIntro is a method because the scene's name stands inside the sentence.
func (v view) SceneIntro() string {
	return strings.ReplaceAll(v.Words.SceneIntro, "{scene}", v.Scene)
}

// Handler serves the pages below /demo/. It answers 404 to any other path, so it can be mounted there and nowhere else.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	page := func(path, file, scene string, title func(words) string) {
		t := template.Must(template.ParseFS(pages, "pages/layout.html", "pages/"+file))
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			lang := negotiate(strings.Join(r.Header.Values("Accept-Language"), ","))
			v := view{Words: translations[lang], Lang: lang, Token: o.Token, Scene: scene, Origin: originOf(r)}
			v.Title = title(v.Words)
			servePage(w, r, t, v)
		})
	}
	page("/demo/{$}", "index.html", "", func(w words) string { return w.IndexTitle })
	page("/demo/home", "scene.html", "home", func(w words) string { return w.HomeTitle })
	page("/demo/list", "scene.html", "list", func(w words) string { return w.ListTitle })
	page("/demo/back", "back.html", "", func(w words) string { return w.BackTitle })
	for file, contentType := range map[string]string{
		"demo.css": "text/css; charset=utf-8",
		"scene.js": "text/javascript; charset=utf-8",
		"back.js":  "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml",
	} {
		mux.HandleFunc("GET /demo/"+file, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			http.ServeFileFS(w, r, assets, "assets/"+file)
		})
	}
	return secured(mux)
}

// servePage renders the page before it sends anything, so that a failure is a clean 500.
func servePage(w http.ResponseWriter, r *http.Request, t *template.Template, v view) {
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, "layout.html", v); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(v.Lang))
	h.Set("Vary", "Accept-Language")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body.Bytes()))
}

func originOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// secured sets the headers that every answer carries, errors included.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store") // the pages have the token in them
		next.ServeHTTP(w, r)
	})
}
