package doctor

import (
	"net/netip"
	"strings"
	"testing"

	"scenecast/language"
)

// TestJudgeAddress: what the server has seen of a request from 203.0.113.7:5000, which claims to be from 192.0.2.1.
func TestJudgeAddress(t *testing.T) {
	own := netip.MustParseAddrPort("203.0.113.7:5000")
	for _, c := range []struct {
		address, peer string
		forwarded     []string
		want          Status
		says          string
	}{
		{"203.0.113.7", "203.0.113.7:5000", []string{"192.0.2.1"}, OK, "by itself, or by PROXY headers"},
		{"203.0.113.7", "10.0.0.9:77", []string{"192.0.2.1, 203.0.113.7"}, OK, "passes on clients' addresses: 203.0.113.7"},
		{"203.0.113.7", "10.0.0.9:77", []string{"192.0.2.1", "203.0.113.7"}, OK, "passes on clients' addresses: 203.0.113.7"},
		{"203.0.113.7", "", []string{"203.0.113.7"}, OK, "passes on clients' addresses: 203.0.113.7"},
		{"192.0.2.1", "10.0.0.9:77", []string{"192.0.2.1, 203.0.113.7"}, OK, "limits.trusted_proxies itself"},
		{"192.0.2.1", "10.0.0.9:77", []string{"192.0.2.1"}, Failure, "whoever wants can be of any address"},
		{"10.0.0.9", "10.0.0.9:77", []string{"192.0.2.1, 203.0.113.7"}, Warning, "the server does not believe it"},
		{"10.0.0.9", "10.0.0.9:77", []string{"192.0.2.1"}, Warning, "does not pass on clients' addresses"},
		{"203.0.113.7", "203.0.113.7:77", []string{"192.0.2.1"}, Warning, "does not pass on clients' addresses"},
		{"203.0.113.7", "203.0.113.7:77", nil, Warning, "does not pass on clients' addresses"},
		{"203.0.113.7", "203.0.113.7:77", []string{"192.0.2.1, 203.0.113.7"}, Warning, "the server does not believe it"},
		{"203.0.113.7", "203.0.113.7:77", []string{"203.0.113.7"}, Skipped, "cannot be told from the proxy's own machine"},
		{"10.0.0.9", "10.0.0.9:77", nil, Warning, "does not pass on clients' addresses"},
		{"", "", nil, Warning, "does not pass on clients' addresses"},
		{"198.51.100.3", "10.0.0.9:77", []string{"192.0.2.1, 198.51.100.3"}, OK, "translated in between (NAT)"},
	} {
		s := seen{Peer: c.peer, Forwarded: c.forwarded}
		if c.address != "" {
			s.Address = netip.MustParseAddr(c.address)
		}
		status, do, found := judgeAddress(s, own)
		if status != c.want || !strings.Contains(found.String(), c.says) || (status == OK || status == Skipped) != do.IsZero() {
			t.Errorf("%+v: %s, %q, do %q; want %s, %q", s, status, found, do, c.want, c.says)
		}
		if chinese := found.In(language.Chinese) + do.In(language.Chinese); chinese == found.String()+do.String() || strings.Contains(chinese, "%!") {
			t.Errorf("%+v: in Chinese %s", s, chinese)
		}
	}
}
