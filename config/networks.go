package config

import (
	"net/netip"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
)

// Networks is a list of networks and of single addresses.
type Networks []netip.Prefix

// UnmarshalYAML reads a list of networks, as 10.0.0.0/8, and of single addresses.
func (s *Networks) UnmarshalYAML(n *yaml.Node) (err error) {
	*s, err = decodeTexts(n, language.Textf("networks"), parseNetwork)
	return err
}

func (s Networks) byComma() {}

func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if a, errOfAddress := netip.ParseAddr(text); errOfAddress == nil && a.Zone() == "" {
		network, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, language.Errorf("%q is no network; write it as 10.0.0.0/8, fd00::/8 or 127.0.0.1", text)
	}
	return network, nil
}
