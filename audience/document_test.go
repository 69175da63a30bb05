package audience

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"scenecast/label"
)

// row is a line of a table in docs/audiences.md: what is between backquotes in the first column, and the second column.
var row = regexp.MustCompile("(?m)^\\| (?:`(.+?)`|([ABC])) \\|([^|]*)\\|")

// TestDocument reads the pages and every example of docs/audiences.md, and asks each example who it is for.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/audiences.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[string]label.Set)
	asText, asJSON := 0, 0
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		example, page, column := strings.ReplaceAll(m[1], `\|`, "|"), m[2], m[3]
		if page != "" {
			pages[page] = labelsOf(column)
			continue
		}
		parse := Parse
		if strings.HasPrefix(example, "{") || strings.HasPrefix(example, `"`) {
			parse = func(text string) (Expr, error) { return ParseJSON([]byte(text)) }
			asJSON++
		} else {
			asText++
		}
		to, err := parse(example)
		if err != nil {
			t.Errorf("%s: %v", example, err)
			continue
		}
		var who []string
		for _, name := range []string{"A", "B", "C"} {
			if to.Match(pages[name]) {
				who = append(who, name)
			}
		}
		if got := strings.Join(who, " "); got != strings.TrimSpace(column) {
			t.Errorf("%s is for %q, and the document says %q", example, got, column)
		}
	}
	if len(pages) != 3 || asText < 14 || asJSON < 6 {
		t.Errorf("found %d pages, %d examples as text and %d as JSON", len(pages), asText, asJSON)
	}
}

// labelsOf reads `key=value` `key=value`.
func labelsOf(column string) label.Set {
	var labels []label.Label
	for pair := range strings.FieldsSeq(strings.ReplaceAll(column, "`", " ")) {
		key, value, _ := strings.Cut(pair, "=")
		labels = append(labels, label.Label{Key: key, Value: value})
	}
	return label.New(labels...)
}
