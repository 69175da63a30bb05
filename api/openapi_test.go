package api

import (
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/push"
)

// calls are the Go side of the description: what each call reads from its body, and what it answers.
var calls = map[string]struct {
	fields fields
	answer any
}{
	"POST /v1/push":               {pushFields(new(push.Request)), pushResponse{}},
	"POST /v1/triggers/{name}":    {nil, pushResponse{}}, // any fields: the trigger's
	"GET /v1/pushes":              {nil, pushesResponse{}},
	"GET /v1/pushes/{id}":         {nil, loggedPush{}},
	"POST /v1/audience":           {new(audienceRequest).fields(), audienceResponse{}},
	"POST /v1/audience/explain":   {new(explainRequest).fields(), explainResponse{}},
	"GET /v1/connections":         {nil, connectionsResponse{}},
	"GET /v1/connections/{id}":    {nil, connectionResponse{}},
	"GET /v1/labels":              {nil, labelsResponse{}},
	"GET /v1/scenes":              {nil, scenesOfPages{}},
	"GET /v1/presence":            {nil, presenceResponse{}},
	"GET /v1/nodes":               {nil, nodesResponse{}},
	"GET /v1/stats":               {nil, statsResponse{}},
	"GET /v1/self":                {nil, selfResponse{}},
	"GET /v1/address":             {nil, addressResponse{}},
	"POST /v1/reload":             {nil, reloadResponse{}},
	"GET /v1/settings":            {nil, settingsResponse{}},
	"POST /v1/drain":              {new(DrainRequest).fields(), Drain{}},
	"GET /v1/drain":               {nil, Drain{}},
	"DELETE /v1/drain":            {nil, Drain{}},
	"GET /v1/feed":                {nil, nil}, // a stream
	"GET /v1/hooks":               {nil, hooksResponse{}},
	"POST /v1/hooks/{name}/retry": {nil, statusResponse{}},
	"POST /v1/labels":             {new(relabelRequest).fields(), relabelResponse{}},
	"POST /v1/revoke":             {new(revokeRequest).fields(), revokeResponse{}},
	"POST /v1/disconnect":         {new(disconnectRequest).fields(), disconnectResponse{}},
	"GET /healthz":                {nil, statusResponse{}},
	"GET /readyz":                 {nil, statusResponse{}},
	"GET /metrics":                {nil, nil}, // no JSON
}

// elsewhere are the operations that other packages serve.
var elsewhere = []string{"GET /", "POST /", "GET /v1/events"}

// TestDescribesRoutes: the description has the calls that there are, with their scopes and parameters.
func TestDescribesRoutes(t *testing.T) {
	d := ReadDescription(t)
	operations := d.operations()
	for _, name := range elsewhere {
		delete(operations, name)
	}
	for _, r := range routes {
		name := r.method + " " + r.path
		operation, described := operations[name]
		delete(operations, name)
		if strings.HasPrefix(r.path, "/v1/docs/") { // parts of a page
			continue
		}
		if !described {
			t.Errorf("openapi.json lacks %s", name)
			continue
		}
		security, description := []any{}, fmt.Sprint(operation["description"])
		if r.scope != "" {
			scopes := []any{string(r.scope)}
			if r.scope == auth.AnyScope { // in an API key's terms that is none by name
				scopes = []any{}
			}
			security = []any{object{"apiKey": scopes}}
			if !strings.HasPrefix(description, fmt.Sprintf("Scope: %s.", r.scope)) {
				t.Errorf("%s needs the scope %s, and its description begins %.20q", name, r.scope, description)
			}
			if got := sortedKeys(d.parameters(operation, "query")); !slices.Equal(got, r.query) {
				t.Errorf("%s takes the parameters %q, and openapi.json says %q", name, r.query, got)
			}
		}
		if !reflect.DeepEqual(operation["security"], security) {
			t.Errorf("%s has the security %v, want %v", name, operation["security"], security)
		}
	}
	for name := range operations {
		t.Errorf("openapi.json has %s, which does not exist", name)
	}
	scheme := fmt.Sprint(d.at(d.root, "components", "securitySchemes", "apiKey")["description"])
	for _, scope := range auth.Scopes {
		if !strings.Contains(scheme, string(scope)+" (") {
			t.Errorf("the security scheme does not tell of the scope %s", scope)
		}
	}
}

