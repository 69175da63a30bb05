package server

import (
	"log/slog"
	"net/http"
	"time"

	"scenecast/admission"
)

// logRequests logs every HTTP request at debug level: the path without the query, because tokens are in it.
func logRequests(log *slog.Logger, proxies func() admission.Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			next.ServeHTTP(w, r)
			return
		}
		begun := time.Now()
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(status, r)
		log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", status.status,
			"client", proxies().Origin(r), "took", time.Since(begun))
	})
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64 // of the body
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what this writer does not have.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
