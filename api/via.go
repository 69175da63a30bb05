package api

import (
	"context"
	"net/http"
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