// TestDescribesTypes: the properties are the fields of the Go types.
func TestDescribesTypes(t *testing.T) {
	d := ReadDescription(t)
	for _, r := range routes {
		name := r.method + " " + r.path
		call, ok := calls[name]
		if !ok {
			if r.scope != "" {
				t.Errorf("this test does not know %s", name)
			}
			continue
		}
		if call.answer == nil {
			continue
		}
		operation := d.operations()[name]
		answer := firstForm(d, d.at(operation, "responses", "200", "content", "application/json", "schema"))
		d.compare(t, name+" answers", reflect.TypeOf(call.answer), answer)
		if call.fields == nil {
			continue
		}
		body := firstForm(d, d.at(operation, "requestBody", "content", "application/json", "schema"))
		properties := d.at(body, "properties")
		if !slices.Equal(sortedKeys(properties), sortedKeys(call.fields)) || body["additionalProperties"] != false {
			t.Errorf("%s reads the fields %q and no others, and openapi.json says %q", name, sortedKeys(call.fields), sortedKeys(properties))
		}
	}
	d.compare(t, "the scenes of a key", reflect.TypeFor[scenesResponse](), d.schema("Scenes"))
	d.compare(t, "a problem", reflect.TypeFor[problemResponse](), d.schema("Problem"))
}

// firstForm is the schema, or the first of those that it leaves the choice of.
func firstForm(d Description, schema object) object {
	if choice, ok := schema["oneOf"].([]any); ok {
		return d.resolve(choice[0].(object))
	}
	return schema
}

// compare holds a schema to the JSON of a Go type.
func (d Description) compare(t *testing.T, at string, goType reflect.Type, schema object) {
	t.Helper()
	schema = d.resolve(schema)
	if goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	if goType == reflect.TypeFor[json.RawMessage]() { // any JSON
		if schema["type"] != nil {
			t.Errorf("%s: any JSON has the type %v", at, schema["type"])
		}
		return
	}
	want := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Uint64: "integer", reflect.Int64: "integer",
		reflect.Slice: "array", reflect.Map: "object", reflect.Struct: "object",
	}[goType.Kind()]
	switch {
	case goType == reflect.TypeFor[label.Set]():
		if !reflect.DeepEqual(schema, d.schema("Labels")) {
			t.Errorf("%s: labels have the schema %v", at, schema)
		}
		return
	case goType.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		want = "string"
	}
	if want == "" || schema["type"] != want {
		t.Errorf("%s: a Go %s has the type %v, want %q", at, goType, schema["type"], want)
		return
	}
	switch want {
	case "array":
		if strings.HasSuffix(at, " of [] of") { // a tree, whose parts are as it is
			return
		}
		d.compare(t, at+" []", goType.Elem(), d.at(schema, "items"))
	case "object":
		if goType.Kind() == reflect.Map {
			d.compare(t, at+" {}", goType.Elem(), d.at(schema, "additionalProperties"))
			return
		}
		properties, required := d.at(schema, "properties"), []string{}
		members := slices.DeleteFunc(reflect.VisibleFields(goType), func(f reflect.StructField) bool { return f.Anonymous })
		for _, member := range members {
			name, options, _ := strings.Cut(member.Tag.Get("json"), ",")
			if options == "" {
				required = append(required, name)
			}
			if property, ok := properties[name].(object); ok {
				d.compare(t, at+" "+name, member.Type, property)
			} else {
				t.Errorf("%s: openapi.json lacks %q", at, name)
			}
		}
		if n := len(members); len(properties) != n {
			t.Errorf("%s: a Go %s has %d fields, and openapi.json %q", at, goType, n, sortedKeys(properties))
		}
		if got := fmt.Sprint(schema["required"]); got != fmt.Sprint(required) {
			t.Errorf("%s: %s are required, want %q", at, got, required)
		}
	}
}

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
