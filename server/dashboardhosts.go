package server

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/netip"
	"strings"

	"scenecast/auth"
	"scenecast/config"
)

func (c *currentApps) namedKeys(app, name string) []auth.KeyDigest {
	return c.Load().keys.Named(app, name)
}

func (c *currentApps) origin(r *http.Request) netip.Addr { return c.proxies().Origin(r) }

// isSecure reports whether the client speaks TLS, to this server or, by what that says, to a proxy that is trusted.
func (c *currentApps) isSecure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return c.proxies().Passed(r) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// dashboardHosts are the names by which browsers know the dashboard.
func (c *currentApps) dashboardHosts() []string { return c.Load().hosts }

// hostsOf are the names that the settings give the dashboard, and otherwise those that the server shows certificates for.
func hostsOf(c config.Config) []string {
	if len(c.Dashboard.Hosts) > 0 || !c.Dashboard.Enabled {
		return c.Dashboard.Hosts
	}
	names := append([]string(nil), c.TLS.ACME.Domains...)
	for _, files := range c.TLS.Pairs() {
		pair, err := readPair(files)
		if err != nil {
			continue // the port says what is wrong with it
		}
		names = append(names, namesIn(pair)...)
	}
	return names
}

// namesIn are the names that a certificate is for.
func namesIn(pair tls.Certificate) []string {
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil
	}
	return certificate.DNSNames
}
