package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDescriptionIsSound: references resolve, operations are complete, examples are what the schemas say, and those of
// requests and good answers are in docs/api.md, where they are executed.
func TestDescriptionIsSound(t *testing.T) {
	d := ReadDescription(t)
	d.checkReferences(t, "", d.root)
	text, values := readDocs(t), jsonInDocs(t)
	tags, ids := make(map[any]bool), make(map[any]bool)
	for _, tag := range d.root["tags"].([]any) {
		tags[tag.(object)["name"]] = true
	}
	for name, operation := range d.operations() {
		id, _ := operation["operationId"].(string)
		if id == "" || ids[id] || operation["summary"] == nil || len(d.at(operation, "responses")) == 0 {
			t.Errorf("%s lacks an ID of its own, a summary or its answers", name)
		}
		ids[id] = true
		for _, tag := range operation["tags"].([]any) {
			if !tags[tag] {
				t.Errorf("%s has the unknown tag %v", name, tag)
			}
		}
		var inPath []string
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(name, -1) {
			inPath = append(inPath, m[1])
		}
		paths := d.parameters(operation, "path")
		if !slices.Equal(sortedKeys(paths), inPath) {
			t.Errorf("%s has the path parameters %q", name, sortedKeys(paths))
		}
		maps.Copy(paths, d.parameters(operation, "query"))
		for parameter, p := range paths {
			if e, there := p["example"]; there && len(d.check(d.at(p, "schema"), e, parameter)) > 0 {
				t.Errorf("%s: the example of %s: %q", name, parameter, d.check(d.at(p, "schema"), e, parameter))
			}
		}
		bodies := d.at(operation, "requestBody", "content")
		for media := range bodies {
			found := examples(d.at(bodies, media))
			if len(found) == 0 && media != "multipart/form-data" { // the same fields as in another form
				t.Errorf("%s: %s has no example", name, media)
			}
			for which, value := range found {
				d.checkExample(t, name+" "+which, d.at(bodies, media, "schema"), value)
				inDocs := false
				switch media {
				case "application/json":
					inDocs = slices.ContainsFunc(values, func(v any) bool { return reflect.DeepEqual(v, value) })
				case "application/x-www-form-urlencoded":
					form := make(url.Values)
					for k, v := range value.(object) {
						form.Set(k, v.(string))
					}
					inDocs = strings.Contains(text, "\n"+form.Encode()+"\n")
				default:
					inDocs = strings.Contains(text, "\n"+value.(string)+"\n")
				}
				if !inDocs {
					t.Errorf("%s: docs/api.md lacks the example %v", name, value)
				}
			}
		}
		for status := range d.at(operation, "responses") {
			for media := range d.at(operation, "responses", status, "content") {
				content := d.at(operation, "responses", status, "content", media)
				for which, value := range examples(content) {
					d.checkExample(t, name+" "+status+" "+which, d.at(content, "schema"), value)
					if status == "200" && !slices.ContainsFunc(values, func(v any) bool { return reflect.DeepEqual(v, value) }) {
						t.Errorf("%s: docs/api.md lacks the answer %v", name, value)
					}
				}
			}
		}
	}
}

func (d Description) checkExample(t *testing.T, name string, schema object, value any) {
	t.Helper()
	for _, fault := range d.check(schema, value, "") {
		t.Errorf("the example %s is not what its schema says: %s", name, fault)
	}
}

// checkReferences finds the references that lead nowhere.
func (d Description) checkReferences(t *testing.T, at string, value any) {
	t.Helper()
	switch value := value.(type) {
	case object:
		if _, is := value["$ref"].(string); is && d.resolve(value) == nil {
			t.Errorf("%s: %v leads nowhere", at, value)
		}
		for key, inner := range value {
			d.checkReferences(t, at+"/"+key, inner)
		}
	case []any:
		for i, inner := range value {
			d.checkReferences(t, fmt.Sprintf("%s/%d", at, i), inner)
		}
	}
}

func readDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// jsonInDocs are the JSON values of requests and answers in docs/api.md.
func jsonInDocs(t *testing.T) (values []any) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```http\n(.*?)\n```").FindAllStringSubmatch(readDocs(t), -1) {
		for part := range strings.SplitSeq(block[1], "\n\n") {
			part = regexp.MustCompile(`(?m)^Authorization: .*\n`).ReplaceAllString(part, "")
			start := strings.IndexAny(part, "{[")
			if line := strings.IndexByte(part, '\n'); line >= 0 && !strings.HasPrefix(part, "200 ") {
				start = line
			}
			var value any
			if start >= 0 && json.Unmarshal([]byte(part[start:]), &value) == nil {
				values = append(values, value)
			}
		}
	}
	return values
}

// TestGeneratorsCanUseIt: clients that are generated from the description compile, whose generators put components of all kinds
// into one name space, on file systems that may not tell cases apart, and take a field with a default for one that is always
// there, in requests as well.
func TestGeneratorsCanUseIt(t *testing.T) {
	d := ReadDescription(t)
	names := make(map[string]string)
	for kind, components := range d.at(d.root, "components") {
		for name := range components.(object) {
			if other := names[strings.ToLower(name)]; other != "" {
				t.Errorf("%s and %s/%s share a name", other, kind, name)
			}
			names[strings.ToLower(name)] = kind + "/" + name
		}
	}
	for name, schema := range d.at(d.root, "components", "schemas") {
		for field, property := range d.at(schema.(object), "properties") {
			if value, has := d.resolve(property.(object))["default"]; has {
				t.Errorf("%s.%s has the default %v: say it in the description", name, field, value)
			}
		}
	}
}
