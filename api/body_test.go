package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"scenecast/problem"
)

func TestParseObject(t *testing.T) {
	for _, c := range []struct {
		body string
		want map[string]string
	}{
		{``, map[string]string{}},
		{" \t\r\n", map[string]string{}},
		{`{}`, map[string]string{}},
		{" {\n} \n", map[string]string{}},
		{`{"a":1}`, map[string]string{"a": `1`}},
		{`{"a" : {"b": [1.10, "\u4e2d"]} , "":null}`, map[string]string{"a": `{"b": [1.10, "\u4e2d"]}`, "": `null`}},
		{`{"\u0061":"<&>"}`, map[string]string{"a": `"<&>"`}},
		{`{"a":1,"A":2}`, map[string]string{"a": `1`, "A": `2`}},
		{`{"a":{"b":1,"b":2}}`, map[string]string{"a": `{"b":1,"b":2}`}}, // what is inside is somebody else's
	} {
		got := make(map[string]string)
		members, err := parseObject([]byte(c.body))
		for name, value := range members {
			got[name] = string(value)
		}
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("parseObject(%q) = %q, %v, want %q", c.body, got, err, c.want)
		}
	}
}

func TestParseObjectRefuses(t *testing.T) {
	const breaksOff, noObject, goesOn = "the body is JSON that breaks off", "the body must be a JSON object", "the body goes on behind the JSON object"
	for _, c := range []struct{ body, want string }{
		{`{`, breaksOff},
		{`{"a`, breaksOff},
		{`{"a"`, breaksOff},
		{`{"a":`, breaksOff},
		{`{"a":1`, breaksOff},
		{`{"a":1,`, breaksOff},
		{`{"a":"订`, breaksOff},
		{`{"a":[1,{"b":2}`, breaksOff},
		{`{"a":tru`, breaksOff},

		{`[]`, noObject},
		{`[{"a":1}]`, noObject},
		{`null`, noObject},
		{`7`, noObject},
		{`"{}"`, noObject},

		{`{} {}`, goesOn},
		{`{},`, goesOn},
		{`{}}`, goesOn},
		{`{"a":1} // push`, goesOn},
		{"{}\n{}", goesOn},
		{`[] x`, goesOn},

		{`to=home`, `the body is not valid JSON: line 1, column 2: unexpected 'o'`}, // after t, as in true
		{`page=home`, `the body is not valid JSON: line 1, column 1: unexpected 'p'`},
		{`{to:1}`, `the body is not valid JSON: line 1, column 2: unexpected 't'`},
		{`{'to':1}`, `the body is not valid JSON: line 1, column 2: unexpected '\''`},
		{`{“to”:1}`, `the body is not valid JSON: line 1, column 2: unexpected '“'`},
		{`{"to":1,}`, `the body is not valid JSON: line 1, column 9: unexpected '}'`},
		{`{"to" 1}`, `the body is not valid JSON: line 1, column 7: unexpected '1'`},
		{`{"to":1 "message":2}`, `the body is not valid JSON: line 1, column 9: unexpected '"'`},
		{`{"to":[1,]}`, `the body is not valid JSON: line 1, column 10: unexpected ']'`},
		{`{"to":01}`, `the body is not valid JSON: line 1, column 8: unexpected '1'`},
		{`{"to":NaN}`, `the body is not valid JSON: line 1, column 7: unexpected 'N'`},
		{`{1:2}`, `the body is not valid JSON: line 1, column 2: unexpected '1'`},
		{"{\n  \"to\": {},\n  \"message\": \"订单\" x\n}", `the body is not valid JSON: line 3, column 19: unexpected 'x'`},
		{"{\"to\":\"a\nb\"}", `the body is not valid JSON: line 1, column 9: unexpected '\n'`},
		{"\ufeff{}", `the body is not valid JSON: line 1, column 1: unexpected '\ufeff'`},

		{"{\"a\":\"\xff\"}", "the body is not valid UTF-8"},
		{"\xff", "the body is not valid UTF-8"},
		{`{"a":1,"b":2,"a":1}`, "a: there twice"},
		{`{"a":1,"\u0061":2}`, "a: there twice"},
	} {
		members, err := parseObject([]byte(c.body))
		if err == nil || err.Error() != c.want || members != nil {
			t.Errorf("parseObject(%q) = %q, %v, want the error\n\t%s", c.body, members, err, c.want)
			continue
		}
		if p := problem.Of(err); p.Kind != problem.Invalid {
			t.Errorf("parseObject(%q): a problem of kind %s, want invalid", c.body, p.Kind)
		}
	}
}

// FuzzParseObject: what is taken is what encoding/json takes, with every member as it was written; and what is refused is
// no object, or has a member twice, or the bytes are no text.
func FuzzParseObject(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `{"to":{"page":"home"},"message":[1.10,null]}`, `{"to"`, `{"a":1,"a":2}`, `[1]`, `{} {}`, "{\n\"a\":\"\xff\"}", `{"a":}`, `{,}`,
		`{"a":"\ud800"}`, `{"\ud800":1,"\udfff":2}`, strings.Repeat(`{"a":`, 100), strings.Repeat(`[`, 20_000),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := parseObject(body)
		var want map[string]json.RawMessage
		naive := json.Unmarshal(body, &want)
		switch {
		case err == nil && len(bytes.TrimSpace(body)) == 0:
			if len(members) != 0 {
				t.Errorf("nothing (%q) has members: %q", body, members)
			}
		case err == nil:
			if naive != nil || want == nil || !maps.EqualFunc(members, want, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
				t.Errorf("parseObject(%q) = %q, and encoding/json says %q, %v", body, members, want, naive)
			}
		case problem.Of(err).Kind != problem.Invalid:
			t.Errorf("parseObject(%q): %v is a problem of kind %s", body, err, problem.Of(err).Kind)
		case naive == nil && want != nil && utf8.Valid(body) && !strings.HasSuffix(err.Error(), "there twice"):
			t.Errorf("parseObject(%q): %v, and encoding/json reads the members %q", body, err, slices.Sorted(maps.Keys(want)))
		}
	})
}
