package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Description is openapi.json as the tests read it.
type Description struct{ root map[string]any }

type object = map[string]any

// ReadDescription reads openapi.json.
func ReadDescription(t testing.TB) Description {
	t.Helper()
	content, err := assets.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var root object
	if err := json.Unmarshal(content, &root); err != nil {
		t.Fatal(err)
	}
	return Description{root}
}

// at is what stands at a path of keys, following references; nil where there is nothing.
func (d Description) at(o object, keys ...string) object {
	for _, key := range keys {
		next, _ := d.resolve(o)[key].(object)
		o = next
	}
	return d.resolve(o)
}

// resolve follows the object's $ref, if it is one.
func (d Description) resolve(o object) object {
	ref, ok := o["$ref"].(string)
	if !ok {
		return o
	}
	return d.at(d.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

func (d Description) schema(name string) object { return d.at(d.root, "components", "schemas", name) }

// operation is that of a request; nil where there is none.
func (d Description) operation(method, path string) object {
	for template, item := range d.at(d.root, "paths") {
		pattern := "^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), "[^/]+") + "$"
		if regexp.MustCompile(pattern).MatchString(path) {
			return d.at(item.(object), strings.ToLower(method))
		}
	}
	return nil
}

// CheckAnswer reports where an answer is not what the description says. A call's statuses are all listed; an answer to what is no
// call of this package is a problem document.
func (d Description) CheckAnswer(t testing.TB, method, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	path, _, _ := strings.Cut(target, "?")
	operation := d.operation(method, path)
	content := d.at(operation, "responses", fmt.Sprint(w.Code), "content")
	if operation == nil || path == "/" {
		content = object{"application/problem+json": object{"schema": d.schema("Problem")}}
	}
	media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	schema := d.at(content, media, "schema")
	name := fmt.Sprintf("%s %s: %d %s", method, target, w.Code, strings.TrimSpace(w.Body.String()))
	var faults []string
	switch {
	case schema == nil:
		t.Errorf("%s: openapi.json knows no such answer with the type %s", name, media)
	case media == "application/x-ndjson":
		for line := range strings.Lines(w.Body.String()) {
			faults = append(faults, d.checkText(object{"anyOf": []any{d.schema("Pushed"), d.schema("Problem")}}, line)...)
		}
	case strings.HasSuffix(media, "json"):
		faults = d.checkText(schema, w.Body.String())
	}
	for _, fault := range faults {
		t.Errorf("%s is not what openapi.json says: %s", name, fault)
	}
}

func (d Description) checkText(schema object, text string) []string {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return []string{err.Error()}
	}
	return d.check(schema, value, "")
}

// check says where the value is not what the schema says. It knows the keywords that openapi.json uses, and no others. A
// property that is not listed is a fault where any are, whether or not the schema leaves it open for later.
func (d Description) check(schema object, value any, at string) (faults []string) {
	schema = d.resolve(schema)
	fault := func(format string, args ...any) { faults = append(faults, at+": "+fmt.Sprintf(format, args...)) }
	inner := func(schema any, value any, where string) {
		faults = append(faults, d.check(schema.(object), value, at+"/"+where)...)
	}
	fields, _ := value.(object)
	items, _ := value.([]any)
	text, isText := value.(string)
	number, isNumber := value.(float64)
	for keyword, said := range schema {
		limit, _ := said.(float64)
		wrong := false
		switch keyword {
		case "description", "default":
		case "type":
			types, several := said.([]any)
			if !several {
				types = []any{said}
			}
			wrong = !slices.ContainsFunc(types, func(t any) bool { return hasType(value, t.(string)) })
		case "const":
			wrong = value != said
		case "enum":
			wrong = !slices.Contains(said.([]any), value)
		case "pattern":
			wrong = isText && !regexp.MustCompile(said.(string)).MatchString(text)
		case "minLength":
			wrong = isText && utf8.RuneCountInString(text) < int(limit)
		case "maxLength":
			wrong = isText && utf8.RuneCountInString(text) > int(limit)
		case "minimum":
			wrong = isNumber && number < limit
		case "maximum":
			wrong = isNumber && number > limit
		case "minItems":
			wrong = items != nil && len(items) < int(limit)
		case "maxItems":
			wrong = items != nil && len(items) > int(limit)
		case "minProperties":
			wrong = fields != nil && len(fields) < int(limit)
		case "items":
			for i, item := range items {
				inner(said, item, fmt.Sprint(i))
			}
		case "required":
			for _, name := range said.([]any) {
				if _, there := fields[name.(string)]; fields != nil && !there {
					fault("lacks %s", name)
				}
			}
		case "properties", "additionalProperties":
		case "oneOf", "anyOf":
			holding := 0
			for _, s := range said.([]any) {
				if len(d.check(s.(object), value, at)) == 0 {
					holding++
				}
			}
			wrong = holding == 0 || keyword == "oneOf" && holding > 1
		default:
			fault("unknown keyword %s", keyword)
		}
		if wrong {
			fault("%v is not %s %v", value, keyword, said)
		}
	}
	properties, _ := schema["properties"].(object)
	for name, field := range fields {
		switch others, open := schema["additionalProperties"].(object); {
		case properties[name] != nil:
			inner(properties[name], field, name)
		case open:
			inner(others, field, name)
		case properties != nil:
			fault("has %s", name)
		}
	}
	return faults
}

func hasType(value any, name string) bool {
	switch v := value.(type) {
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case object:
		return name == "object"
	case []any:
		return name == "array"
	}
	return name == "null"
}

// TestCheck: the small validator does find what is wrong.
func TestCheck(t *testing.T) {
	d := ReadDescription(t)
	for _, c := range []struct {
		schema, value string
		ok            bool
	}{
		{"Pushed", `{"matched":1,"queued":1,"dropped":0,"nodes":1,"nodes_known":1}`, true},
		{"Pushed", `{"matched":1,"queued":1,"dropped":0}`, false},
		{"Pushed", `{"matched":1.5,"queued":1,"dropped":0,"nodes":1,"nodes_known":1}`, false},
		{"Pushed", `{"matched":1,"queued":1,"dropped":0,"nodes":1,"nodes_known":1,"position":"17"}`, false},
		{"Pushed", `{"matched":1,"queued":1,"dropped":0,"nodes":1,"nodes_known":1,"more":1}`, false},
		{"Push", `{"to":"*","message":null,"except":"1.2"}`, true},
		{"Push", `{"to":{},"message":1}`, false},
		{"Push", `{"to":{"page":["home",7]}}`, true},
		{"Push", `{"to":{"page":[]}}`, false},
		{"Push", `{"to":{"page":null}}`, false},
		{"Push", `{"message":1}`, false},
		{"Push", `[]`, false},
		{"Disconnect", `{"to":"*","code":1000}`, true},
		{"Disconnect", `{"to":"*","code":1001}`, false},
		{"AudienceQuery", `{"to":"*","sample":101}`, false},
		{"Labels", `{"a":"b","c":["d","e"]}`, true},
		{"Labels", `{"a":1}`, false},
		{"Problem", `{"title":"x","status":400,"kind":"invalid","detail":"x"}`, true},
		{"Problem", `{"title":"x","status":400,"kind":"odd","detail":"x"}`, false},
		{"Connections", `{"connections":null,"matched":0}`, false},
	} {
		if faults := d.checkText(d.schema(c.schema), c.value); (len(faults) == 0) != c.ok {
			t.Errorf("%s %s: %q, want it right: %v", c.schema, c.value, faults, c.ok)
		}
	}
}

// operations are all, as "GET /v1/labels".
func (d Description) operations() map[string]object {
	all := make(map[string]object)
	for path, item := range d.at(d.root, "paths") {
		for method, operation := range item.(object) {
			all[strings.ToUpper(method)+" "+path] = operation.(object)
		}
	}
	return all
}

// parameters are those of an operation in the query or the path, by name.
func (d Description) parameters(operation object, in string) map[string]object {
	found := make(map[string]object)
	list, _ := operation["parameters"].([]any)
	for _, p := range list {
		if p := d.resolve(p.(object)); p["in"] == in {
			found[p["name"].(string)] = p
		}
	}
	return found
}

// examples are those of a media type, by name.
func examples(media object) map[string]any {
	found := make(map[string]any)
	named, _ := media["examples"].(object)
	for name, e := range named {
		found[name] = e.(object)["value"]
	}
	return found
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
