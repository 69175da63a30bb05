package dashboard

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"scenecast/problem"
)

// checkHost refuses a request that names a host that is not known, because a page of another site could make its own name lead to this
// server (DNS rebinding), and would then be of one origin with the dashboard. That takes a name: an address is what it is, and localhost is
// this machine to all browsers (RFC 6761, 6.3), so they are always let in.
func (h *handler) checkHost(host string) *problem.Problem {
	name := hostOf(host)
	if isLoopback(name) {
		return nil
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	if slices.ContainsFunc(h.o.Hosts(), func(known string) bool { return matchHost(known, name) }) {
		return nil
	}
	return problem.New(problem.Forbidden, "the dashboard is not known by the name %.100q; add it to the setting", name).DecidedBy("dashboard.hosts")
}

// hostOf is the name or address in a Host header (RFC 9110, 7.2), in lower case and without a final dot.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// isLoopback reports whether a browser on this machine, and no other, reaches the server by this name.
func isLoopback(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// matchHost reports whether a name is the known one, or one label below it where that is *.example.com, as in certificates (RFC 6125, 6.4.3).
func matchHost(known, name string) bool {
	if parent, ok := strings.CutPrefix(known, "*."); ok {
		_, below, found := strings.Cut(name, ".")
		return found && strings.EqualFold(below, parent)
	}
	return strings.EqualFold(known, name)
}
