package server

import (
	"net/http"
	"path"
	"strings"

	"scenecast/problem"
)

// refuseUnclean answers 404 to paths with empty or dotted parts. A ServeMux redirects them, which a client that does not follow takes
// for success, and a WebSocket cannot follow.
func refuseUnclean(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clean := cleanPath(r.URL.Path); clean != r.URL.Path && strings.HasPrefix(r.URL.Path, "/") {
			refuse(w, r, problem.New(problem.NotFound, "there is nothing at this path; without its empty and dotted parts it is %.200q", clean))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cleanPath is path.Clean, but for a slash at the end, which means something.
func cleanPath(p string) string {
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// addSlashes redirects from /demo to /demo/, where pages are below a path. A ServeMux does so as well, but to an absolute path, in
// which the prefix is missing that a proxy has stripped.
func addSlashes(mux *http.ServeMux, pages map[string]http.Handler) {
	for pattern := range pages {
		bare := strings.TrimSuffix(pattern, "/")
		if bare == pattern || !strings.HasPrefix(bare, "/") || strings.Contains(bare, "{") || pages[bare] != nil {
			continue
		}
		mux.HandleFunc(bare, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", path.Base(bare)+"/") // http.Redirect would make it absolute
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
	}
}
