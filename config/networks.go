package config

import (
	"net/netip"

	"go.yaml.in/yaml/v3"
)

// networks reads a list of networks, as 10.0.0.0/8, and of single addresses.
func (d *decoder) networks(key string, n *yaml.Node) []netip.Prefix {
	networks := []netip.Prefix{}
	for item, text := range d.texts(key, n) {
		network, err := netip.ParsePrefix(text)
		if a, errOfAddress := netip.ParseAddr(text); errOfAddress == nil && a.Zone() == "" {
			network, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() {
			d.mistake(key, item, "%q is no network; write it as 10.0.0.0/8, fd00::/8 or 127.0.0.1", text)
			continue
		}
		networks = append(networks, network)
	}
	return networks
}
