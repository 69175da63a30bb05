package api

import (
	"bytes"
	"encoding/json"
	"fmt"
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
		members, err := parseObject([]byte(c.body), 1)
		for name, value := range members {
			got[name] = string(value)
		}
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("parseObject(%q) = %q, %v, want %q", c.body, got, err, c.want)
		}
	}
}

func TestParseObjectRefuses(t *testing.T) {
	const noObject = "takes a JSON object"
	at := func(line, column int, what string) string {
		return fmt.Sprintf("the body is not valid JSON: line %d, column %d: %s", line, column, what)
	}
	const breaksOff, goesOn = "it breaks off", "it goes on behind its end"
	for _, c := range []struct{ body, want string }{
		{`{`, at(1, 2, breaksOff)},
		{`{"a`, at(1, 4, breaksOff)},
		{`{"a"`, at(1, 5, breaksOff)},
		{`{"a":`, at(1, 6, breaksOff)},
		{`{"a":1`, at(1, 7, breaksOff)},
		{`{"a":1,`, at(1, 8, breaksOff)},
		{`{"a":"订`, at(1, 8, breaksOff)},
		{`{"a":[1,{"b":2}`, at(1, 16, breaksOff)},
		{"{\"a\":\n tru", at(2, 5, breaksOff)},

		{`[]`, noObject},
		{`[{"a":1}]`, noObject},
		{`null`, noObject},
		{`7`, noObject},
		{`"{}"`, noObject},

		{`{} {}`, at(1, 4, goesOn)},
		{`{},`, at(1, 3, goesOn)},
		{`{}}`, at(1, 3, goesOn)},
		{`{"a":1} // push`, at(1, 9, goesOn)},
		{"{}\n\n {}", at(3, 2, goesOn)},
		{`[] x`, at(1, 4, goesOn)},

		{`to=home`, at(1, 2, "unexpected 'o'")}, // after t, as in true
		{`page=home`, at(1, 1, "unexpected 'p'")},
		{`{to:1}`, at(1, 2, "unexpected 't'")},
		{`{'to':1}`, at(1, 2, `unexpected '\''`)},
		{`{“to”:1}`, at(1, 2, "unexpected '“'")},
		{`{"to":1,}`, at(1, 9, "unexpected '}'")},
		{`{"to" 1}`, at(1, 7, "unexpected '1'")},
		{`{"to":1 "message":2}`, at(1, 9, `unexpected '"'`)},
		{`{"to":[1,]}`, at(1, 10, "unexpected ']'")},
		{`{"to":01}`, at(1, 8, "unexpected '1'")},
		{`{"to":NaN}`, at(1, 7, "unexpected 'N'")},
		{`{1:2}`, at(1, 2, "unexpected '1'")},
		{"{\n  \"to\": {},\n  \"message\": \"订单\" x\n}", at(3, 19, "unexpected 'x'")},
		{"{\"to\":\"a\nb\"}", at(1, 9, `unexpected '\n'`)},
		{"\ufeff{}", at(1, 1, `unexpected '\ufeff'`)},

		{"{\"a\":\n\"\xff\"}", at(2, 2, "not UTF-8")},
		{"\xff", at(1, 1, "not UTF-8")},
		{`{"a":1,"b":2,"a":1}`, "a: there twice"},
		{`{"a":1,"\u0061":2}`, "a: there twice"},
	} {
		members, err := parseObject([]byte(c.body), 1)
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
		members, err := parseObject(body, 1)
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
