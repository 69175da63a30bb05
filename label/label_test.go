package label_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"scenecast/label"
	"scenecast/problem"
)

// set reads labels written as `page=home tag=a`.
func set(text string) label.Set { return label.New(labels(text)...) }

func labels(text string) (labels []label.Label) {
	for pair := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(pair, "=")
		labels = append(labels, label.Label{Key: key, Value: value})
	}
	return labels
}

// spell is the opposite of set.
func spell(s label.Set) string {
	var pairs []string
	for l := range s.All() {
		pairs = append(pairs, l.Key+"="+l.Value)
	}
	return strings.Join(pairs, " ")
}

func TestNew(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"", ""},
		{"page=home", "page=home"},
		{"b=1 a=2 b=0", "a=2 b=0 b=1"},
		{"a=1 a=1 a=1", "a=1"},
		{"a=2 a=1 a=2", "a=1 a=2"},
		{"a= a=1 @id=7 _x=1 Z=1", "@id=7 Z=1 _x=1 a= a=1"},
		{"a-b=1 a=2 ab=3", "a=2 a-b=1 ab=3"},
	} {
		s := set(c.given)
		if got := spell(s); got != c.want {
			t.Errorf("New(%s) = %s, want %s", c.given, got, c.want)
		}
		if want := len(strings.Fields(c.want)); s.Len() != want {
			t.Errorf("New(%s).Len() = %d, want %d", c.given, s.Len(), want)
		}
		m := make(map[string][]string)
		for _, l := range labels(c.given) {
			m[l.Key] = append(m[l.Key], l.Value)
		}
		if got := label.FromMap(m); !got.Equal(s) {
			t.Errorf("FromMap(%v) = %s, want %s", m, spell(got), spell(s))
		}
	}
}

func TestQueries(t *testing.T) {
	s := set("page=home page=list tag= user=42 pag=x page-=x")
	for _, c := range []struct {
		key    string
		values []string
	}{
		{"page", []string{"home", "list"}},
		{"tag", []string{""}},
		{"user", []string{"42"}},
		{"", nil},
		{"pa", nil},
		{"pages", nil},
		{"zzz", nil},
	} {
		if got := s.Values(c.key); !slices.Equal(got, c.values) || (got == nil) != (c.values == nil) {
			t.Errorf("Values(%s) = %#v, want %#v", c.key, got, c.values)
		}
		if got := s.Has(c.key); got != (c.values != nil) {
			t.Errorf("Has(%s) = %v", c.key, got)
		}
		var want []label.Label
		for _, v := range c.values {
			want = append(want, label.Label{Key: c.key, Value: v})
		}
		if got := s.Of(c.key); !got.Equal(label.New(want...)) {
			t.Errorf("Of(%s) = %s, want %v", c.key, spell(got), want)
		}
		for _, value := range []string{"", "home", "list", "42", "hom", "homes", "x"} {
			if got, want := s.Contains(c.key, value), slices.Contains(c.values, value); got != want {
				t.Errorf("Contains(%s, %q) = %v", c.key, value, got)
			}
		}
	}
}

func TestWith(t *testing.T) {
	const before = "a=1 page=home page=list z=1"
	for _, c := range []struct {
		key    string
		values []string
		want   string
	}{
		{"page", []string{"back"}, "a=1 page=back z=1"},
		{"page", []string{"y", "x", "y"}, "a=1 page=x page=y z=1"},
		{"page", nil, "a=1 z=1"},
		{"new", []string{""}, "a=1 new= page=home page=list z=1"},
		{"new", nil, before},
	} {
		s := set(before)
		if got := spell(s.With(c.key, c.values...)); got != c.want {
			t.Errorf("With(%s, %q) = %s, want %s", c.key, c.values, got, c.want)
		}
		if got := spell(s); got != before {
			t.Errorf("With(%s, %q) changed its receiver to %s", c.key, c.values, got)
		}
	}
	if got := spell(label.Set{}.With("page", "home")); got != "page=home" {
		t.Errorf("With on the empty set = %s", got)
	}
}

func TestFilter(t *testing.T) {
	const all = "a=1 b=2 b=3 c=4 d=5 e=6 f=7 g=8 h=9 i=10"
	for _, c := range []struct{ keys, want string }{
		{"", ""}, {"x", ""}, {"b", "b=2 b=3"}, {"ai", "a=1 i=10"}, {"abcdefghi", all}, {"abcdefgh", strings.TrimSuffix(all, " i=10")},
	} {
		from := set(all)
		got := from.Filter(func(l label.Label) bool { return strings.Contains(c.keys, l.Key) })
		if spell(got) != c.want || spell(from) != all || !got.Equal(set(c.want)) {
			t.Errorf("%q: %q, want %q; the set is %q", c.keys, spell(got), c.want, spell(from))
		}
	}
}

