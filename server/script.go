package server

import (
	"net/http"

	"scenecast/webpage"
)

// serveScript serves a page script, to pages of every origin: it holds no secret, and the pages are on other ports.
func serveScript(text []byte) http.HandlerFunc {
	script := webpage.NewAsset(webpage.JavaScript, text)
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Timing-Allow-Origin", "*") // by which the script learns whether event streams share one connection (HTTP/2)
		script.ServeHTTP(w, r)
	}
}
