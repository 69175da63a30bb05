package listener

import (
	"net/http"
	"net/url"
	"strings"

	"scenecast/problem"
)

// anyOrigin, among the allowed origins, allows pages of every site.
const anyOrigin = "*"

// originPolicy says which sites' pages may connect, by the header Origin (RFC 6454), which a browser sets and a page cannot. To
// allow all of them is no risk by itself: a page shows its token in the URL, and browsers add nothing of their own by which a page
// of another site could connect.
type originPolicy struct {
	any    bool
	listed map[string]bool // scheme://host or scheme://host:port
}

func newOriginPolicy(origins []string) originPolicy {
	p := originPolicy{listed: make(map[string]bool)}
	for _, origin := range origins {
		p.any = p.any || origin == anyOrigin
		p.listed[origin] = true
	}
	return p
}

// check returns a problem where the request comes from a page of a site that is not allowed. The server's own pages always are,
// and so are clients that are no browsers.
func (p *originPolicy) check(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if p.any || origin == "" || p.listed[origin] {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	return problem.New(problem.Forbidden, "pages of this site may not connect").At("Origin").DecidedBy("http.allowed_origins")
}

// setHeaders says in a response which site's pages may read it (Fetch Standard, 3.3).
func (p *originPolicy) setHeaders(r *http.Request, response http.Header) {
	if p.any {
		response.Set("Access-Control-Allow-Origin", anyOrigin)
		return
	}
	response.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && p.check(r) == nil {
		response.Set("Access-Control-Allow-Origin", origin)
	}
}
