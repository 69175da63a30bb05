package config

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// setting is one of a configuration's settings.
type setting struct {
	key   string // as in websocket.pong_wait
	field reflect.Value
}

// settingsOf are a configuration's settings, in the order of the reference.
func settingsOf(c *Config) []setting { return appendSettings(nil, "", reflect.ValueOf(c).Elem()) }

// appendSettings takes apart the structs, except those that decode themselves, which are values.
func appendSettings(settings []setting, prefix string, v reflect.Value) []setting {
	for key, field := range fields(v) {
		_, isValue := field.Addr().Interface().(yaml.Unmarshaler)
		if field.Kind() == reflect.Struct && !isValue {
			settings = appendSettings(settings, join(prefix, key), field)
		} else {
			settings = append(settings, setting{join(prefix, key), field})
		}
	}
	return settings
}

// settingOf is a pointer to a setting's value.
func settingOf(c *Config, key string) any {
	v := reflect.ValueOf(c).Elem()
	for name := range strings.SplitSeq(key, ".") {
		v, _ = fieldNamed(v, name)
	}
	return v.Addr().Interface()
}

// Keys are all settings, in the order of the reference.
func Keys() (keys []string) {
	for _, s := range settingsOf(new(Config)) {
		keys = append(keys, s.key)
	}
	return keys
}

// join joins two keys by a dot; either may be empty.
func join(prefix, key string) string {
	if prefix == "" || key == "" {
		return prefix + key
	}
	return prefix + "." + key
}
