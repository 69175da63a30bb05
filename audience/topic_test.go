package audience_test

import (
	"fmt"
	"strings"
	"testing"

	"scenecast/audience"
	"scenecast/label"
)

// labelled reads labels written as `page=home tag=a`.
func labelled(text string) label.Set {
	var labels []label.Label
	for pair := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(pair, "=")
		labels = append(labels, label.Label{Key: key, Value: value})
	}
	return label.New(labels...)
}

// TestTopic: by which value of a key an audience reaches a connection.
func TestTopic(t *testing.T) {
	for _, c := range []struct {
		to     string
		same   string // the topic of all; "?" where it depends on the connection
		topics string
		all    bool
		of     map[string]string // the topic by the labels
	}{
		{`*`, "", "[]", true, map[string]string{"c=a": ""}},
		{`page == "home"`, "", "[]", true, map[string]string{"c=a page=home": ""}},
		{`c == "a"`, "a", "[a]", true, map[string]string{"c=a c=b": "a"}},
		{`c == "b" && page == "home" && c != "x"`, "b", "[b]", true, map[string]string{"c=a c=b page=home": "b"}},
		{`c != "x"`, "", "[]", true, map[string]string{"c=a": ""}},
		{`c == "a" && c == "b"`, "a", "[a b]", true, map[string]string{"c=a c=b": "a"}},
		{`c in ["b", "a"]`, "?", "[b a]", true, map[string]string{"c=b c=x": "b", "c=a c=b": "a", "c=a": "a"}},
		{`c == "a" && x == "1" || c == "b" && x == "2"`, "?", "[a b]", true, map[string]string{"c=a c=b x=2": "b", "c=a c=b x=1": "a"}},
		{`page == "home" || c == "a"`, "?", "[a]", true, map[string]string{"page=home c=b": "", "page=home c=a": "a", "c=a": "a"}},
		{`c.startsWith("p-")`, "?", "[]", false, map[string]string{"c=a c=p-1 c=p-2": "p-1"}},
		{`has(c)`, "?", "[]", false, map[string]string{"c=b c=c": "b"}},
		{`c in ["a", "b"] && !(has(c) && c == "a")`, "?", "[a b]", true, map[string]string{"c=b": "b"}},
		{`(c == "a" || y == "1") && (c == "b" || y == "2")`, "?", "[a b]", true, map[string]string{"c=a c=b": "a"}},
	} {
		e, err := audience.Parse(c.to)
		if err != nil {
			t.Fatal(err)
		}
		topic, same := e.Topic("c")
		if !same {
			topic = "?"
		}
		if topics, all := e.Topics("c"); topic != c.same || fmt.Sprint(topics) != c.topics || all != c.all {
			t.Errorf("%s: topic %q, topics %q, all %t; want %q, %s, %t", c.to, topic, topics, all, c.same, c.topics, c.all)
		}
		for labels, want := range c.of {
			if !e.Match(labelled(labels)) {
				t.Fatalf("%s does not match %s", c.to, labels)
			}
			if got := e.TopicOf("c", labelled(labels)); got != want {
				t.Errorf("%s reaches %s by %q, want %q", c.to, labels, got, want)
			}
		}
	}
}
