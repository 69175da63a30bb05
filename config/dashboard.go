package config

import (
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
)

// Dashboard is what is settable about the dashboard.
type Dashboard struct {
	Enabled bool   `yaml:"enabled"`
	Listen  string `yaml:"listen"` // host:port; empty: it is on the server's own port
	Hosts   Hosts  `yaml:"hosts"`  // empty: the names of TLS
}

// Hosts is a list of names by which browsers know a server.
type Hosts []string

// UnmarshalYAML reads a list of names, as push.example.com and *.example.com.
func (h *Hosts) UnmarshalYAML(n *yaml.Node) (err error) {
	*h, err = decodeTexts(n, language.Textf("names"), parseHost)
	return err
}

func (h Hosts) byComma() {}

// MarshalYAML implements yaml.Marshaler.
func (h Hosts) MarshalYAML() (any, error) { return listOrNull([]string(h)), nil }

func parseHost(text string) (string, error) {
	name := strings.TrimPrefix(text, subdomains)
	if _, err := netip.ParseAddr(name); err == nil {
		return "", language.Errorf("%q is an address, and by addresses the dashboard is known anyway", text)
	}
	if name != strings.ToLower(name) || !isHostname(name) {
		return "", language.Errorf("%q is no name of a server; write it as push.example.com or *.example.com, in lower case, without scheme and port", text)
	}
	return text, nil
}

// HasDashboardPort reports whether the dashboard has a port of its own.
func (c *Config) HasDashboardPort() bool { return c.Dashboard.Enabled && c.Dashboard.Listen != "" }

func (d *decoder) checkDashboard(c *Config) {
	if c.Dashboard.Listen == "" {
		return
	}
	d.checkPort("dashboard.listen", c.Dashboard.Listen)
	if !c.Dashboard.Enabled {
		d.warn("dashboard.listen", "dashboard.listen", "is of no use while dashboard.enabled is false")
	}
}
