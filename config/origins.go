package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Origins are the sites whose pages may connect, as browsers write them, or anyOrigin.
type Origins []string

// anyOrigin stands for all of them.
const anyOrigin = "*"

// nullOrigin is the origin of sandboxed pages, of files and of data: URLs, whatever site they are of (HTML Standard, 7.1.1).
const nullOrigin = "null"

// UnmarshalYAML reads a list of origins. One that no browser would write lets nobody in, so it is a mistake.
func (o *Origins) UnmarshalYAML(n *yaml.Node) (err error) {
	*o, err = decodeTexts(n, "origins", parseOrigin)
	return err
}

func (o Origins) byComma() {}

func parseOrigin(text string) (string, error) {
	if text != anyOrigin && text != nullOrigin && !isOrigin(text) {
		return "", fmt.Errorf("%q is no origin; write it as https://www.example.com, in lower case and without a path, or as *", text)
	}
	return text, nil
}

// defaultPorts are left out of origins (HTML Standard, 7.1.1).
var defaultPorts = map[string]string{"http": "80", "https": "443"}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && text == u.Scheme+"://"+u.Host && text == strings.ToLower(text) &&
		(u.Port() == "" || u.Port() != defaultPorts[u.Scheme])
}

// cookieName matches the names that a cookie may have: a token of RFC 9110, 5.6.2 (RFC 6265, 4.1.1).
var cookieName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// checkCookie refuses a token cookie where pages of any site may connect: a browser adds the cookie by itself, so a strange
// page would come in as its visitor (cross-site WebSocket hijacking). Sandboxed pages of every site have the origin null.
func (d *decoder) checkCookie(c *Config) {
	const setting = "http.token_cookie"
	switch name := c.HTTP.TokenCookie; {
	case name == "":
	case !cookieName.MatchString(name):
		d.wrong(setting, "%q is no name of a cookie: it has letters, digits and !#$%%&'*+-.^_`|~", name)
	case d.unreadable("http.allowed_origins"):
	default:
		for _, open := range []string{anyOrigin, nullOrigin} {
			if slices.Contains(c.HTTP.AllowedOrigins, open) {
				d.wrong(setting, "browsers send a cookie from pages of every site, and http.allowed_origins has %q, "+
					"which lets in all of them; list the sites there", open)
			}
		}
	}
}
