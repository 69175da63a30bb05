package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/idna"

	"scenecast/language"
)

// Origins are the sites whose pages may connect: origins as browsers write them in the header Origin (HTML Standard, 7.1.1),
// subdomains as in https://*.example.com, nullOrigin, or anyOrigin.
type Origins []string

// anyOrigin stands for all of them.
const anyOrigin = "*"

// nullOrigin is the origin of sandboxed pages, of files and of data: URLs, whatever site they are of (HTML Standard, 7.1.1).
const nullOrigin = "null"

// UnmarshalYAML reads a list of origins. One that no browser would write lets nobody in, so it is a mistake.
func (o *Origins) UnmarshalYAML(n *yaml.Node) (err error) {
	*o, err = decodeTexts(n, language.Textf("origins"), parseOrigin)
	return err
}

func (o Origins) byComma() {}

// MarshalYAML implements yaml.Marshaler.
func (o Origins) MarshalYAML() (any, error) { return listOrNull([]string(o)), nil }

func parseOrigin(text string) (string, error) {
	if text == anyOrigin || text == nullOrigin {
		return text, nil
	}
	right := canonicalOrigin(text)
	switch {
	case right == text:
		return text, nil
	case right == "":
		return "", language.Errorf(`%q is no origin that a browser sends; write it as https://www.example.com, https://*.example.com, "null" or "*"`, text)
	default:
		return "", language.Errorf("%q is no origin that a browser sends; write it as %s", text, right)
	}
}

// subdomains begins the host of an origin that stands for one or more labels in front of what follows.
const subdomains = "*."

// defaultPorts are left out of origins (HTML Standard, 7.1.1).
var defaultPorts = map[string]int{"http": 80, "https": 443}

// pageSchemes are of addresses that are often taken for the page's, with what the page's origin has.
var pageSchemes = map[string]string{"ws": "http", "wss": "https"}

// opaqueSchemes are of pages whose origin is null.
var opaqueSchemes = []string{"about", "blob", "data", "file", "javascript"}

var (
	originScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)
	originHost   = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$`)
	numericLabel = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)\.?$`) // an IPv4 address to browsers (URL Standard, 3.5)
)

// canonicalOrigin is the origin of a page at this address, or of the page that is probably meant; empty where there is none.
func canonicalOrigin(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "https", text
	}
	scheme = strings.ToLower(scheme)
	if page, ok := pageSchemes[scheme]; ok {
		scheme = page
	}
	if slices.Contains(opaqueSchemes, scheme) {
		return `"` + nullOrigin + `"`
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, port := authority, ""
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		host, port = authority[:colon], authority[colon+1:]
	}
	front := ""
	if _, isWeb := defaultPorts[scheme]; isWeb && strings.HasPrefix(host, subdomains) {
		front, host = subdomains, host[len(subdomains):]
	}
	host, isAddress := canonicalHost(host)
	if !originScheme.MatchString(scheme) || host == "" || front != "" && isAddress {
		return ""
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		switch {
		case err != nil || n == 0:
			return ""
		case int(n) == defaultPorts[scheme]:
			port = ""
		default:
			port = ":" + strconv.FormatUint(n, 10)
		}
	}
	return scheme + "://" + front + host + port
}

// canonicalHost is the host as browsers write it (URL Standard, 3.5): punycode, lower case, addresses in their shortest form;
// empty where it is none.
func canonicalHost(host string) (canonical string, isAddress bool) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() || a.Zone() != "" || !strings.HasSuffix(inner, "]") {
			return "", true
		}
		if b := a.As16(); a.Is4In6() {
			return fmt.Sprintf("[::ffff:%x:%x]", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15])), true
		}
		return "[" + a.String() + "]", true
	}
	host = strings.ToLower(host)
	if strings.IndexFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", false
		}
		host = ascii
	}
	if numericLabel.MatchString(host) {
		a, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
		if err != nil {
			return "", true
		}
		return a.String(), true
	}
	if !originHost.MatchString(host) {
		return "", false
	}
	return host, false
}
