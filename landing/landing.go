// Package landing is the page that a browser finds at the server's root: that this is Scenecast, how a page connects and a
// backend pushes, with this server's address, and where to go on. It comes in Chinese and in English, as the browser prefers,
// and shows no secret: whoever reaches the port may see it.
package landing

//go:generate go tool qtc -file landing.qtpl -skipLineComments

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"scenecast/webpage"
)

// Options is what the page needs to know of the server.
type Options struct {
	Demo bool // package demo is served at /demo/
}

// view is what varies in the page.
type view struct {
	Words  words
	Lang   webpage.Language
	Origin string
	Demo   bool
}

// favicon is the icon as an address. Style, script and icon stand in the page itself, because the path / is the only one that
// the page can count on.
var favicon = "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(webpage.Icon)

// policy lets in the page's own style and script by their digests, and nothing else.
var policy = "style-src " + digest(webpage.Style) + "; script-src " + digest(webpage.Script) + "; img-src data:"

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Handler answers GET and HEAD with the page, whatever the path and the query are.
func Handler(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lang := webpage.LanguageOf(r)
		webpage.SetPolicy(w.Header(), policy)
		w.Header().Set("Cache-Control", "no-cache")
		webpage.Serve(w, r, lang, page(view{Words: translations[lang], Lang: lang, Origin: webpage.Origin(r), Demo: o.Demo}))
	})
}
