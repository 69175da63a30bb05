package config

import (
	"regexp"
	"slices"

	"scenecast"
)

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
		d.checkOpen(setting, "http.allowed_origins", c.HTTP.AllowedOrigins)
		for _, app := range c.OtherApps {
			d.checkOpen(setting, app.key("allowed_origins"), app.AllowedOrigins)
		}
	}
}

// checkConnectCookies refuses, likewise, to pass cookies on to a backend that lets pages in by them.
func (d *decoder) checkConnectCookies(c *Config) {
	if d.unreadable("http.allowed_origins") {
		return
	}
	for _, app := range c.Apps() {
		if !slices.Contains(app.Hooks.Connect.Headers, "Cookie") {
			continue
		}
		setting := app.key("hooks.connect.headers")
		if app.Name == scenecast.DefaultApp || app.AllowedOrigins == nil {
			d.checkOpen(setting, "http.allowed_origins", c.HTTP.AllowedOrigins)
		} else {
			d.checkOpen(setting, app.key("allowed_origins"), app.AllowedOrigins)
		}
	}
}

func (d *decoder) checkOpen(setting, key string, origins Origins) {
	for _, open := range []string{anyOrigin, nullOrigin} {
		if slices.Contains(origins, open) {
			d.wrong(setting, "browsers send a cookie from pages of every site, and %s has %q, which lets in all of them; list the sites there",
				key, open)
		}
	}
}
