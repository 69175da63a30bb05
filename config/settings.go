package config

import (
	"reflect"
	"slices"
	"strings"
)

// setting is one of a struct's settings.
type setting struct {
	key   string // as in websocket.pong_wait
	field reflect.Value
}

// settingsOf are the settings of the struct that is pointed to, in order.
func settingsOf(pointer any) []setting {
	return appendSettings(nil, "", reflect.ValueOf(pointer).Elem())
}

// appendSettings goes by the yaml tags. Each is a key, or several joined by dots; an embedded struct's are its outer one's.
func appendSettings(settings []setting, prefix string, v reflect.Value) []setting {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key := prefix
		if !field.Anonymous {
			key = join(prefix, field.Tag.Get("yaml"))
		}
		if field.Type.Kind() == reflect.Struct {
			settings = appendSettings(settings, key, v.Field(i))
		} else {
			settings = append(settings, setting{key, v.Field(i)})
		}
	}
	return settings
}

// names are the first parts of the settings' keys, each once.
func names(settings []setting) (names []string) {
	for _, s := range settings {
		if name, _, _ := strings.Cut(s.key, "."); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// below are the settings whose keys begin with the name, each with the rest of its key: none for a setting itself.
func below(settings []setting, name string) (below []setting) {
	for _, s := range settings {
		if first, rest, _ := strings.Cut(s.key, "."); first == name {
			below = append(below, setting{rest, s.field})
		}
	}
	return below
}

// fieldOf finds a setting's field.
func fieldOf(c *Config, key string) reflect.Value {
	settings := settingsOf(c)
	return settings[slices.IndexFunc(settings, func(s setting) bool { return s.key == key })].field
}

// Keys are all settings, in the order of the reference.
func Keys() (keys []string) {
	for _, s := range settingsOf(new(Config)) {
		keys = append(keys, s.key)
	}
	return keys
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}
