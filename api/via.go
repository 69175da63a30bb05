package api

import (
	"context"
	"net/http"

	"scenecast/auth"
)

type viaKey struct{}

// Via is the API for calls that come by way of something else than a backend, which their audit lines name. People make them, so there are lines
// of their pushes as well.
func (a *API) Via(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called := r.WithContext(context.WithValue(r.Context(), viaKey{}, name))
		a.ServeHTTP(w, called)
		r.Pattern = called.Pattern
	})
}

// via is by way of what a call has come; empty: it is a backend's own.
func via(ctx context.Context) string {
	name, _ := ctx.Value(viaKey{}).(string)
	return name
}

// isAudited reports whether a line of the log tells of a call: one that changes what pages are or what the server does, and a push that a person
// makes. Those of backends are too many, and stand in the history.
func (r *request) isAudited(to route) bool {
	switch to.scope {
	case auth.Manage, auth.Admin:
		return to.method != http.MethodGet
	case auth.Push, auth.Trigger:
		return via(r.Context()) != "" && !r.dry
	}
	return false
}
