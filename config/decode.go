package config

import (
	"encoding"
	"fmt"
	"iter"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
)

// decode puts a node into what is pointed to; null leaves that as it is. The yaml package's own decoding ends at the first
// value of a wrong type and cannot say which key it was. The error is badNodes, or says what is wrong with the node.
func decode(n *yaml.Node, into any) error {
	n = dereference(n)
	if _, ok := into.(*JSON); isNull(n) && !ok { // of JSON it is a value
		return nil
	}
	if value, ok := into.(yaml.Unmarshaler); ok {
		return value.UnmarshalYAML(n)
	}
	v := reflect.ValueOf(into).Elem()
	if v.Kind() == reflect.Struct {
		return decodeSection(n, v)
	}
	if n.Kind != yaml.ScalarNode {
		return language.Errorf("takes one value, not a %s", kindName(n))
	}
	return decodeText(n.Value, into)
}

// decodeText leaves the value as it is where the text is wrong.
func decodeText(text string, into any) error {
	if value, ok := into.(encoding.TextUnmarshaler); ok {
		return value.UnmarshalText([]byte(text))
	}
	switch v := reflect.ValueOf(into).Elem(); v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return language.Errorf("takes true or false, not %q", text)
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return language.Errorf("takes a whole number, not %q", text)
		}
		v.SetInt(int64(n))
	default:
		panic(fmt.Sprintf("config: no decoding for %T", into))
	}
	return nil
}

// decodeSection puts a mapping into a struct, by the yaml tags of its fields.
func decodeSection(n *yaml.Node, v reflect.Value) error {
	var bad badNodes
	for name, value := range bad.members(n) {
		field, ok := fieldNamed(v, name.Value)
		if !ok {
			if hidesName(v, name.Value) {
				bad.add("", name, "there is a key that is no setting, not shown because it may be a secret that lacks quotes%s", whichThereAre("", fieldNames(v)))
				continue
			}
			bad.add(name.Value, name, "there is no such setting%s", whichThereAre(name.Value, fieldNames(v)))
			continue
		}
		bad.adopt(name.Value, value, decode(value, field.Addr().Interface()))
	}
	return bad.err()
}

// settingName is what the name of a setting looks like, and a secret of a length that would do does not.
var settingName = regexp.MustCompile(`^[A-Za-z_.]{1,15}$`)

// hidesName reports whether a key that is none of a section's is not to be told: one that has a secret may have that in a wrong place.
func hidesName(section reflect.Value, name string) bool {
	if settingName.MatchString(name) || !didYouMean(name, fieldNames(section)).IsZero() {
		return false
	}
	for _, field := range fields(section) {
		if field.Type() == reflect.TypeFor[Secret]() {
			return true
		}
	}
	return false
}

// fields ranges over the fields of a struct and of those inlined in it, with their keys.
func fields(v reflect.Value) iter.Seq2[string, reflect.Value] {
	return func(yield func(key string, field reflect.Value) bool) {
		for i := range v.NumField() {
			key, inline := strings.CutSuffix(v.Type().Field(i).Tag.Get("yaml"), ",inline")
			switch key, _, _ = strings.Cut(key, ","); {
			case inline:
				for key, field := range fields(v.Field(i)) {
					if !yield(key, field) {
						return
					}
				}
			case key != "-":
				if !yield(key, v.Field(i)) {
					return
				}
			}
		}
	}
}

func fieldNamed(v reflect.Value, name string) (reflect.Value, bool) {
	for key, field := range fields(v) {
		if key == name {
			return field, true
		}
	}
	return reflect.Value{}, false
}

func fieldNames(v reflect.Value) (names []string) {
	for key := range fields(v) {
		names = append(names, key)
	}
	return names
}
