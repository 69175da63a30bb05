package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"scenecast/config"
	"scenecast/language"
	"scenecast/listener"
	"scenecast/problem"
)

// serverTLS is the port's side of TLS. A reload replaces its certificates; each handshake takes those that are there then.
type serverTLS struct {
	current atomic.Pointer[servedTLS]
	acme    *acmeCertificates // nil: all certificates stand in files
}

// newTLS reads the certificates of a configuration; nil: it has none.
func newTLS(c config.Config, log *slog.Logger) (t *serverTLS, err error) {
	if !c.TLS.Enabled() {
		return nil, nil
	}
	t = new(serverTLS)
	if len(c.TLS.ACME.Domains) > 0 {
		if t.acme, err = newACME(c, log); err != nil {
			return nil, err
		}
	}
	next, err := t.load(c.TLS)
	if err != nil {
		return nil, err
	}
	t.current.Store(next)
	return t, nil
}

// load makes what a handshake needs of the files of a configuration. Of several certificates crypto/tls takes the first that is for the
// name that the client asks for (RFC 6066, 3), and the first of all where none is.
func (t *serverTLS) load(c config.TLS) (*servedTLS, error) {
	made := &servedTLS{Config: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: listener.Protocols}}
	for _, files := range c.Pairs() {
		pair, err := readPair(files)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		made.Certificates, made.files = append(made.Certificates, pair), append(made.files, files.Cert)
	}
	if c.ClientCA != "" {
		authorities, err := authoritiesIn(c.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("tls.client_ca: %w", err)
		}
		// Pages need no certificate, and use the same port: that calls have one is checked where they show their keys.
		made.ClientAuth, made.ClientCAs = tls.VerifyClientCertIfGiven, authorities
	}
	if t.acme != nil {
		made.GetCertificate = t.acme.certificate
		made.NextProtos = append(slices.Clone(made.NextProtos), acmeProtocol)
	}
	return made, nil
}

// readPair reads a certificate and its key.
func readPair(files config.Certificate) (tls.Certificate, error) {
	cert, err := config.ReadFile(files.Cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := config.ReadFile(files.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// acmeOrNil is nil where all certificates stand in files.
func (t *serverTLS) acmeOrNil() *acmeCertificates {
	if t == nil {
		return nil
	}
	return t.acme
}

// listenerConfig is for the port; nil: plain HTTP.
func (t *serverTLS) listenerConfig() *tls.Config {
	if t == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         listener.Protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.current.Load().Config, nil },
	}
}

// sameCertificates reports whether two configurations have the same certificates of files.
func sameCertificates(a, b *servedTLS) bool {
	return slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
		return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
	})
}

// authoritiesIn are the certificates in a file.
func authoritiesIn(file string) (*x509.CertPool, error) {
	text, err := config.ReadFile(file)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, language.Errorf("%s has no certificate in PEM", file)
	}
	return authorities, nil
}

// checkClient refuses what shows an API key without a certificate, where one is needed.
func (c *currentApps) checkClient(r *http.Request) error {
	if !c.Load().needsCertificate || r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return nil
	}
	return problem.New(problem.Forbidden, "calls of backends need a client's certificate, and this connection has none").DecidedBy("tls.client_ca")
}

// hstsOf is the header by which browsers are told to use HTTPS alone (RFC 6797, 6.1).
func hstsOf(c config.TLS) string {
	if c.HSTS == 0 || !c.Enabled() {
		return ""
	}
	return "max-age=" + strconv.Itoa(int(time.Duration(c.HSTS)/time.Second))
}

// sayHSTS adds that header to responses over TLS; over plain HTTP it must not be sent.
func (c *currentApps) sayHSTS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hsts := c.Load().hsts; hsts != "" && r.TLS != nil {
			w.Header().Set("Strict-Transport-Security", hsts)
		}
		next.ServeHTTP(w, r)
	})
}

// tlsNeedsRestart reports whether a change of settings is one of whether the port speaks TLS at all, or where its certificates are from: that
// needs a restart.
func tlsNeedsRestart(from, to config.TLS) bool {
	return from.Enabled() != to.Enabled() || (len(from.ACME.Domains) > 0) != (len(to.ACME.Domains) > 0)
}

// isTLS reports whether a setting is one of TLS.
func isTLS(key string) bool { return strings.HasPrefix(key, "tls.") }
