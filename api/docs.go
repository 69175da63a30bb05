package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"path"
	"time"
)

// assets are the description of the API, for programs, and the page that shows it to people.
//
//go:embed openapi.json docs
var assets embed.FS

// media are the assets' types, by extension: those of the machine's own table vary.
var media = map[string]string{
	".json": "application/json",
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// asset answers with a file, which clients may keep if they ask each time whether it is still the same.
func asset(name string) func(*API, *request) (any, error) {
	content, err := assets.ReadFile(name)
	if err != nil {
		panic(err) // a route of this package without its file
	}
	sum := sha256.Sum256(content)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return func(_ *API, r *request) (any, error) {
		h := r.w.Header()
		h.Set("Content-Type", media[path.Ext(name)])
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", tag)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		http.ServeContent(r.w, r.Request, name, time.Time{}, bytes.NewReader(content))
		return written{}, nil
	}
}
