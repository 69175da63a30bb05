package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"scenecast/config"
)

// redirectServer is a port for plain HTTP that sends browsers to the one with TLS, and answers the checks of HTTP-01.
type redirectServer struct {
	http     *http.Server
	listener net.Listener
	serving  sync.WaitGroup
}

// listenRedirect opens the port; nil: none is configured.
func listenRedirect(ctx context.Context, c config.Config, to func() net.Addr, acme *acmeCertificates, log *slog.Logger) (*redirectServer, error) {
	if c.TLS.Redirect == "" || !c.TLS.Enabled() {
		return nil, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.TLS.Redirect)
	if err != nil {
		return nil, fmt.Errorf("tls.redirect: %w", err)
	}
	log.Info("redirecting plain HTTP", "addr", l.Addr().String())
	return &redirectServer{listener: l, http: &http.Server{
		Handler:           acme.answerChecks(redirectTo(to)),
		ReadHeaderTimeout: time.Duration(c.HTTP.HeadTimeout),
		ReadTimeout:       time.Duration(c.HTTP.HeadTimeout),
		WriteTimeout:      time.Duration(c.HTTP.WriteTimeout),
		IdleTimeout:       time.Duration(c.HTTP.IdleTimeout),
		MaxHeaderBytes:    int(c.HTTP.MaxHead),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// redirectTo sends GET and HEAD to the same place over HTTPS. Other requests are refused, not sent on: an API key that came with one has
// gone over the network in plain text, and its owner should notice.
func redirectTo(to func() net.Addr) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if host == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"title":"Forbidden","status":403,"kind":"forbidden","detail":"over HTTPS only; what came with this request was not encrypted","setting":"tls.redirect"}`+"\n")
			return
		}
		if _, port, err := net.SplitHostPort(to().String()); err == nil && port != "443" {
			host = net.JoinHostPort(trimBrackets(host), port)
		}
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusPermanentRedirect)
	})
}

// trimBrackets is the address in [address].
func trimBrackets(host string) string {
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}

// serve answers until close.
func (s *redirectServer) serve(log *slog.Logger) {
	if s == nil {
		return
	}
	s.serving.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			log.Error("redirecting plain HTTP", "err", err)
		}
	})
}

func (s *redirectServer) close() {
	if s != nil {
		_ = s.http.Close()
		_ = s.listener.Close()
		s.serving.Wait()
	}
}
