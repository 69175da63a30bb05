package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"time"
)

// CheckFiles finds what is wrong with the files that settings name, on the machine that it runs on. The error is all
// mistakes joined; a certificate that has expired is a warning.
func (l *Loaded) CheckFiles() error {
	d := &decoder{Loaded: l}
	if l.TLS.Cert == "" || l.TLS.Key == "" {
		return nil
	}
	cert, err := os.ReadFile(l.TLS.Cert)
	if err != nil {
		d.wrong("tls.cert", "%v", err)
	}
	key, err := os.ReadFile(l.TLS.Key)
	if err != nil {
		d.wrong("tls.key", "%v", err)
	}
	if len(d.mistakes) == 0 {
		d.checkPair(cert, key)
	}
	return errors.Join(d.mistakes...)
}

func (d *decoder) checkPair(cert, key []byte) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		// The library does not say which file it is but in words.
		switch why := strings.TrimPrefix(err.Error(), "tls: "); {
		case strings.Contains(why, "does not match"):
			d.wrong("tls.key", "%s is not the key of the certificate in %s (tls.cert)", d.TLS.Key, d.TLS.Cert)
		case strings.Contains(why, "key") && !strings.Contains(why, "certificate input") && !strings.Contains(why, "public key"):
			d.wrong("tls.key", "%s: %s", d.TLS.Key, why)
		default:
			d.wrong("tls.cert", "%s: %s", d.TLS.Cert, why)
		}
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err == nil && time.Now().After(leaf.NotAfter) {
		d.warn("tls.cert", "tls.cert", "the certificate in %s has expired, on %s", d.TLS.Cert, leaf.NotAfter.Format(time.DateOnly))
	}
}
