package config

import (
	"cmp"
	"errors"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strconv"
)

// mayBeZero are the numbers for which 0 means something.
var mayBeZero = []string{"websocket.ping_interval", "tutorial.idle_timeout", "drain"}

// placeholders stand in printed files where a secret should be, so everybody knows them.
var placeholders = []string{"TOKEN", "KEY", hidden}

// check finds what is wrong with values that could be read.
func (d *decoder) check(c *Config) {
	d.unread = d.mistakes
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		d.wrong("listen", "%q is no address; write it as :9502 or 127.0.0.1:9502", c.Listen)
	} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		d.wrong("listen", "%q is no port; ports are 0 (any free one) to 65535", port)
	}
	var level slog.Level
	if level.UnmarshalText([]byte(c.Log.Level)) != nil {
		d.wrong("log.level", "%q is no level; the levels are debug, info, warn and error", c.Log.Level)
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		d.wrong("log.format", "%q is no format; the formats are text and json", c.Log.Format)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		key := "tls.cert"
		if c.TLS.Cert == "" {
			key = "tls.key"
		}
		d.wrong(key, "tls needs both cert and key, or none")
	}
	for _, key := range Keys() {
		v := fieldOf(reflect.ValueOf(c).Elem(), key)
		if v.CanInt() && v.IsZero() && !slices.Contains(mayBeZero, key) {
			d.wrong(key, "must be more than 0")
		}
	}
	if c.Outbox.MaxBytes < c.HTTP.MaxBody {
		d.wrong("outbox.max_bytes", "%v is less than http.max_body (%v): such a push could reach nobody", c.Outbox.MaxBytes, c.HTTP.MaxBody)
	}
	d.checkSecrets(c)
}

// wrong notes a mistake in a setting's value, wherever that came from; but not a second one, of a setting that could not
// be read and still has the value that it had before.
func (d *decoder) wrong(key, format string, args ...any) {
	for _, err := range d.unread {
		var m *Mistake
		if errors.As(err, &m) && m.Key == key {
			return
		}
	}
	d.source = cmp.Or(d.places[key], "defaults")
	d.mistake(key, nil, format, args...)
}

// checkSecrets refuses a secret that is known to everybody, and one that is both a page's token and a backend's key:
// everybody who opens a page can read it.
func (d *decoder) checkSecrets(c *Config) {
	for _, token := range c.ClientTokens {
		if token == "" {
			d.wrong("client_tokens", "holds an empty token")
		}
		if slices.Contains(placeholders, token) {
			d.wrong("client_tokens", "%s stands for a token; put one of your own there", token)
		}
	}
	owner := make(map[string]string)
	for _, k := range c.APIKeys {
		if slices.Contains(placeholders, k.Key) {
			d.wrong("api_keys", "%s stands for a key; put one of your own there", k.Key)
		}
		if other, taken := owner[k.Key]; taken {
			d.wrong("api_keys", "%s and %s have the same key", other, k.Name)
		}
		owner[k.Key] = k.Name
		if slices.Contains(c.ClientTokens, k.Key) {
			d.wrong("api_keys", "the key of %s is also in client_tokens, which everybody who opens a page can read", k.Name)
		}
	}
}
