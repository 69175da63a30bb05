package webpage

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"time"
)

// Asset is a file that is part of the program. Browsers may keep it if they ask each time whether it is still the same
// (RFC 9110, 13.1.2). It may be served concurrently.
type Asset struct {
	contentType, etag string
	content           []byte
}

// NewAsset joins the parts to a file of this type.
func NewAsset(contentType string, parts ...[]byte) *Asset {
	content := slices.Concat(parts...)
	sum := sha256.Sum256(content)
	return &Asset{contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, content}
}

// ServeHTTP implements http.Handler. The methods are the caller's to check.
func (a *Asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", a.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
