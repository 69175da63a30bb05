package server

import (
	"net/http"

	js "scenecast/clients/js"
	"scenecast/webpage"
)

var script = webpage.NewAsset(webpage.JavaScript, js.Script)

// serveScript serves /scenecast.js, to pages of every origin: it holds no secret, and the pages are on other ports.
func serveScript(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Timing-Allow-Origin", "*") // by which the script learns whether event streams share one connection (HTTP/2)
	script.ServeHTTP(w, r)
}
