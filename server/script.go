package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	js "scenecast/clients/js"
)

// scriptTag lets browsers keep the page script and ask each time whether it is still the same.
var scriptTag = func() string {
	sum := sha256.Sum256(js.Script)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}()

// serveScript serves /scenecast.js, to pages of every origin: it holds no secret, and the pages are on other ports.
func serveScript(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", scriptTag)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "scenecast.js", time.Time{}, bytes.NewReader(js.Script))
}
