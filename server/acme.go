package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"scenecast/config"
)

// acmeProtocol is what an authority's check by TLS-ALPN-01 asks for (RFC 8737).
const acmeProtocol = acme.ALPNProto

// acmeCertificates obtains certificates from an authority (RFC 8555), and has them renewed. A handshake never waits for one: they are
// obtained and asked for in the background. They are kept in a directory, so that a restart finds them.
type acmeCertificates struct {
	domains []string
	manager *autocert.Manager
	log     *slog.Logger
	ready   []atomic.Pointer[tls.Certificate] // by index of the domain
	ended   chan struct{}                     // closed by close
	working sync.WaitGroup

	transport *http.Transport
}

// How often a certificate is asked for: until it is there, with longer and longer pauses, because authorities bound how often they are asked,
// and autocert takes a failed attempt for the answer for a minute; then often enough to notice in time that it was renewed.
const (
	acmeFirstPause = 65 * time.Second
	acmeLastPause  = 2 * time.Hour
	acmeRefresh    = time.Hour
	acmeRenewing   = 5 * time.Second // while one is due: autocert is at it, and looking costs nothing
)

// due reports whether autocert renews a certificate by now, or will within the hour.
func due(c *tls.Certificate) bool {
	const longest = 30 * 24 * time.Hour
	return time.Until(c.Leaf.NotAfter) < min(c.Leaf.NotAfter.Sub(c.Leaf.NotBefore)/3, longest)
}

func newACME(c config.Config, log *slog.Logger) (*acmeCertificates, error) {
	o, ended := c.TLS.ACME, make(chan struct{})
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if o.CARoot != "" {
		authorities, err := authoritiesIn(o.CARoot)
		if err != nil {
			return nil, fmt.Errorf("tls.acme.ca_root: %w", err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	}
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(o.Domains...),
		Email:      o.Email,
		Client:     &acme.Client{DirectoryURL: o.CA, HTTPClient: &http.Client{Transport: untilEnd{transport, ended, log}}},
	}
	switch {
	case o.Dir != "":
		manager.Cache = autocert.DirCache(o.Dir)
	case c.DataDir != "":
		manager.Cache = autocert.DirCache(filepath.Join(c.DataDir, "acme"))
	}
	return &acmeCertificates{
		domains:   o.Domains,
		manager:   manager,
		log:       log,
		ready:     make([]atomic.Pointer[tls.Certificate], len(o.Domains)),
		ended:     ended,
		transport: transport,
	}, nil
}

// untilEnd fails requests when the server ends. Answers of authorities are small, and read whole.
type untilEnd struct {
	http.RoundTripper
	ended <-chan struct{}
	log   *slog.Logger
}

// maxACMEAnswer bounds an answer of an authority, in bytes. autocert takes as much.
const maxACMEAnswer = 1 << 20

// RoundTrip implements http.RoundTripper.
func (u untilEnd) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-u.ended:
			cancel()
		case <-done:
		}
	}()
	response, err := u.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxACMEAnswer))
	response.Body = io.NopCloser(bytes.NewReader(body))
	u.logFailedChecks(body)
	return response, err
}

// logFailedChecks tells why an authority could not check a domain, which autocert does not.
func (u untilEnd) logFailedChecks(answer []byte) {
	var authorization struct {
		Challenges []struct {
			Type  string
			Error struct{ Detail string }
		}
	}
	if json.Unmarshal(answer, &authorization) != nil {
		return
	}
	for _, c := range authorization.Challenges {
		if c.Error.Detail != "" {
			u.log.Warn("the authority could not check a domain", "check", c.Type, "why", c.Error.Detail)
		}
	}
}

// start begins to obtain certificates. The port must answer by then: the authority asks it.
func (a *acmeCertificates) start() {
	if a == nil {
		return
	}
	for i := range a.domains {
		a.working.Go(func() { a.keep(i) })
	}
}

// keep obtains the certificate of a domain, and then looks for newer ones, until close.
func (a *acmeCertificates) keep(i int) {
	hello := &tls.ClientHelloInfo{ // of a client that takes ECDSA, as all do today
		ServerName:       a.domains[i],
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
		SupportedCurves:  []tls.CurveID{tls.CurveP256},
		CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	}
	for pause := acmeFirstPause; ; {
		next := acmeRefresh
		certificate, err := a.manager.GetCertificate(hello)
		switch {
		case a.hasEnded():
			return
		case err != nil:
			a.log.Warn("no certificate could be obtained", "domain", a.domains[i], "next_attempt_in", pause, "err", err)
			next, pause = pause, min(2*pause, acmeLastPause)
		default:
			pause = acmeFirstPause
			if due(certificate) {
				next = acmeRenewing
			}
			switch before := a.ready[i].Swap(certificate); {
			case before == nil:
				a.log.Info("certificate obtained", "domain", a.domains[i], "until", certificate.Leaf.NotAfter)
			case !before.Leaf.Equal(certificate.Leaf):
				a.log.Info("certificate renewed", "domain", a.domains[i], "until", certificate.Leaf.NotAfter)
			}
		}
		select {
		case <-time.After(next):
		case <-a.ended:
			return
		}
	}
}

func (a *acmeCertificates) hasEnded() bool {
	select {
	case <-a.ended:
		return true
	default:
		return false
	}
}

var errNoCertificateYet = errors.New("no certificate for this name has been obtained yet")

// certificate is that for a handshake; nil without an error: one of those in files, or, without a name, the first that was obtained.
func (a *acmeCertificates) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{acmeProtocol}) { // the authority's check
		return a.manager.GetCertificate(hello)
	}
	i := slices.IndexFunc(a.domains, func(domain string) bool { return strings.EqualFold(domain, hello.ServerName) })
	if hello.ServerName == "" {
		i = 0
	}
	if i < 0 {
		return nil, nil
	}
	if ready := a.ready[i].Load(); ready != nil {
		return ready, nil
	}
	return nil, errNoCertificateYet
}

// answerChecks answers the authority's checks by HTTP-01, which are possible from then on, and leaves other requests to a handler.
func (a *acmeCertificates) answerChecks(next http.Handler) http.Handler {
	if a == nil {
		return next
	}
	checks := a.manager.HTTPHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.Host); err == nil { // a check at another port than 80, behind something that forwards it
			r.Host = host
		}
		checks.ServeHTTP(w, r)
	})
}

// close ends what is being done, and returns when that has ended.
func (a *acmeCertificates) close() {
	if a == nil {
		return
	}
	close(a.ended)
	a.working.Wait()
	a.transport.CloseIdleConnections()
}
