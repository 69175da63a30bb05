package tutorial

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"scenecast/admission"
	"scenecast/editdistance"
	"scenecast/problem"
)

// funcParam is the parameter that says which trigger is to run.
const funcParam = "func"

// params are the query's and, of a POST, the form's.
func (e *Endpoint) params(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	params, err := admission.ParseQuery(r)
	if err != nil || r.Method != http.MethodPost || r.ContentLength == 0 {
		return params, err
	}
	r.Body = http.MaxBytesReader(w, r.Body, e.o.MaxForm)
	switch media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media {
	case "application/x-www-form-urlencoded":
		err = r.ParseForm()
	case "multipart/form-data": // what PHP's curl sends of an array, and curl -F
		err = e.parseMultipart(r)
	default:
		return nil, problem.New(problem.UnsupportedMedia, "parameters go into the query or into a form "+
			"(application/x-www-form-urlencoded or multipart/form-data); for JSON there is POST /v1/triggers/NAME")
	}
	if err == nil {
		return r.Form, nil
	}
	if p := problem.OfBody(err); p != nil {
		return nil, p
	}
	return nil, problem.New(problem.Invalid, "the form cannot be read: key=value pairs joined by &, percent-encoded, or parts of multipart/form-data")
}

// parseMultipart keeps the whole form in memory, which its size allows, so that nothing of it gets on a disk.
func (e *Endpoint) parseMultipart(r *http.Request) error {
	if err := r.ParseMultipartForm(e.o.MaxForm); err != nil {
		return err
	}
	for name := range r.MultipartForm.File {
		_ = r.MultipartForm.RemoveAll()
		return problem.New(problem.Invalid, "a file is no parameter of a trigger").At(name)
	}
	return nil
}

// lostUpgrade is what is wrong with a page's request that has come without its upgrade.
var lostUpgrade error = problem.New(problem.UpgradeRequired, "pages open this as a WebSocket, and this request asks for no upgrade: where a page "+
	"has sent it, a proxy in between drops the headers Upgrade and Connection (nginx: proxy_http_version 1.1, proxy_set_header Upgrade "+
	"$http_upgrade, proxy_set_header Connection upgrade)")

// checkVisit returns a problem where a request that runs no trigger was not meant for the landing page either: a page's that has lost
// its upgrade on the way, or a trigger's whose parameter func has another name.
func (e *Endpoint) checkVisit(r *http.Request, params url.Values) error {
	token := params.Get(admission.TokenParam)
	switch {
	case r.Header.Get("Sec-Websocket-Key") != "":
		return lostUpgrade
	case token == "":
		return nil
	}
	for name := range params {
		if isAlmost(funcParam, name) {
			return problem.New(problem.Invalid, "missing: it says which trigger to run (is %.20q meant to be it?)", name).At(funcParam)
		}
	}
	if _, ok := e.o.FindKey(token); ok {
		return problem.New(problem.Invalid, "missing: it says which trigger to run").At(funcParam)
	}
	return lostUpgrade
}

// isAlmost reports whether a name differs from another one by case or by two letters that are added, left out or wrong.
func isAlmost(name, given string) bool {
	return len(given) <= 2*len(name) && editdistance.Between(name, strings.ToLower(given)) <= 2
}
