// Package webpage is what Scenecast's own HTML pages have in common (package landing, package demo, the API's
// documentation): the language that a page comes in, the headers that protect it, files with an ETag, the style sheet and
// the script.
//
// The pages refer to each other and to their files by relative addresses, and the script fills in the server's address as
// the browser knows it. So they work behind a proxy that strips a prefix of the path or ends TLS, of which the server is
// told nothing.
//
// What varies in a page is written in a .qtpl file, compiled to Go by quicktemplate, which escapes what it is given. html/template
// would do as well, but it calls methods by name, and so the linker could drop no exported method of any package.
package webpage

//go:generate go tool qtc -file markup.qtpl -skipLineComments

import (
	_ "embed"
	"net/http"
	"strings"
	"time"
)

// Style is the beginning of every page's style sheet: the colours, light and dark, and what all pages have.
//
//go:embed style.css
var Style []byte

// Script fills in the server's address, and makes the buttons work that copy a snippet. It needs no module and no load event:
// it stands at the end of the page.
//
//go:embed page.js
var Script []byte

// Icon is the icon, an SVG.
//
//go:embed icon.svg
var Icon []byte

// Media types of what pages are made of.
const (
	HTML       = "text/html; charset=utf-8"
	CSS        = "text/css; charset=utf-8"
	JavaScript = "text/javascript; charset=utf-8"
	SVG        = "image/svg+xml"
)

// Origin is this server's scheme and host as the request has them. A proxy may have changed both, and says nothing of a
// prefix: what is shown of it is corrected by Script.
func Origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Serve answers GET and HEAD with a page in this language.
func Serve(w http.ResponseWriter, r *http.Request, lang Language, page string) {
	w.Header().Set("Content-Type", HTML)
	SetLanguage(w, r, lang)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(page))
}

// SetPolicy sets the headers that keep other sites and injected markup out: a Content-Security-Policy of what the page itself
// needs, in which everything else is forbidden.
func SetPolicy(h http.Header, allowed string) {
	h.Set("Content-Security-Policy", "default-src 'none'; "+allowed+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
}
