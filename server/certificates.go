package server

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"scenecast/config"
	"scenecast/language"
	"scenecast/metrics"
)

// The settings of certificates, as metrics and problems name them.
const (
	settingTLS        = "tls"
	settingACME       = "tls.acme"
	settingClusterTLS = "cluster.tls"
	settingRedisTLS   = "redis.tls"
)

// RenewalOverdue reports whether what renews a certificate should have done so by now: less than 14 days and less than a sixth of its life are
// left. ACME renews with a third left, so a certificate for a few days is overdue in its last day.
func RenewalOverdue(notBefore, notAfter, now time.Time) bool {
	const days = 14 * 24 * time.Hour
	return notAfter.Sub(now) < min(days, notAfter.Sub(notBefore)/6)
}

// servedTLS is what handshakes of the port take, and the files that its certificates were read from.
type servedTLS struct {
	*tls.Config
	files []string // by index of Certificates
}

// certificates are those that the port shows by now, and those by which this node shows itself to its cluster and to Redis. They may be asked
// for concurrently.
func (s *Server) certificates() (all []metrics.Certificate) {
	if s.tls != nil {
		served := s.tls.current.Load()
		for i := range served.Certificates {
			all = append(all, newCertificate(settingTLS, served.files[i], served.Certificates[i].Leaf))
		}
		if a := s.tls.acme; a != nil {
			for i, domain := range a.domains {
				var leaf *x509.Certificate
				if ready := a.ready[i].Load(); ready != nil {
					leaf = ready.Leaf
				}
				all = append(all, newCertificate(settingACME, domain, leaf))
			}
		}
	}
	return append(all, s.fixedCertificates...)
}

// newCertificate is a certificate in metrics; a nil leaf is one that has not been obtained yet.
func newCertificate(setting, name string, leaf *x509.Certificate) metrics.Certificate {
	c := metrics.Certificate{Setting: setting, Name: name}
	if leaf != nil {
		c.NotBefore, c.NotAfter = leaf.NotBefore, leaf.NotAfter
	}
	return c
}

// readFixedCertificates reads the certificates that the engine and the registry read at the start alone. One that cannot be read has kept these
// from starting.
func readFixedCertificates(c config.Config) (all []metrics.Certificate) {
	for _, of := range []struct{ setting, cert, key string }{
		{settingClusterTLS, c.Cluster.TLS.Cert, c.Cluster.TLS.Key}, {settingRedisTLS, c.Redis.TLS.Cert, c.Redis.TLS.Key},
	} {
		if of.cert == "" {
			continue
		}
		if pair, err := readPair(config.Certificate{Cert: of.cert, Key: of.key}); err == nil {
			all = append(all, newCertificate(of.setting, of.cert, pair.Leaf))
		}
	}
	return all
}

// certificateProblems are the certificates that have ended, are about to, or have not been obtained, in words.
func certificateProblems(all []metrics.Certificate, now time.Time) (problems []language.Message) {
	for _, c := range all {
		switch {
		case c.NotAfter.IsZero():
			problems = append(problems, language.Textf("no certificate for %s has been obtained yet (%s)", c.Name, c.Setting).Message())
		case now.After(c.NotAfter):
			problems = append(problems, language.Textf("the certificate %s has expired, on %s (%s)", c.Name, c.NotAfter.UTC().Format(time.DateOnly), c.Setting).Message())
		case RenewalOverdue(c.NotBefore, c.NotAfter, now):
			problems = append(problems, language.Textf("the certificate %s expires on %s and was not renewed (%s)", c.Name, c.NotAfter.UTC().Format(time.DateOnly), c.Setting).Message())
		}
	}
	return problems
}
