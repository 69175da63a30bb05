package config

import (
	"net"
	"strings"
)

// checkPorts finds settings that name the same port: it can be opened once.
func (d *decoder) checkPorts(c *Config) {
	ports := []struct{ key, addr string }{
		{"listen", c.Listen}, {"cluster.listen", c.Cluster.Listen}, {"debug.listen", c.Debug.Listen}, {"tls.redirect", ""}, {"dashboard.listen", ""},
	}
	if c.TLS.Enabled() {
		ports[3].addr = c.TLS.Redirect
	}
	if c.HasDashboardPort() {
		ports[4].addr = c.Dashboard.Listen
	}
	for i, p := range ports {
		for _, other := range ports[:i] {
			if overlap(p.addr, other.addr) {
				d.wrong(p.key, "%s is the port of %s (%s), too; each needs one of its own", p.addr, other.key, other.addr)
				break
			}
		}
	}
}

// overlap reports whether two addresses cannot be open at a time: port 0 is another one each time, and no host is all of them.
func overlap(a, b string) bool {
	hostA, portA, err1 := net.SplitHostPort(a)
	hostB, portB, err2 := net.SplitHostPort(b)
	if strings.HasPrefix(a, unixPrefix) || err1 != nil || err2 != nil || portA != portB || strings.Trim(portA, "0") == "" {
		return false
	}
	return isAnyHost(a) || isAnyHost(b) || strings.EqualFold(hostA, hostB)
}
