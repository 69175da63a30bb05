package api

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"scenecast/auth"
	"scenecast/label"
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
