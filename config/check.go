package config

import (
	"log/slog"
	"net"
	"slices"
	"strings"

	"scenecast"
	"scenecast/language"
	"scenecast/problem"
)

// mayBeZero are the numbers for which 0 means something.
var mayBeZero = []string{"websocket.ping_interval", "tutorial.idle_timeout", "drain", "drain_delay", "tls.hsts",
	"jwt.leeway", "jwt.expiry_notice",
	"max_connections", "nats.replicas", "redis.wait_replicas", "limits.connections", "limits.per_address", "limits.accept_rate",
	"limits.connect_rate", "limits.failed_tokens", "limits.page_messages", "limits.page_sets", "limits.page_calls"}

// check finds what is wrong with values that could be read.
func (d *decoder) check(c *Config) {
	d.unread = d.mistakes
	d.checkListen(c)
	var level slog.Level
	if level.UnmarshalText([]byte(c.Log.Level)) != nil {
		d.wrong("log.level", "%q is no level; the levels are debug, info, warn and error", c.Log.Level)
	}
	if !slices.Contains([]string{SlowClose, SlowDropOldest}, c.Outbox.SlowConsumer) {
		d.wrong("outbox.slow_consumer", "%q is no policy; the policies are %s and %s", c.Outbox.SlowConsumer, SlowClose, SlowDropOldest)
	}
	if c.Debug.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Debug.Listen); err != nil {
			d.wrong("debug.listen", "%q is no address; write it as 127.0.0.1:6060", c.Debug.Listen)
		}
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		d.wrong("log.format", "%q is no format; the formats are text and json", c.Log.Format)
	}
	d.checkTracing(c)
	d.checkTLS(c)
	if name := c.SockJS.Hostname; !isHostname(name) && name != "" {
		d.wrong("sockjs.hostname", "%q is no host name; write it as node-a.example.com, without scheme and port", name)
	}
	d.checkProxyProtocol(c)
	d.checkHandover(c)
	d.checkDashboard(c)
	d.checkPorts(c)
	for _, s := range settingsOf(c) {
		if s.field.CanInt() && s.field.IsZero() && !slices.Contains(mayBeZero, s.key) {
			d.wrong(s.key, "must be more than 0")
		}
	}
	if c.Outbox.MaxBytes < c.HTTP.MaxBody {
		d.wrong("outbox.max_bytes", "%v is less than http.max_body (%v): such a push could reach nobody", c.Outbox.MaxBytes, c.HTTP.MaxBody)
	}
	if c.History.MaxBytes < c.HTTP.MaxBody {
		d.wrong("history.max_bytes", "%v is less than http.max_body (%v): such a push would be kept for nobody", c.History.MaxBytes, c.HTTP.MaxBody)
	}
	d.checkCookie(c)
	d.checkConnectCookies(c)
	d.checkCluster(c)
	d.checkRedis(c)
	d.checkLabels(c)
	d.checkTriggers(c)
	d.checkKeys(c)
	d.checkSecrets(c)
	d.checkJWT(c)
	d.checkPusher(c)
}

// isHostname reports whether a client can put the name in the place of its own host, which is an address of IPv4 or a name (RFC 1123, 2.1).
func isHostname(name string) bool {
	if len(name) > 253 {
		return false
	}
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || len(part) > 63 || strings.Trim(part, "-") != part {
			return false
		}
		for _, c := range part {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

// wrong notes a mistake in a setting's value, wherever that came from; but not a second one, of a setting that could not
// be read and still has the value that it had before.
func (d *decoder) wrong(key, format string, args ...any) {
	if !d.unreadable(key) {
		d.wrongAt(key, key, format, args...)
	}
}

// wrongAt notes a mistake in what came from the place of a setting or of a value in one.
func (d *decoder) wrongAt(place, key, format string, args ...any) {
	d.mistakes = append(d.mistakes, &Mistake{Source: d.Place(place), Key: key, Detail: language.Textf(format, args...)})
}

// warn notes what is probably not meant.
func (d *decoder) warn(place, key, format string, args ...any) {
	d.Warnings = append(d.Warnings, &Mistake{Source: d.Place(place), Key: key, Detail: language.Textf(format, args...)})
}

// checkLabels checks the labels of tokens against the limits: a page over one would always be refused.
func (d *decoder) checkLabels(c *Config) {
	for _, app := range c.Apps() {
		key := app.key("client_tokens")
		for i, t := range app.ClientTokens {
			err := c.Labels.Limits().Check(t.Labels)
			if err == nil {
				continue
			}
			p := problem.Of(err)
			if p.Kind != problem.LimitExceeded || d.unreadable(p.Setting) {
				continue // a key that is none was told when it was read
			}
			at := join(key, "labels")
			switch p.Where {
			case "":
			case scenecast.LabelUser:
				at = join(key, "user")
			default:
				at = join(at, p.Where)
			}
			d.wrongAt(entry(key, i), at, "%s (%s)", p.Text(), p.Setting)
		}
	}
}
