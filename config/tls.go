package config

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
)

// TLS is how the port speaks TLS. Files are in PEM.
type TLS struct {
	Cert         string       `yaml:"cert"` // with Key, both or none
	Key          string       `yaml:"key"`
	Certificates Certificates `yaml:"certificates"` // further ones
	ClientCA     string       `yaml:"client_ca"`    // empty: calls of backends need no certificate
	HSTS         Duration     `yaml:"hsts"`         // 0: not said
	Redirect     string       `yaml:"redirect"`     // host:port; empty: nowhere
	ACME         ACME         `yaml:"acme"`
}

// Enabled reports whether the port speaks TLS.
func (t TLS) Enabled() bool { return len(t.Pairs()) > 0 || len(t.ACME.Domains) > 0 }

// Pairs are all certificates that stand in files, the first one for clients that name no server.
func (t TLS) Pairs() []Certificate {
	if t.Cert == "" {
		return t.Certificates
	}
	return append([]Certificate{{t.Cert, t.Key}}, t.Certificates...)
}

// Certificate names the files of a certificate and its key.
type Certificate struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Certificates is a list of certificates.
type Certificates []Certificate

// UnmarshalYAML reads a list of {cert, key}.
func (c *Certificates) UnmarshalYAML(n *yaml.Node) (err error) {
	*c, err = decodeList(n, language.Textf("%s", "{cert, key}"), func(item *yaml.Node) (pair Certificate, err error) {
		if item.Kind != yaml.MappingNode {
			return pair, language.Errorf("an entry is {cert, key}, not a %s", kindName(item))
		}
		if err := decode(item, &pair); err != nil {
			return pair, err
		}
		if pair.Cert == "" || pair.Key == "" {
			return pair, language.Errorf("an entry needs both cert and key")
		}
		return pair, nil
	})
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (c Certificates) MarshalYAML() (any, error) { return listOrNull([]Certificate(c)), nil }

// ACME is how certificates are obtained and renewed by the port itself (RFC 8555).
type ACME struct {
	Domains Domains `yaml:"domains"` // empty: none are obtained
	Email   string  `yaml:"email"`   // of the account; may be empty
	CA      string  `yaml:"ca"`      // the URL of the authority's directory
	CARoot  string  `yaml:"ca_root"` // a file, for an authority whose own certificate the system does not know; may be empty
	Dir     string  `yaml:"dir"`     // where certificates and the account are kept; empty: below data_dir
}

// Domains is a list of names of servers.
type Domains []string

var domainName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// UnmarshalYAML reads a list of names, as push.example.com.
func (d *Domains) UnmarshalYAML(n *yaml.Node) (err error) {
	*d, err = decodeTexts(n, language.Textf("domains"), func(text string) (string, error) {
		if !domainName.MatchString(text) || len(text) > 253 {
			return "", language.Errorf("%q is no name that a certificate can be obtained for; write it as push.example.com, without *", text)
		}
		return text, nil
	})
	return err
}

func (d Domains) byComma() {}

// MarshalYAML implements yaml.Marshaler.
func (d Domains) MarshalYAML() (any, error) { return listOrNull([]string(d)), nil }

// checkTLS finds what is wrong with the settings of TLS.
func (d *decoder) checkTLS(c *Config) {
	t := &c.TLS
	if (t.Cert == "") != (t.Key == "") {
		key := "tls.cert"
		if t.Cert == "" {
			key = "tls.key"
		}
		d.wrong(key, "tls needs both cert and key, or none")
	}
	if !t.Enabled() && t.Key == "" {
		d.warnWithoutTLS("tls.client_ca", t.ClientCA != "", language.Textf("so every call of a backend is refused"))
		d.warnWithoutTLS("tls.hsts", t.HSTS != 0, language.Textf("and does nothing"))
		d.warnWithoutTLS("tls.redirect", t.Redirect != "", language.Textf("and does nothing"))
	}
	if t.Redirect != "" {
		d.checkPort("tls.redirect", t.Redirect)
	}
	if len(t.ACME.Domains) == 0 {
		return
	}
	if u, err := url.Parse(t.ACME.CA); err != nil || u.Scheme != "https" || u.Host == "" {
		d.wrong("tls.acme.ca", "%q is no URL of an authority's directory; it begins with https://", t.ACME.CA)
	}
	if t.ACME.Dir == "" && c.DataDir == "" {
		d.warn("tls.acme.domains", "tls.acme.dir", "says where certificates are kept; without it, and without data_dir, each start asks for new ones, which CAs limit")
	}
}

// warnWithoutTLS notes a setting that is given, and of no use where the port speaks plain HTTP.
func (d *decoder) warnWithoutTLS(key string, given bool, consequence language.Text) {
	if given {
		d.warn(key, key, "needs TLS (tls.cert and tls.key, tls.certificates or tls.acme.domains), %s", consequence)
	}
}

// checkPort finds what is wrong with a host:port to listen on.
func (d *decoder) checkPort(key, addr string) {
	if strings.HasPrefix(addr, unixPrefix) {
		d.wrong(key, "%q is a socket's path, which listen alone takes; write it as 127.0.0.1:9503", addr)
	} else if _, port, err := net.SplitHostPort(addr); err != nil {
		d.wrong(key, "%q is no address; write it as :9502 or 127.0.0.1:9502", addr)
	} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		d.wrong(key, "%q is no port; ports are 0 (any free one) to 65535", port)
	}
}

// The ways in which a trusted proxy may say whom it passes on, before the request (Limits.ProxyProtocol).
const (
	ProxyOff      = "off"
	ProxyOptional = "optional"
	ProxyRequired = "required"
)

func (d *decoder) checkProxyProtocol(c *Config) {
	ways := []string{ProxyOff, ProxyOptional, ProxyRequired}
	switch way := c.Limits.ProxyProtocol; {
	case !slices.Contains(ways, way):
		d.wrong("limits.proxy_protocol", "%q is none; there are %s, %s and %s", way, ProxyOff, ProxyOptional, ProxyRequired)
	case way != ProxyOff && len(c.Limits.TrustedProxies) == 0 && c.UnixSocket() == "":
		d.warn("limits.proxy_protocol", "limits.proxy_protocol", "is taken from proxies in limits.trusted_proxies alone, and there are none")
	}
}
