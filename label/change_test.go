package label_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"scenecast/label"
	"scenecast/problem"
)

func TestApply(t *testing.T) {
	before := label.FromMap(map[string][]string{"page": {"home"}, "tag": {"a", "b"}})
	for _, c := range []struct {
		change string
		want   string
	}{
		{`{}`, `{"page":"home","tag":["a","b"]}`},
		{`{"page":"list"}`, `{"page":"list","tag":["a","b"]}`},
		{`{"tag":"c"}`, `{"page":"home","tag":"c"}`},
		{`{"tag":["c","d","c"]}`, `{"page":"home","tag":["c","d"]}`},
		{`{"tag":null}`, `{"page":"home"}`},
		{`{"tag":[]}`, `{"page":"home"}`},
		{`{"order":"7","page":null,"none":null}`, `{"order":"7","tag":["a","b"]}`},
		{`{"page":""}`, `{"page":"","tag":["a","b"]}`},
	} {
		var change label.Change
		if err := json.Unmarshal([]byte(c.change), &change); err != nil {
			t.Fatalf("%s: %v", c.change, err)
		}
		if got, _ := before.Apply(change).MarshalJSON(); string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.change, got, c.want)
		}
		if got, _ := before.MarshalJSON(); string(got) != `{"page":"home","tag":["a","b"]}` {
			t.Fatalf("%s changed the set that it was applied to: %s", c.change, got)
		}
	}
}

func TestChangeRefuses(t *testing.T) {
	for _, c := range []struct{ change, want string }{
		{`[]`, "takes an object of keys and values"},
		{`null`, "takes an object of keys and values"},
		{`"page"`, "takes an object of keys and values"},
		{`{"page":7}`, "page: takes a string, an array of strings, or null"},
		{`{"page":{"a":"b"}}`, "page: takes a string, an array of strings, or null"},
		{`{"page":["a",7]}`, "page: takes a string, an array of strings, or null"},
		{`{"page":["a",null]}`, "page: takes a string, an array of strings, or null"},
		{`{"page":"a","page":"b"}`, "page: there twice"},
	} {
		var change label.Change
		if err := change.UnmarshalJSON([]byte(c.change)); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.change, err, c.want)
		}
	}
}

// FuzzChange: what can be read gives, applied, exactly its values, and leaves the other keys alone.
func FuzzChange(f *testing.F) {
	for _, seed := range []string{`{"page":"list","tag":["a","b"],"order":null}`, `{"a":`, `{"a":["b"`, `{}`, `{"a":"\ud800"}`} {
		f.Add(seed)
	}
	before := label.FromMap(map[string][]string{"page": {"home"}})
	f.Fuzz(func(t *testing.T, text string) {
		var change label.Change
		if change.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		after := before.Apply(change)
		for key, values := range change {
			want := slices.Compact(slices.Sorted(slices.Values(values)))
			if got := after.Values(key); !slices.Equal(got, want) {
				t.Errorf("%q: %q has %q, want %q", text, key, got, want)
			}
		}
		if _, named := change["page"]; !named && !after.Contains("page", "home") {
			t.Errorf("%q took page away", text)
		}
	})
}

func TestUnion(t *testing.T) {
	a := label.FromMap(map[string][]string{"page": {"home"}, "tag": {"a"}})
	b := label.FromMap(map[string][]string{"page": {"home"}, "tag": {"b"}})
	c := label.FromMap(map[string][]string{"plan": {"pro"}})
	if got, _ := a.Union(b, c).MarshalJSON(); string(got) != `{"page":"home","plan":"pro","tag":["a","b"]}` {
		t.Errorf("union: %s", got)
	}
	if got, _ := a.MarshalJSON(); string(got) != `{"page":"home","tag":"a"}` || !a.Union().Equal(a) {
		t.Errorf("a union changed its first set: %s", got)
	}
}

func TestRules(t *testing.T) {
	trusted := func(key string) bool { return key == "plan" }
	for _, c := range []struct {
		client []string
		keys   string
		want   string // a part of the problem
	}{
		{nil, "page order", ""},
		{nil, "page plan", "plan: this label is set by the page's token"},
		{nil, "@id", "@id: label keys with @ are the server's own"},
		{[]string{"page"}, "page", ""},
		{[]string{"page", "tag"}, "order", "order: a page may set only page, tag (setting: labels.client)"},
		{[]string{"plan"}, "plan", "plan: this label is set by the page's token"},
		{[]string{"@id"}, "@id", "@id: label keys with @"},
		{[]string{}, "page", "page: a page may set no label itself (setting: labels.client)"},
	} {
		err := label.Rules{Client: c.client}.CheckClient(strings.Fields(c.keys), trusted)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q of %q: %v, want %s", c.keys, c.client, err, c.want)
		}
		if err != nil && problem.Of(err).Kind != problem.Forbidden {
			t.Errorf("%q of %q: %s, want it forbidden", c.keys, c.client, problem.Of(err).Kind)
		}
	}
}

// TestServerLabelsDoNotCount against the limits of a page.
func TestServerLabelsDoNotCount(t *testing.T) {
	limits := label.Limits{Count: 1, KeyBytes: 4, ValueBytes: 8}
	labels := label.FromMap(map[string][]string{"page": {"home"}, "@protocol": {"native"}, "@id": {"7.1"}})
	if err := limits.Check(labels); err != nil {
		t.Error(err)
	}
}
