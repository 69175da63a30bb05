// Package demo is the tutorial's three pages, ready to click on: home and list, which wait for pushes, and back, the
// backend's page with the two buttons, which runs the triggers pushHomeLogic and pushListLogic. A fourth one, the playground, shows
// what labels, audiences, resuming and receipts do. They come in Chinese and in English, as the reader has chosen or the
// browser prefers.
//
// The pages use what any page would use: the script at scenecast.js beside demo/, which connects to v1/connect, and the
// trigger endpoint. The program that serves them has to serve those as well, from the same origin, below the same prefix if a
// proxy gives it one.
//
// The pages show the token to whoever opens them. That is what a page token is for, but it makes the demo something for
// a machine of one's own, not for the internet. So do the playground's calls (backend.go): whoever opens it may push a text to
// the pages of the demo's app and count them. The API key for that stays in the process, and pages of other origins are refused.
package demo

//go:generate go tool qtc -file pages.qtpl -skipLineComments
//go:generate go tool qtc -file playground.qtpl -skipLineComments

import (
	"embed"
	"net/http"
	"strings"

	"scenecast/webpage"
)

// Options is what the pages need to know of the server.
type Options struct {
	// Token is the client token with which home and list connect and back runs the triggers. Where it is empty, they
	// stay unconnected, and say so.
	Token string

	// Key is an API key with the scopes push and read, by which the playground's calls reach the server, and which no page is shown. Where it
	// is empty, there is no playground.
	Key string

	// Dashboard says that the dashboard is served beside the demo, which then links to it.
	Dashboard bool
}

//go:embed assets
var assets embed.FS

// policy allows what the pages do, and nothing else: no script and no style in the page itself, so that a message that a page
// would by mistake show as HTML still could not run. connect-src names ws: and wss: because browsers disagree on whether
// 'self' includes them.
const policy = "script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:"

// view is what varies in the pages.
type view struct {
	Words words
	Lang  webpage.Language
	Token string
	Name  string // below /demo/
	Scene string // the value of the label page; empty where the page does not connect
	Title string

	Playground bool   // there is one
	Dashboard  bool   // there is one
	Origin     string // of this server, as far as it knows
}

// The pages; what they show is in pages.qtpl.
type (
	index      struct{ view }
	scene      struct{ view }
	back       struct{ view }
	playground struct{ view }
)

// intro is a method because the scene's name stands inside the sentence.
func (v scene) intro() string {
	return strings.ReplaceAll(v.Words.SceneIntro, "{scene}", v.Scene)
}

// Handler serves the pages below /demo/. It answers 404 to any other path, so it can be mounted there and nowhere else.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	handle := func(name, label string, title func(words) string, inside func(view) page) {
		path := "/demo/" + name
		if name == "" {
			path += "{$}"
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			lang := webpage.LanguageOf(r)
			v := view{Words: translations[lang], Lang: lang, Token: o.Token, Name: name, Scene: label, Origin: webpage.Origin(r)}
			v.Title, v.Playground, v.Dashboard = title(v.Words), o.Key != "", o.Dashboard
			webpage.Serve(w, r, lang, layout(v, inside(v)))
		})
	}
	handle("", "", func(w words) string { return w.IndexTitle }, func(v view) page { return index{v} })
	handle("home", "home", func(w words) string { return w.HomeTitle }, func(v view) page { return scene{v} })
	handle("list", "list", func(w words) string { return w.ListTitle }, func(v view) page { return scene{v} })
	handle("back", "", func(w words) string { return w.BackTitle }, func(v view) page { return back{v} })
	if o.Key != "" {
		handle("playground", "", func(w words) string { return w.Playground }, func(v view) page { return playground{v} })
		newBackend(o.Key).routes(mux)
	}
	for file, asset := range map[string]*webpage.Asset{
		"demo.css":      webpage.NewAsset(webpage.CSS, webpage.Style, read("demo.css")),
		"page.js":       webpage.NewAsset(webpage.JavaScript, webpage.Script),
		"scene.js":      webpage.NewAsset(webpage.JavaScript, read("scene.js")),
		"back.js":       webpage.NewAsset(webpage.JavaScript, read("back.js")),
		"playground.js": webpage.NewAsset(webpage.JavaScript, read("playground.js")),
		"audience.js":   webpage.NewAsset(webpage.JavaScript, read("audience.js")),
		"network.js":    webpage.NewAsset(webpage.JavaScript, read("network.js")),
		"calls.js":      webpage.NewAsset(webpage.JavaScript, read("calls.js")),
		"icon.svg":      webpage.NewAsset(webpage.SVG, webpage.Icon),
	} {
		mux.Handle("GET /demo/"+file, asset)
	}
	return secured(http.NewCrossOriginProtection().Handler(mux))
}

func read(asset string) []byte {
	content, err := assets.ReadFile("assets/" + asset)
	if err != nil {
		panic(err) // Handler names a file that is not embedded
	}
	return content
}

// secured sets the headers that every answer carries, errors included. The pages have the token in them, so nothing keeps
// them; files say themselves what may be kept.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		webpage.SetPolicy(w.Header(), policy)
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
