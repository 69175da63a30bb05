package api

import (
	"encoding/json"
	"net/http"

	"scenecast/language"
	"scenecast/problem"
)

// problemResponse is a problem as RFC 9457 prints it. Its type is about:blank, so the title is that of the status. Title, detail and
// mistakes are in the language of Accept-Language; kind, where and setting are the same in every one.
type problemResponse struct {
	Title   string       `json:"title"`
	Status  int          `json:"status"`
	Kind    problem.Kind `json:"kind"`
	Detail  string       `json:"detail"`
	Where   string       `json:"where,omitempty"`
	Setting string       `json:"setting,omitempty"`

	Mistakes []string `json:"mistakes,omitempty"`
}

// problemOf is the error as clients are told of it; the log is told what they are not.
func (a *API) problemOf(r *http.Request, err error) problemResponse {
	p, tag := problem.Of(err), language.OfRequest(r)
	if p.Kind == problem.Internal {
		a.o.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	d := problemResponse{
		Title:   p.Kind.Title().In(tag),
		Status:  p.Kind.Status(),
		Kind:    p.Kind,
		Detail:  p.DetailIn(tag),
		Where:   p.Where,
		Setting: p.Setting,
	}
	for _, mistake := range p.Mistakes {
		d.Mistakes = append(d.Mistakes, language.Error(mistake, tag))
	}
	return d
}

// Refuse answers with an error, as a problem document.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	d := a.problemOf(r, err)
	switch d.Kind {
	case problem.Unauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 11.6.1
	case problem.UpgradeRequired:
		w.Header().Set("Upgrade", "websocket")        // RFC 9110, 15.5.22
		w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455, 4.2.2
	}
	if after := problem.Of(err).RetryHeader(); after != "" {
		w.Header().Set("Retry-After", after)
	}
	speak(w, r)
	writeJSON(w, d.Status, "application/problem+json", d)
}

// speak says in the header of an answer which language its texts are in (RFC 9110, 8.5), and that it depends on the request (12.5.5).
func speak(w http.ResponseWriter, r *http.Request) language.Tag {
	tag := language.OfRequest(r)
	w.Header().Set("Content-Language", string(tag))
	w.Header().Add("Vary", "Accept-Language")
	return tag
}

func writeJSON(w http.ResponseWriter, status int, media string, value any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // fails only when the client has gone
}
