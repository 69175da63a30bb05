package push_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"scenecast/problem"
	"scenecast/push"
)

// matches compares an error with what is wanted, in which … stands for the words of package audience.
func matches(got, want string) bool {
	beginning, cut := strings.CutSuffix(want, "…")
	return got == want || cut && strings.HasPrefix(got, beginning)
}

func TestDeclareRefuses(t *testing.T) {
	order := []push.Param{{Name: "order", Type: push.String}}
	for _, c := range []struct {
		name        string
		params      []push.Param
		to, message string
		want        string
	}{
		{"no audience", nil, ``, `{}`, "to: missing: which pages"},
		{"no message", nil, `"*"`, ``, "message: missing: what the pages shall get"},
		{"message of broken JSON", nil, `"*"`, `{"a":`, "message: not valid JSON in UTF-8"},
		{"message of two values", nil, `"*"`, `{}{}`, "message: not valid JSON in UTF-8"},
		{"message of invalid UTF-8", nil, `"*"`, "\"\xff\"", "message: not valid JSON in UTF-8"},
		{"empty audience", nil, `{}`, `{}`, `to: …`},
		{"audience with a fault", nil, `"page = \"home\""`, `{}`,
			`to.column 6: …`},
		{"audience with a faulty key", nil, `{"a b":"c"}`, `{}`,
			`to.a b: …`},
		{"undeclared in the audience", nil, `"order == $order"`, `{}`,
			"to: $order is not declared under params (none is); a dollar sign is written $$"},
		{"undeclared in the audience's object", order, `{"order":"$Order"}`, `{}`,
			"to: $Order is not declared under params (declared: order); a dollar sign is written $$"},
		{"undeclared in the message", append(order, push.Param{Name: "a", Type: push.Integer}), `"*"`, `{"x":["no $name"]}`,
			"message: $name is not declared under params (declared: a, order); a dollar sign is written $$"},
		{"undeclared, alone", nil, `"*"`, `"$x"`,
			"message: $x is not declared under params (none is); a dollar sign is written $$"},
		{"a parameter twice", append(order, order...), `"*"`, `{}`, "params.order: there twice"},
		{"no name", []push.Param{{Type: push.String}}, `"*"`, `{}`,
			`params.: "" is no parameter name: a letter or '_', then letters, digits or '_'`},
		{"a name with a hyphen", []push.Param{{Name: "a-b", Type: push.String}}, `"*"`, `{}`,
			`params.a-b: "a-b" is no parameter name: a letter or '_', then letters, digits or '_'`},
		{"a name with an at sign", []push.Param{{Name: "@a", Type: push.String}}, `"*"`, `{}`,
			`params.@a: "@a" is no parameter name: a letter or '_', then letters, digits or '_'`},
		{"a name that begins with a digit", []push.Param{{Name: "1", Type: push.String}}, `"*"`, `{}`,
			`params.1: "1" is no parameter name: a letter or '_', then letters, digits or '_'`},
		{"no type", []push.Param{{Name: "a"}}, `"*"`, `{}`,
			`params.a: "" is no type; the types are [string integer number boolean]`},
		{"an unknown type", []push.Param{{Name: "a", Type: "int"}}, `"*"`, `{}`,
			`params.a: "int" is no type; the types are [string integer number boolean]`},
		{"a default of another type", []push.Param{{Name: "a", Type: push.Integer, Default: json.RawMessage(`1.5`)}}, `"*"`, `{}`,
			"params.a: the default is not of the type integer"},
		{"a text as default of a number", []push.Param{{Name: "a", Type: push.Number, Default: json.RawMessage(`"1"`)}}, `"*"`, `{}`,
			"params.a: the default is not of the type number"},
		{"a fraction as default of a text", []push.Param{{Name: "a", Type: push.String, Default: json.RawMessage(`1.5`)}}, `"*"`, `{}`,
			"params.a: the default is not of the type string"},
		{"a number as default of a boolean", []push.Param{{Name: "a", Type: push.Boolean, Default: json.RawMessage(`1`)}}, `"*"`, `{}`,
			"params.a: the default is not of the type boolean"},
		{"a default of null", []push.Param{{Name: "a", Type: push.String, Default: json.RawMessage(`null`)}}, `"*"`, `{}`,
			"params.a: the default is not of the type string"},
		{"a default of nothing", []push.Param{{Name: "a", Type: push.String, Default: json.RawMessage(``)}}, `"*"`, `{}`,
			"params.a: the default is not of the type string"},
	} {
		_, err := push.Declare(push.Declaration{Params: c.params, To: json.RawMessage(c.to), Message: json.RawMessage(c.message)})
		if got := errorText(err); !matches(got, c.want) {
			t.Errorf("%s:\n\t%s, want\n\t%s", c.name, got, c.want)
		}
		if p := problem.Of(err); p != nil && p.Kind != problem.Invalid {
			t.Errorf("%s is a problem of kind %s, want invalid", c.name, p.Kind)
		}
	}
}

