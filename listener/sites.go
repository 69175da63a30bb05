package listener

import (
	"net/http"
	"net/url"
	"strings"

	"scenecast/problem"
)

// anySite, among the allowed origins, lets in pages of every site.
const anySite = "*"

// sites are the web sites whose pages may come in, told by the header Origin (RFC 6454), which a browser sets and a page cannot.
// To let in all of them is no risk by itself: a page shows its token in the URL, and browsers add nothing of their own that could
// let a strange page in.
type sites struct {
	any    bool
	listed map[string]bool // scheme://host or scheme://host:port
}

func newSites(origins []string) sites {
	s := sites{listed: make(map[string]bool)}
	for _, origin := range origins {
		s.any = s.any || origin == anySite
		s.listed[origin] = true
	}
	return s
}

// check returns a problem where the request comes from a page of a site that is not among them. The server's own pages may
// always come in, and so may whoever is no browser.
func (s *sites) check(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if s.any || origin == "" || s.listed[origin] {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	return problem.New(problem.Forbidden, "pages of this site may not connect").At("Origin").DecidedBy("http.allowed_origins")
}

// admit says in the header of an answer which site's pages may read it (Fetch Standard, 3.3).
func (s *sites) admit(r *http.Request, answer http.Header) {
	if s.any {
		answer.Set("Access-Control-Allow-Origin", anySite)
		return
	}
	answer.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && s.check(r) == nil {
		answer.Set("Access-Control-Allow-Origin", origin)
	}
}