func TestValue(t *testing.T) {
	for key, want := range map[string]string{"a": "1", "b": "2", "c": "", "0": "", "x": ""} {
		if got := set("a=1 b=2 b=3").Value(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"b=1 a=1", "a=1 b=1 a=1", true},
		{"a=1", "", false},
		{"a=1", "a=2", false},
		{"a=1", "a=1 a=2", false},
		{"a=b", "b=a", false},
	} {
		if set(c.a).Equal(set(c.b)) != c.want || set(c.b).Equal(set(c.a)) != c.want {
			t.Errorf("%q equal to %q: want %v, both ways", c.a, c.b, c.want)
		}
	}
}

// TestImmutable: what was given to New, or came from a method, can be changed without changing the set.
func TestImmutable(t *testing.T) {
	given := labels("b=1 a=1 c=1")
	s := label.New(given...)
	slices.Reverse(given)
	given[0] = label.Label{Key: "x", Value: "x"}
	s.Values("a")[0] = "x"
	_ = s.Of("a").With("a", "y") // the part shares memory with the whole
	_ = s.Of("a").With("aa", "y")
	if got := spell(s); got != "a=1 b=1 c=1" {
		t.Errorf("the set has become %s", got)
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct{ labels, json string }{
		{"", `{}`},
		{"page=home", `{"page":"home"}`},
		{"tag=b tag=a page=", `{"page":"","tag":["a","b"]}`},
		{"@user=42 locale=中文", `{"@user":"42","locale":"中文"}`},
	} {
		b, err := json.Marshal(set(c.labels))
		if string(b) != c.json || err != nil {
			t.Errorf("Marshal(%s) = %s, %v, want %s", c.labels, b, err, c.json)
		}
		var back label.Set
		if err := json.Unmarshal([]byte(c.json), &back); !back.Equal(set(c.labels)) || err != nil {
			t.Errorf("Unmarshal(%s) = %s, %v, want %s", c.json, spell(back), err, c.labels)
		}
	}
	var s label.Set
	if err := json.Unmarshal([]byte(`{"a":["x"],"b":[],"c":["y","y"]}`), &s); spell(s) != "a=x c=y" || err != nil {
		t.Errorf("arrays of one, of none and of the same: %s, %v", spell(s), err)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, c := range []struct{ json, where string }{
		{`[]`, ""},
		{`"page=home"`, ""},
		{`7`, ""},
		{`null`, ""},
		{`{"page":7}`, "page"},
		{`{"page":null}`, "page"},
		{`{"page":true}`, "page"},
		{`{"page":{}}`, "page"},
		{`{"page":["a",7]}`, "page"},
		{`{"page":["a",null]}`, "page"},
		{`{"page":[["a"]]}`, "page"},
	} {
		s := set("a=1")
		err := json.Unmarshal([]byte(c.json), &s)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Kind != problem.Invalid || p.Where != c.where {
			t.Errorf("Unmarshal(%s): %v, want a problem at %q", c.json, err, c.where)
		}
		if spell(s) != "a=1" {
			t.Errorf("Unmarshal(%s) failed, and has changed the set to %s", c.json, spell(s))
		}
	}
}

func TestLimits(t *testing.T) {
	limits := label.Limits{Count: 2, KeyBytes: 4, ValueBytes: 6}
	for _, c := range []struct {
		set  label.Set
		want string // the error; empty: none
	}{
		{set(""), ""},
		{set("page=home page=list"), ""},
		{set("@abc=123456 page=中文"), ""},
		{set("a=1 b=1 c=1"), "3 labels, and a connection may have 2 (setting: labels.max_count)"},
		{set("a=1 a=2 a=3"), "3 labels, and a connection may have 2 (setting: labels.max_count)"},
		{set("pages=1"), `the label key "pages"… has 5 bytes, and may have 4 (setting: labels.max_key_bytes)`},
		{set("page=1234567"), "page: the value has 7 bytes, and may have 6 (setting: labels.max_value_bytes)"},
		{set("page=中文字"), "page: the value has 9 bytes, and may have 6 (setting: labels.max_value_bytes)"},
		{set("7=1"), `7: "7" is no label key: a key is a letter or '_', then letters, digits, '_' or '-'`},
		{set("@member=1234567"), ""}, // made by the server
		{set("@user=1234567"), "@user: the value has 7 bytes, and may have 6 (setting: labels.max_value_bytes)"},
		{set("@channel=1234567"), "@channel: the value has 7 bytes, and may have 6 (setting: labels.max_value_bytes)"},
		{set("page=\xff"), "page: the value is not valid UTF-8"},
	} {
		err := limits.Check(c.set)
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("Check(%s):\n\t%v, want\n\t%s", spell(c.set), err, c.want)
		}
	}
}

// TestDefaultLimits: what the documentation promises is let in, and one more is not.
func TestDefaultLimits(t *testing.T) {
	var many []label.Label
	for i := range 33 {
		many = append(many, label.Label{Key: strings.Repeat("k", 64), Value: fmt.Sprintf("%0256d", i)})
	}
	if err := label.DefaultLimits.Check(label.New(many[:32]...)); err != nil {
		t.Errorf("32 labels with keys of 64 and values of 256 bytes: %v", err)
	}
	if err := label.DefaultLimits.Check(label.New(many...)); err == nil {
		t.Error("33 labels were let in")
	}
}

func FuzzValidKey(f *testing.F) {
	form := regexp.MustCompile(`\A[@A-Za-z_][A-Za-z0-9_-]*\z`)
	for _, key := range []string{
		"", "@", "@id", "a@", "_", "-", "a-", "7", "a7", "page", "Z_9-", "é", "aé", "a\n", "a\x00", "a.b", "`", "[", "{", "/", ":",
	} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if got, want := label.ValidKey(key), form.MatchString(key); got != want {
			t.Errorf("ValidKey(%q) = %v, and %v says %v", key, got, form, want)
		}
		if got, want := label.Reserved(key), strings.HasPrefix(key, "@"); got != want {
			t.Errorf("Reserved(%q) = %v", key, got)
		}
	})
}

