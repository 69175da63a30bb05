package push_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"scenecast/audience"
	"scenecast/problem"
	"scenecast/push"
)

const (
	fuzzedTo      = `(order == $p && !(page in ["a", $p, "$p"])) || plan.startsWith($p) && has(plan)`
	fuzzedMessage = `{"$p":"$p","list":[1.10,"<$p>","$$p",{"a":"$p$p","b":null}],"last":"订单 $p"}`
)

// fuzzedResult is what the message means with the value in it.
func fuzzedResult(value string) any {
	return map[string]any{
		"$p":   value,
		"list": []any{json.Number("1.10"), "<" + value + ">", "$p", map[string]any{"a": value + value, "b": nil}},
		"last": "订单 " + value,
	}
}

// FuzzTriggerParameter: whatever a parameter is, it stays one value, in the message and in the audience.
func FuzzTriggerParameter(f *testing.F) {
	to, err := json.Marshal(fuzzedTo)
	if err != nil {
		f.Fatal(err)
	}
	trigger, err := push.Declare(push.Declaration{
		Params:  []push.Param{{Name: "p", Type: push.String}},
		To:      to,
		Message: json.RawMessage(fuzzedMessage),
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", "home", `"`, `\`, `\"`, `"}`, `","x":"`, `" || true || "`, `"] || page in ["`, "*", "$p", "$$", "${p}", "\x00\n\u2028", "\u007f",
		"\\u0022", "订单", "😀", "\xff", "\xed\xa0\x80", "</script>", "'", `') || has(page`, strings.Repeat("x", 1000), strings.Repeat(`"`, 1100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var value string // text, or what JSON makes of it where that is not UTF-8
		if err := json.Unmarshal(quoted, &value); err != nil {
			t.Fatal(err)
		}
		fromJSON, err := trigger.Request(t.Context(), push.JSONArgs(map[string]json.RawMessage{"p": quoted}))
		checkFuzzed(t, value, fromJSON, err)

		fromURL, err := trigger.Request(t.Context(), push.URLArgs(map[string][]string{"p": {text}}))
		if !utf8.ValidString(text) {
			if errorText(err) != "p: not of the type that it takes: string" {
				t.Errorf("%q, which is not UTF-8, from a URL: %s, %v", text, fromURL.Message, err)
			}
			return
		}
		checkFuzzed(t, text, fromURL, err)
	})
}

func checkFuzzed(t *testing.T, value string, r push.Request, err error) {
	t.Helper()
	if err != nil {
		const escaped = len(`\u0000`) // of a byte, at most; and the value is there three times
		var p *problem.Problem
		if !errors.As(err, &p) || p.Kind != problem.LimitExceeded || len(fuzzedTo)+3*escaped*len(value) < audience.MaxText {
			t.Errorf("%q: %v", value, err)
		}
		return
	}

	d := json.NewDecoder(bytes.NewReader(r.Message))
	d.UseNumber()
	var got any
	if err := d.Decode(&got); err != nil || d.More() {
		t.Fatalf("%q makes the message %s: %v", value, r.Message, err)
	}
	if want := fuzzedResult(value); !reflect.DeepEqual(got, want) {
		t.Errorf("%q makes the message %s, which means %v, want %v", value, r.Message, got, want)
	}

	in := func(key string, values ...string) audience.Node {
		return audience.Node{Op: audience.OpIn, Key: key, Values: values}
	}
	all := func(nodes ...audience.Node) audience.Node { return audience.Node{Op: audience.OpAnd, Children: nodes} }
	want := audience.Node{Op: audience.OpOr, Children: []audience.Node{
		all(in("order", value), audience.Node{Op: audience.OpNot, Children: []audience.Node{in("page", "a", value, "$p")}}),
		all(audience.Node{Op: audience.OpHasPrefix, Key: "plan", Values: []string{value}}, audience.Node{Op: audience.OpHas, Key: "plan"}),
	}}
	if got := r.To.Root(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q makes the audience %s, with the tree\n\t%+v, want\n\t%+v", value, r.To, got, want)
	}
	// Another node reads what this one prints.
	if again, err := audience.Parse(r.To.String()); err != nil || !reflect.DeepEqual(again.Root(), want) {
		t.Errorf("%q makes the audience %s, which reads as %+v, %v", value, r.To, again.Root(), err)
	}
}

// FuzzMessage: a template of any JSON renders to JSON of the same shape, in which only texts have changed.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		`{"a":"$s"}`, `["$s",{"$s":["x$s","$$s"]}]`, `"\u0024s"`, `"\\$s\""`, `{"a" : "$i","a":"$n$b"}`, `"$"`, `"\ud83d$s"`, ` 1.10 `, `{"":""}`,
	} {
		f.Add(seed, `"],"`)
	}
	f.Fuzz(func(t *testing.T, message, value string) {
		value = strings.ToValidUTF8(value, "?")
		trigger, err := declare(message)
		if err != nil {
			return
		}
		r, err := trigger.Request(t.Context(), push.URLArgs(map[string][]string{"s": {value}, "i": {"7"}, "n": {"1.10"}, "b": {"true"}}))
		if err != nil {
			t.Fatalf("%s: %v", message, err)
		}
		before, after := shape(t, message), shape(t, string(r.Message))
		if before != after {
			t.Errorf("%s with %q makes %s, which is of another shape:\n\t%s, want\n\t%s", message, value, r.Message, after, before)
		}
	})
}

// shape is JSON's delimiters and keys in their order, with a dot for every other value.
func shape(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var objects []bool // for every open delimiter, whether it is an object
	key := false       // whether a key comes next
	for {
		token, err := d.Token()
		if token == nil && err != nil {
			if len(objects) > 0 || b.Len() == 0 || err.Error() != "EOF" {
				t.Fatalf("%s is not JSON: %v", text, err)
			}
			return b.String()
		}
		delim, isDelim := token.(json.Delim)
		switch {
		case isDelim && (delim == '{' || delim == '['):
			objects = append(objects, delim == '{')
			b.WriteRune(rune(delim))
		case isDelim:
			objects = objects[:len(objects)-1]
			b.WriteRune(rune(delim))
		case key:
			b.WriteString(token.(string) + ":")
			key = false
			continue
		default:
			b.WriteByte('.')
		}
		key = len(objects) > 0 && objects[len(objects)-1]
	}
}
