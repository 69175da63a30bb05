// Package dashboard serves the dashboard, a page on which people see what is going on over all nodes, and act: the page itself, logging in
// and out, and below /dashboard/api/ the HTTP API, with a cookie in place of the API key.
//
// It has no calls of its own besides these: what a key may see and do, its audit lines, rates and confinement are the API's.
package dashboard

import (
	"embed"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"scenecast/auth"
	"scenecast/problem"
	"scenecast/webpage"
)

// Options configure the dashboard. Functions are called concurrently, with each request, so that a reload counts at once.
type Options struct {
	// API answers the calls below /dashboard/api/, which come with the session's API key as their bearer.
	API http.Handler

	FindKey   func(secret string) (auth.Key, bool)       // the API key with this secret
	NamedKeys func(app, name string) []auth.KeyDigest    // those with this name
	Code      func(code string) (secret string, ok bool) // the secret of a key for which a code stands, once. Nil: there are no codes

	// CheckClient says why a request may not show an API key at all, as one without a client's certificate; nil: any may.
	CheckClient func(r *http.Request) error

	Hosts  func() []string                                 // the names by which browsers know the server, besides localhost and addresses
	Origin func(r *http.Request) netip.Addr                // the address that a request comes from; the zero address: it cannot be told
	Secure func(r *http.Request) bool                      // whether the browser speaks TLS, to this server or to a proxy that is believed
	Refuse func(http.ResponseWriter, *http.Request, error) // answers with a problem

	// Refused is told of each wrong key, and of what else is refused here, before it is answered. Nil: nobody asks.
	Refused func(r *http.Request, p *problem.Problem)

	Audit *slog.Logger     // gets a line for each login, for each wrong one, and for each logout. Nil: there are none
	Now   func() time.Time // defaults to time.Now
}

// Path is where the dashboard is, and what is below it.
const Path = "/dashboard/"

// dist is the page as dashboard/app builds it.
//
//go:embed dist
var dist embed.FS

// policy lets in the page's own files alone. No script may make markup of text (Trusted Types), because labels and messages are strangers'.
const policy = "script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

// handler is the dashboard.
type handler struct {
	o     Options
	tries tries
}

// New makes the dashboard, which answers everything below Path. Safe for concurrent use.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &handler{o: o}
	h.tries.began = o.Now()
	mux := http.NewServeMux()
	for pattern, file := range map[string]*webpage.Asset{
		"GET /dashboard/{$}":           webpage.NewAsset(webpage.HTML, read("index.html")),
		"GET /dashboard/dashboard.js":  webpage.NewAsset(webpage.JavaScript, read("dashboard.js")),
		"GET /dashboard/dashboard.css": webpage.NewAsset(webpage.CSS, read("dashboard.css")),
		"GET /dashboard/icon.svg":      webpage.NewAsset(webpage.SVG, webpage.Icon),
	} {
		mux.Handle(pattern, file)
	}
	mux.Handle("POST /dashboard/login", h.uncached(h.login))
	mux.Handle("POST /dashboard/logout", h.uncached(h.logout))
	for _, path := range []string{"/dashboard/login", "/dashboard/logout"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", http.MethodPost)
			o.Refuse(w, r, problem.New(problem.MethodNotAllowed, "%s takes %s", r.URL.Path, http.MethodPost))
		})
	}
	mux.Handle("/dashboard/api/v1/", h.uncached(h.call))
	mux.HandleFunc("/dashboard/", func(w http.ResponseWriter, r *http.Request) {
		o.Refuse(w, r, problem.New(problem.NotFound, "there is nothing at this path of the dashboard"))
	})
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.refuse(w, r, problem.New(problem.Forbidden, "another site has made this request, and only the dashboard itself may"))
	}))
	return h.guard(crossOrigin.Handler(mux))
}

func read(file string) []byte {
	content, err := dist.ReadFile("dist/" + file)
	if err != nil {
		panic(err) // a file that New names is not embedded
	}
	return content
}

// guard sets the headers that every answer carries, and refuses names that are not the server's.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		webpage.SetPolicy(header, policy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if err := h.checkHost(r.Host); err != nil {
			h.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// uncached has an answer be kept by nobody.
func (h *handler) uncached(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next(w, r)
	})
}

// call has the API answer, with the session's key. Without a session nothing is done.
func (h *handler) call(w http.ResponseWriter, r *http.Request) {
	session, err := h.session(r)
	if err != nil {
		h.o.Refuse(w, r, err) // and nobody counts it as a wrong key: a session ends in the midst of calls that repeat
		return
	}
	ctx, cancel := session.context(r.Context(), h.o.Now())
	defer cancel()
	inner := r.Clone(ctx)
	inner.URL.Path = strings.TrimPrefix(r.URL.Path, "/dashboard/api")
	inner.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/dashboard/api")
	inner.Header.Del("Cookie")
	inner.Header.Set("Authorization", "Bearer "+session.secret)
	h.o.API.ServeHTTP(w, inner)
	r.Pattern = "/dashboard/api" + inner.Pattern // the route, for metrics
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, p *problem.Problem) {
	if h.o.Refused != nil {
		h.o.Refused(r, p)
	}
	h.o.Refuse(w, r, p)
}