// FuzzJSON: a set of texts survives the way through JSON.
func FuzzJSON(f *testing.F) {
	f.Add("page", "home", "tag", "a", "tag", "b")
	f.Add("", "", "a", "<&>", "a", "\u2028")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2, k3, v3 string) {
		text := func(s string) string { return strings.ToValidUTF8(s, "?") }
		s := label.New(
			label.Label{Key: text(k1), Value: text(v1)},
			label.Label{Key: text(k2), Value: text(v2)},
			label.Label{Key: text(k3), Value: text(v3)},
		)
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("Marshal(%q): %v", spell(s), err)
		}
		var back label.Set
		if err := json.Unmarshal(b, &back); err != nil || !back.Equal(s) {
			t.Errorf("%q came back from %s as %q, %v", spell(s), b, spell(back), err)
		}
	})
}

// FuzzPrint: a set prints as encoding/json prints a map of its keys, and is read back from it.
func FuzzPrint(f *testing.F) {
	f.Add("page", "home", "tag", "a", "b")
	f.Add("a", "", "a", "<&>", "\"\\\x00\x1f\x7f\u2028é\xff")
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2, value3 string) {
		s := label.New(label.Label{Key: key1, Value: value1}, label.Label{Key: key2, Value: value2}, label.Label{Key: key2, Value: value3})
		for _, text := range []string{key1, value1, value2, value3} {
			want, _ := json.Marshal(text)
			if got := label.AppendJSONString([]byte("x"), text); string(got) != "x"+string(want) {
				t.Errorf("%q is printed as %s, want %s", text, got, want)
			}
		}
		if !utf8.ValidString(key1) || !utf8.ValidString(key2) {
			return // two of them may print alike, as no labels do
		}
		m := make(map[string]any)
		for _, key := range s.Keys() {
			if m[key] = s.Value(key); len(s.Values(key)) > 1 {
				m[key] = s.Values(key)
			}
		}
		want, _ := json.Marshal(m)
		got, err := json.Marshal(s)
		if err != nil || string(got) != string(want) || string(s.AppendJSON(nil)) != string(want) {
			t.Errorf("got %s and %s, %v, want %s", got, s.AppendJSON(nil), err, want)
		}
		var back label.Set
		if err := json.Unmarshal(got, &back); err != nil || utf8.ValidString(value1+value2+value3) && !back.Equal(s) {
			t.Errorf("%s is read as %v, %v", got, back, err)
		}
	})
}
