package config

import (
	"cmp"
	"log/slog"
	"net"
	"slices"
	"strconv"
)

// check finds what is wrong with values that could be read.
func (d *decoder) check(c *Config) {
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
	if slices.Contains(c.ClientTokens, "") {
		d.wrong("client_tokens", "holds an empty token")
	}
	for key, value := range map[string]int64{
		"labels.max_count":             int64(c.Labels.MaxCount),
		"labels.max_key_bytes":         int64(c.Labels.MaxKeyBytes),
		"labels.max_value_bytes":       int64(c.Labels.MaxValueBytes),
		"websocket.max_message":        int64(c.WebSocket.MaxMessage),
		"websocket.pong_wait":          int64(c.WebSocket.PongWait),
		"websocket.close_wait":         int64(c.WebSocket.CloseWait),
		"tutorial.idle_check_interval": int64(c.Tutorial.IdleCheckInterval),
		"outbox.max_bytes":             int64(c.Outbox.MaxBytes),
		"outbox.max_frames":            int64(c.Outbox.MaxFrames),
		"outbox.write_timeout":         int64(c.Outbox.WriteTimeout),
		"http.max_body":                int64(c.HTTP.MaxBody),
		"http.max_head":                int64(c.HTTP.MaxHead),
		"http.head_timeout":            int64(c.HTTP.HeadTimeout),
		"http.body_timeout":            int64(c.HTTP.BodyTimeout),
		"http.idle_timeout":            int64(c.HTTP.IdleTimeout),
	} {
		if value == 0 {
			d.wrong(key, "must be more than 0")
		}
	}
	if c.Outbox.MaxBytes < c.HTTP.MaxBody {
		d.wrong("outbox.max_bytes", "%v is less than http.max_body (%v): such a push could reach nobody", c.Outbox.MaxBytes, c.HTTP.MaxBody)
	}
	d.checkSecrets(c)
}

// wrong notes a mistake in a setting's value, wherever that came from.
func (d *decoder) wrong(key, format string, args ...any) {
	d.source = cmp.Or(d.places[key], "defaults")
	d.mistake(key, nil, format, args...)
}

// checkSecrets refuses a secret that is both a page's token and a backend's key: everybody who opens a page can read it.
func (d *decoder) checkSecrets(c *Config) {
	owner := make(map[string]string)
	for _, k := range c.APIKeys {
		if other, taken := owner[k.Key]; taken {
			d.wrong("api_keys", "%s and %s have the same key", other, k.Name)
		}
		owner[k.Key] = k.Name
		if slices.Contains(c.ClientTokens, k.Key) {
			d.wrong("api_keys", "the key of %s is also in client_tokens, which everybody who opens a page can read", k.Name)
		}
	}
}
