package api

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/problem"
	"scenecast/push"
)

// TestDescribesLimits: the numbers are those of the code, in the description and in docs/api.md.
func TestDescribesLimits(t *testing.T) {
	d := ReadDescription(t)
	pushes := d.at(d.operations()["POST /v1/push"], "requestBody", "content")
	batch := d.at(pushes, "application/json", "schema")["oneOf"].([]any)[1].(object)
	limit := d.at(d.root, "components", "parameters", "Limit", "schema")
	code := d.at(d.schema("Disconnect"), "properties", "code")
	codes := code["oneOf"].([]any)
	for _, c := range []struct {
		what string
		got  any
		want int
	}{
		{"pushes of a batch", batch["maxItems"], MaxBatch},
		{"an event", d.at(d.schema("Push"), "properties", "event")["maxLength"], push.MaxEvent},
		{"a coalescing key", d.at(d.schema("Push"), "properties", "coalesce")["maxLength"], push.MaxKey},
		{"a retaining key", d.at(d.schema("Push"), "properties", "retain")["maxLength"], push.MaxKey},
		{"an ID", d.at(d.schema("Push"), "properties", "id")["maxLength"], push.MaxID},
		{"an idempotency key", d.at(d.root, "components", "parameters", "IdempotencyKey", "schema")["maxLength"], push.MaxID},
		{"an audience", d.schema("Audience")["oneOf"].([]any)[0].(object)["maxLength"], audience.MaxText},
		{"a sample", d.at(d.schema("AudienceQuery"), "properties", "sample")["maximum"], maxSample},
		{"entries at most", limit["maximum"], maxLimit},
		{"entries by default", limit["default"], defaultLimit},
		{"the close code of the RFC", codes[0].(object)["const"], int(scenecast.CloseNormal)},
		{"the first close code", codes[1].(object)["minimum"], minCode},
		{"the last close code", codes[1].(object)["maximum"], maxCode},
		{"a reason", d.at(d.schema("Disconnect"), "properties", "reason")["maxLength"], maxReason},
	} {
		if c.got != float64(c.want) {
			t.Errorf("%s: openapi.json says %v, and the code %d", c.what, c.got, c.want)
		}
	}
	if text, said := code["description"], fmt.Sprintf("%d where it is left out", scenecast.CloseNormal); !strings.Contains(text.(string), said) {
		t.Errorf("the close code: %s, want %s", text, said)
	}
	if lines := fmt.Sprint(d.at(pushes, "application/x-ndjson", "schema")); !strings.Contains(lines, fmt.Sprintf("At most %d lines", MaxBatch)) {
		t.Errorf("a batch in lines: %s", lines)
	}
	text := readDocs(t)
	for _, said := range []string{
		fmt.Sprintf("An array of at most %d pushes", MaxBatch),
		fmt.Sprintf("at most %d KiB. |", audience.MaxText>>10),
		fmt.Sprintf("a name for the message, at most %d bytes", push.MaxEvent),
		fmt.Sprintf("an older one with the same key is coalesced. At most %d bytes", push.MaxKey),
		fmt.Sprintf("`timeout` | how long to wait for the receipt, %v where it is left out", push.DefaultTimeout),
		fmt.Sprintf("at most %d printable ASCII characters", push.MaxID),
		fmt.Sprintf("the first of them, at most %d", maxSample),
		fmt.Sprintf("1 to %d; %d where it is left out", maxLimit, defaultLimit),
		fmt.Sprintf("`code` is %d where it is left out, or one from %d to %d", scenecast.CloseNormal, minCode, maxCode),
		fmt.Sprintf("`reason` is at most %d bytes", maxReason),
	} {
		if !strings.Contains(strings.ToLower(strings.ReplaceAll(text, "\n", " ")), strings.ToLower(said)) {
			t.Errorf("docs/api.md does not say %q", said)
		}
	}
}

// TestDescribesProblems: the kinds are those of package problem, in the description and in docs/api.md, each with its
// status.
func TestDescribesProblems(t *testing.T) {
	kinds := kindsInSource(t)
	// The tutorial's endpoint alone looks at a Content-Type, and it answers in its own form.
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == string(problem.UnsupportedMedia) })
	d := ReadDescription(t)
	var described []string
	for _, kind := range d.at(d.schema("Problem"), "properties", "kind")["enum"].([]any) {
		described = append(described, kind.(string))
	}
	if slices.Sort(described); !slices.Equal(described, kinds) {
		t.Errorf("openapi.json has the kinds\n\t%q, want\n\t%q", described, kinds)
	}
	shown := make(map[string]bool)
	for name, operation := range d.operations() {
		for status := range d.at(operation, "responses") {
			for _, value := range examples(d.at(operation, "responses", status, "content", "application/problem+json")) {
				var got problemResponse
				text, _ := json.Marshal(value)
				if err := json.Unmarshal(text, &got); err != nil {
					t.Fatal(err)
				}
				shown[string(got.Kind)] = true
				want := got.Kind.Status()
				if got.Status != want || got.Title != http.StatusText(want) || status != strconv.Itoa(want) {
					t.Errorf("%s %s: the example %s, want the status %d", name, status, text, want)
				}
			}
		}
	}
	if got := sortedKeys(shown); !slices.Equal(got, kinds) {
		t.Errorf("openapi.json has examples of\n\t%q, want\n\t%q", got, kinds)
	}

	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| ([0-9]{3}) \\| (`[a-z].*) \\|$").FindAllStringSubmatch(readDocs(t), -1) {
		for _, kind := range regexp.MustCompile("(?:^|, )`([a-z_]+)`").FindAllStringSubmatch(row[2], -1) {
			listed = append(listed, kind[1])
			if got := strconv.Itoa(problem.Kind(kind[1]).Status()); got != row[1] {
				t.Errorf("docs/api.md gives %s the status %s, want %s", kind[1], row[1], got)
			}
		}
	}
	if slices.Sort(listed); !slices.Equal(listed, kinds) {
		t.Errorf("docs/api.md lists the kinds\n\t%q, want\n\t%q", listed, kinds)
	}
}

// kindsInSource are the kinds that package problem declares.
func kindsInSource(t *testing.T) (kinds []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../problem/problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if ident, ok := spec.Type.(*ast.Ident); ok && ident.Name == "Kind" {
				kind, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				kinds = append(kinds, kind)
			}
		}
		return true
	})
	slices.Sort(kinds)
	return kinds
}
