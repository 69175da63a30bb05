package listener

import (
	"net/http"
	"slices"
	"strings"

	"scenecast/problem"
)

const (
	anyOrigin  = "*"    // among the allowed origins, allows pages of every site
	nullOrigin = "null" // of sandboxed pages and of files, whatever site they are of
	subdomains = "*."   // begins a host that stands for one or more labels in front of what follows
)

// originPolicy says which sites' pages may connect, by the header Origin (RFC 6454), which a browser sets and a page cannot. To
// allow all of them is no risk as long as a page shows its token itself, and browsers add nothing of their own by which a page of
// another site could connect.
type originPolicy struct {
	any     bool
	listed  map[string]bool   // as browsers write them
	domains []originsOfDomain // of which all subdomains are allowed
}

// originsOfDomain are the origins scheme://NAME.domain[:port].
type originsOfDomain struct {
	prefix string // scheme://
	suffix string // .domain[:port]
}

// Origins are the sites whose pages may connect, app by app, as browsers write them; "*" is any. The server's own pages always may.
// A value is not changed after NewOrigins, and may be used concurrently.
type Origins struct {
	common *originPolicy            // of apps that have none of their own
	byApp  map[string]*originPolicy // of those that have
	any    *originPolicy            // of all apps together, for requests whose app is not known yet
}

// NewOrigins takes the sites of all apps, and those of the apps that have sites of their own in their place.
func NewOrigins(common []string, byApp map[string][]string) *Origins {
	o := &Origins{common: newOriginPolicy(common), byApp: make(map[string]*originPolicy)}
	all := slices.Clone(common)
	for app, own := range byApp {
		o.byApp[app] = newOriginPolicy(own)
		all = append(all, own...)
	}
	o.any = newOriginPolicy(all)
	return o
}

// of is the policy of an app.
func (o *Origins) of(app string) *originPolicy {
	if p, ok := o.byApp[app]; ok {
		return p
	}
	return o.common
}

func newOriginPolicy(origins []string) *originPolicy {
	p := &originPolicy{listed: make(map[string]bool)}
	for _, origin := range origins {
		scheme, host, _ := strings.Cut(origin, "://")
		switch {
		case origin == anyOrigin:
			p.any = true
		case strings.HasPrefix(host, subdomains):
			p.domains = append(p.domains, originsOfDomain{scheme + "://", host[len(subdomains)-1:]})
		default:
			p.listed[origin] = true
		}
	}
	return p
}

// check returns a problem where the request comes from a page of a site that is not allowed. The server's own pages always are,
// and so are clients that are no browsers.
func (p *originPolicy) check(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if p.any || origin == "" || p.lists(origin) || isOwn(origin, r.Host) {
		return nil
	}
	return problem.New(problem.Forbidden, "pages of this site may not connect").At("Origin").DecidedBy("http.allowed_origins")
}

func (p *originPolicy) lists(origin string) bool {
	if p.listed[origin] {
		return true
	}
	for _, d := range p.domains {
		if name, ok := strings.CutPrefix(origin, d.prefix); ok && len(name) > len(d.suffix) && strings.HasSuffix(name, d.suffix) {
			return true
		}
	}
	return false
}

// isOwn reports whether a page of the origin has asked its own server. The port that a scheme has by default may be written or not.
func isOwn(origin, host string) bool {
	scheme, site, ok := strings.Cut(origin, "://")
	if !ok {
		return false
	}
	port := ":443"
	if scheme == "http" {
		port = ":80"
	}
	return strings.EqualFold(strings.TrimSuffix(site, port), strings.TrimSuffix(host, port))
}

// setHeaders says in a response which site's pages may read it (Fetch Standard, 3.3). Pages of listed sites may have sent credentials.
func (p *originPolicy) setHeaders(r *http.Request, response http.Header) {
	if p.any {
		response.Set("Access-Control-Allow-Origin", anyOrigin)
		return
	}
	response.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || p.check(r) != nil {
		return
	}
	response.Set("Access-Control-Allow-Origin", origin)
	if origin != nullOrigin {
		response.Set("Access-Control-Allow-Credentials", "true")
	}
}