func TestDeclared(t *testing.T) {
	trigger, err := push.Declare(push.Declaration{
		Params: []push.Param{
			{Name: "order", Type: push.String},
			{Name: "state", Type: push.String, Default: json.RawMessage(`"shipped"`)},
			{Name: "code", Type: push.Integer, Default: json.RawMessage(`200`)},
			{Name: "price", Type: push.Number, Default: json.RawMessage(`1.10`)},
			{Name: "urgent", Type: push.Boolean, Default: json.RawMessage(`false`)},
		},
		To:      json.RawMessage(`"page == \"order\" && order == $order && urgent in [$urgent, $code, $price]"`),
		Message: json.RawMessage(`["$order is $state","$code","$price","$urgent"]`),
	})
	if err != nil {
		t.Fatal(err)
	}
	const missing = "order: missing: this trigger takes the parameter order (string)"
	for _, c := range []struct {
		name        string
		args        push.Args
		to, message string
		err         string
	}{
		{"defaults, from a URL", push.URLArgs(map[string][]string{"order": {"7"}}),
			`page == "order" && order == "7" && urgent in ["false", "200", "1.10"]`,
			`["7 is shipped",200,1.10,false]`, ""},
		{"defaults, from JSON", push.JSONArgs(map[string]json.RawMessage{"order": json.RawMessage(`"7"`)}),
			`page == "order" && order == "7" && urgent in ["false", "200", "1.10"]`,
			`["7 is shipped",200,1.10,false]`, ""},
		{"all, from a URL", push.URLArgs(map[string][]string{
			"order": {`" || true`}, "state": {""}, "code": {"99999999999999999999"}, "price": {"1e3"}, "urgent": {"1"}, "page": {"back"}}),
			`page == "order" && order == "\" || true" && urgent in ["true", "99999999999999999999", "1e3"]`,
			`["\" || true is ",99999999999999999999,1e3,true]`, ""},
		{"numbers for texts, from JSON", push.JSONArgs(map[string]json.RawMessage{"order": json.RawMessage(`7`), "state": json.RawMessage(`-1`)}),
			`page == "order" && order == "7" && urgent in ["false", "200", "1.10"]`,
			`["7 is -1",200,1.10,false]`, ""},
		{"all, from JSON", push.JSONArgs(map[string]json.RawMessage{
			"order": json.RawMessage(`"*"`), "state": json.RawMessage(`"$code"`), "code": json.RawMessage(`-1`),
			"price": json.RawMessage(`0`), "urgent": json.RawMessage(`true`)}),
			`page == "order" && order == "*" && urgent in ["true", "-1", "0"]`,
			`["* is $code",-1,0,true]`, ""},
		{"none from a URL", push.URLArgs(nil), "", "", missing},
		{"none from JSON", push.JSONArgs(nil), "", "", missing},
		{"none at all", push.Args{}, "", "", missing},
		{"a default is not taken for a wrong value", push.URLArgs(map[string][]string{"order": {"7"}, "code": {"x"}}),
			"", "", "code: not of the type that it takes: integer"},
		{"an unknown name in JSON", push.JSONArgs(map[string]json.RawMessage{
			"order": json.RawMessage(`"7"`), "Order": nil, "zzz": nil}),
			"", "", "Order: this trigger takes no parameter of this name"},
		{"a value too long for an audience", push.URLArgs(map[string][]string{"order": {strings.Repeat("x", 4096)}}),
			"", "", "the audience has …"},
	} {
		r, err := trigger.Request(t.Context(), c.args)
		if !matches(errorText(err), c.err) || r.To.String() != c.to || string(r.Message) != c.message || r.DryRun {
			t.Errorf("%s:\n\t%s\n\t%s\n\t%v, want\n\t%s\n\t%s\n\t%s", c.name, r.To, r.Message, err, c.to, c.message, c.err)
		}
	}
}

// TestDeclaredOptions: the parameters go into the texts, as texts.
func TestDeclaredOptions(t *testing.T) {
	trigger, err := push.Declare(push.Declaration{
		Params:   []push.Param{{Name: "id", Type: push.Integer}, {Name: "s", Type: push.String}},
		To:       json.RawMessage(`"*"`),
		Message:  json.RawMessage(`1`),
		Event:    "$s.changed$$",
		Coalesce: "$id",
		Retain:   "price:$id/$s costs $5",
		TTL:      time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := trigger.Request(t.Context(), push.URLArgs(map[string][]string{"id": {"7"}, "s": {`"$id`}}))
	want := push.Request{
		To: r.To, Message: json.RawMessage(`1`), Event: `"$id.changed$`, Coalesce: "7", Retain: `price:7/"$id costs $5`, TTL: time.Hour,
	}
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("the request is %+v, %v, want %+v", r, err, want)
	}
	for field, change := range map[string]func(d *push.Declaration){
		"event":    func(d *push.Declaration) { d.Event = "$x" },
		"coalesce": func(d *push.Declaration) { d.Coalesce = "a$x" },
		"retain":   func(d *push.Declaration) { d.Retain, d.TTL = "$$$x", time.Second },
	} {
		d := push.Declaration{To: json.RawMessage(`"*"`), Message: json.RawMessage(`1`)}
		change(&d)
		_, err := push.Declare(d)
		if want := field + ": $x is not declared under params (none is); a dollar sign is written $$"; errorText(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
