// Package landing is the page that a browser finds at the server's root: that this is Scenecast, how a page connects and a
// backend pushes, with this server's address, and where to go on. It comes in Chinese and in English, as the browser prefers,
// and shows no secret: whoever reaches the port may see it.
package landing

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"

	"scenecast/webpage"
)

// Options is what the page needs to know of the server.
type Options struct {
	Demo bool // package demo is served at /demo/
}

//go:embed landing.html
var source string

var page = template.Must(template.New("landing").Funcs(template.FuncMap{"prose": webpage.Prose}).Parse(source))

// view is what the template sees. Style, script and icon stand in the page itself, because the path / is the only one that
// the page can count on.
type view struct {
	Words   words
	Lang    webpage.Language
	Origin  string
	Demo    bool
	Style   template.CSS
	Script  template.JS
	Icon    template.HTML
	Favicon template.URL
}

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
		webpage.Serve(w, r, page, lang, view{
			Words:   translations[lang],
			Lang:    lang,
			Origin:  webpage.Origin(r),
			Demo:    o.Demo,
			Style:   template.CSS(webpage.Style),
			Script:  template.JS(webpage.Script),
			Icon:    template.HTML(webpage.Icon),
			Favicon: template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(webpage.Icon)),
		})
	})
}
