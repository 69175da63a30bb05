package config

import (
	"reflect"
	"slices"
	"strings"
)

// live are the settings that a running server takes over when it reads its configuration anew, by key or by section. All others
// need a restart. What is live of a section whose other settings are not stands with its whole key.
var live = []string{
	"client_tokens", "jwt", "api_keys", "page_token_may_trigger", "max_connections", "triggers", "presence", "labels", "apps",
	"limits",
	"http.allowed_origins", "http.token_cookie",
	"tls.cert", "tls.key", "tls.certificates", "tls.client_ca", "tls.hsts",
	"drain_delay", "drain",
	"log.level", "tracing", "dashboard.hosts",
	"hooks", "pusher",
}

// IsLive reports whether a running server takes a setting over when it reads its configuration anew. False: it needs a restart.
func IsLive(key string) bool {
	return slices.ContainsFunc(live, func(of string) bool { return key == of || strings.HasPrefix(key, of+".") })
}

// Changed are the settings that differ between two configurations, in the order of the reference.
func Changed(from, to Config) (keys []string) {
	after := settingsOf(&to)
	for i, before := range settingsOf(&from) {
		if !reflect.DeepEqual(before.field.Interface(), after[i].field.Interface()) {
			keys = append(keys, before.key)
		}
	}
	return keys
}

// Adopt sets these settings to what they are in another configuration.
func (c *Config) Adopt(other Config, keys []string) {
	from := settingsOf(&other)
	for i, s := range settingsOf(c) {
		if slices.Contains(keys, s.key) {
			s.field.Set(from[i].field)
		}
	}
}
