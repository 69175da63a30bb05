package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// CheckFiles finds what is wrong with the files that settings name, on the machine that it runs on. The error is all
// mistakes joined; a certificate that has expired is a warning.
func (l *Loaded) CheckFiles() error {
	d := &decoder{Loaded: l}
	if l.TLS.Cert != "" && l.TLS.Key != "" {
		d.checkPair(pairSettings{"tls.cert", "tls.key", "tls.cert", "tls.key"}, Certificate{l.TLS.Cert, l.TLS.Key})
	}
	const list = "tls.certificates"
	for i, pair := range l.TLS.Certificates {
		place := entry(list, i)
		d.checkPair(pairSettings{list + ".cert", list + ".key", join(place, "cert"), join(place, "key")}, pair)
	}
	for _, app := range l.Apps() {
		for i, k := range app.JWT.Keys {
			place := join(entry(app.key("jwt.keys"), i), "file")
			if _, err := k.Parse(); k.File != "" && err != nil {
				d.wrongAt(place, join(app.key("jwt.keys"), "file"), "%v", err)
			}
		}
	}
	d.checkAuthorities("tls.client_ca", l.TLS.ClientCA)
	d.checkAuthorities("tls.acme.ca_root", l.TLS.ACME.CARoot)
	return errors.Join(d.mistakes...)
}

// pairSettings are the settings that name a pair of files, and their places.
type pairSettings struct{ cert, key, certPlace, keyPlace string }

func (d *decoder) checkPair(of pairSettings, files Certificate) {
	before := len(d.mistakes)
	cert, err := ReadFile(files.Cert)
	if err != nil {
		d.wrongAt(of.certPlace, of.cert, "%v", err)
	}
	key, err := ReadFile(files.Key)
	if err != nil {
		d.wrongAt(of.keyPlace, of.key, "%v", err)
	}
	if len(d.mistakes) > before {
		return
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		// The library does not say which file it is but in words.
		switch why := strings.TrimPrefix(err.Error(), "tls: "); {
		case strings.Contains(why, "does not match"):
			d.wrongAt(of.keyPlace, of.key, "%s is not the key of the certificate in %s (%s)", files.Key, files.Cert, of.cert)
		case strings.Contains(why, "key") && !strings.Contains(why, "certificate input") && !strings.Contains(why, "public key"):
			d.wrongAt(of.keyPlace, of.key, "%s: %s", files.Key, why)
		default:
			d.wrongAt(of.certPlace, of.cert, "%s: %s", files.Cert, why)
		}
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err == nil && time.Now().After(leaf.NotAfter) {
		d.warn(of.certPlace, of.cert, "the certificate in %s has expired, on %s", files.Cert, leaf.NotAfter.Format(time.DateOnly))
	}
}

func (d *decoder) checkAuthorities(setting, file string) {
	if file == "" {
		return
	}
	text, err := ReadFile(file)
	switch {
	case err != nil:
		d.wrong(setting, "%v", err)
	case !x509.NewCertPool().AppendCertsFromPEM(text):
		d.wrong(setting, "%s has no certificate in PEM", file)
	}
}
