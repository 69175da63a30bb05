package audience

import (
	"testing"

	"scenecast/label"
)

const benchText = `page in ["home", "list"] && plan == "pro" && !(locale == "en" || has(muted))`

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(benchText); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseJSON(b *testing.B) {
	data := []byte(`{"page":["home","list"],"plan":"pro"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseJSON(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	e := mustParse(b, benchText)
	labels := label.FromMap(map[string][]string{"page": {"list"}, "plan": {"pro"}, "locale": {"zh"}, "user": {"42"}, "@id": {"n1.7"}})
	b.ReportAllocs()
	for b.Loop() {
		if !e.Match(labels) {
			b.Fatal("no match")
		}
	}
}
