package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"time"

	"scenecast/config"
	"scenecast/language"
	"scenecast/server"
)

var (
	renew       = language.Textf("Renew it, and have the server read it: scenecast reload (certbot renew --deploy-hook 'systemctl reload scenecast').")
	wholeChain  = language.Textf("Put the certificates of the intermediate authorities behind it in the same file (fullchain.pem). For an authority of your own, have clients trust it, and give it to this command by --ca.")
	otherDomain = language.Textf("Get a certificate for this name, or reach the server by a name that the certificate has.")
)

// checkCertificates looks at the certificates in tls: their time, their chain, and whether one is for the name that pages use.
func checkCertificates(_ context.Context, s *subject, r *report) {
	pairs := s.Config.TLS.Pairs()
	if len(pairs) == 0 {
		if domains := s.Config.TLS.ACME.Domains; len(domains) > 0 {
			r.add(OK, nothing, "certificates for %s are obtained by ACME; what the port shows is checked with --url", strings.Join(domains, ", "))
		} else {
			r.add(Skipped, nothing, "tls is not set: the port speaks plain HTTP, and a proxy in front TLS")
		}
		return
	}
	roots, _ := authorities(s.Roots) // where they cannot be read, the check of the proxy tells
	matches := false
	for _, pair := range pairs {
		if leaf := checkPair(r, pair, roots); leaf != nil && s.URL != nil {
			matches = matches || leaf.VerifyHostname(s.URL.Hostname()) == nil
		}
	}
	if s.URL != nil && s.URL.Scheme == "https" && !matches {
		r.add(Warning, language.Textf("%s It is all right where a proxy in front has that certificate.", otherDomain), "no certificate in tls is for %s, where pages come to", s.URL.Hostname())
	}
}

// checkPair looks at one certificate, and returns it; nil: it cannot be read.
func checkPair(r *report, pair config.Certificate, roots *x509.CertPool) *x509.Certificate {
	loaded, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		r.add(Failure, language.Textf("Give readable files in PEM that go together, to the user that the server runs as."), "%s and %s: %v", pair.Cert, pair.Key, err)
		return nil
	}
	leaf, err := x509.ParseCertificate(loaded.Certificate[0])
	if err != nil {
		r.add(Failure, renew, "%s: %v", pair.Cert, err)
		return nil
	}
	chain := []*x509.Certificate{leaf}
	for _, der := range loaded.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, c)
		}
	}
	judgeChain(r, pair.Cert, chain, "", roots)
	return leaf
}

// judgeChain adds a finding about a certificate and those that came with it. Host is the name that it is to be for; empty: any. Nil roots are
// those of the system.
func judgeChain(r *report, where string, chain []*x509.Certificate, host string, roots *x509.CertPool) {
	leaf, now := chain[0], time.Now()
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Intermediates: intermediates, Roots: roots, CurrentTime: now})
	names := strings.Join(leaf.DNSNames, ", ")
	for _, ip := range leaf.IPAddresses {
		names = strings.TrimPrefix(names+", "+ip.String(), ", ")
	}
	var unknown x509.UnknownAuthorityError
	switch left := leaf.NotAfter.Sub(now); {
	case left < 0:
		r.add(Failure, renew, "the certificate of %s has expired, on %s", where, leaf.NotAfter.Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		r.add(Failure, language.Textf("Look at the clock of this machine, or wait."), "the certificate of %s is good from %s on, and not yet", where, leaf.NotBefore.Format(time.DateTime))
	case host != "" && leaf.VerifyHostname(host) != nil:
		r.add(Failure, otherDomain, "the certificate of %s is for %s, and not for %s", where, names, host)
	case errors.As(err, &unknown):
		r.add(Warning, wholeChain, "the certificate of %s is of an authority that this machine does not know (%s)", where, leaf.Issuer)
	case err != nil:
		r.add(Warning, wholeChain, "the certificate of %s cannot be verified: %v", where, err)
	case server.RenewalOverdue(leaf.NotBefore, leaf.NotAfter, now):
		r.add(Warning, renew, "the certificate of %s (%s) ends on %s, in %s", where, names, leaf.NotAfter.Format(time.DateOnly), days(left))
	default:
		r.add(OK, nothing, "the certificate of %s is for %s, and good for another %s", where, names, days(left))
	}
}

func days(d time.Duration) language.Text { return language.Textf("%d days", int(d/(24*time.Hour))) }

// authorities are those of a file; nil: those of the system.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, language.Errorf("%s has no certificate in PEM", file)
	}
	return pool, nil
}
