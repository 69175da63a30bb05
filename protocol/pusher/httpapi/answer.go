package httpapi

import (
	"encoding/json"
	"io"
	"net/http"

	"scenecast/problem"
)

// empty is the answer of a call that has nothing to tell.
type empty struct{}

func write(w http.ResponseWriter, answer any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if answer == (empty{}) {
		_, _ = io.WriteString(w, "{}")
		return
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(answer) // fails only when the client has gone
}

// Refuse answers with an error, in plain text.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	if p.Kind == problem.Internal {
		a.o.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	h := w.Header()
	if after := p.RetryHeader(); after != "" {
		h.Set("Retry-After", after)
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff") // what was wrong is repeated
	w.WriteHeader(p.Kind.Status())
	_, _ = io.WriteString(w, p.Error()+"\n")
}
