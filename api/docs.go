package api

import (
	"embed"
	"path"

	"scenecast/webpage"
)

// assets are the description of the API, for programs, and the page that shows it to people.
//
//go:embed openapi.json docs
var assets embed.FS

// contentTypes are the assets' types, by extension: those of the machine's own table vary.
var contentTypes = map[string]string{
	".json": "application/json",
	".html": webpage.HTML,
	".css":  webpage.CSS,
	".js":   webpage.JavaScript,
	".svg":  webpage.SVG,
}

// shared is what some of the assets begin with: what all pages of the server have in common.
var shared = map[string][]byte{
	"docs/docs.css": webpage.Style,
	"docs/docs.js":  webpage.Script,
	"docs/icon.svg": webpage.Icon, // and nothing else
}

// asset answers with a file.
func asset(name string) func(*API, *request) (any, error) {
	content, err := assets.ReadFile(name)
	if err != nil && shared[name] == nil {
		panic(err) // a route of this package without its file
	}
	file := webpage.NewAsset(contentTypes[path.Ext(name)], shared[name], content)
	return func(_ *API, r *request) (any, error) {
		webpage.SetPolicy(r.w.Header(), "script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'")
		file.ServeHTTP(r.w, r.Request)
		return written{}, nil
	}
}
