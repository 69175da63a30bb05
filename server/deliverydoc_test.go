package server_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// heldBy is a test that docs/delivery.md names, and where it is.
var heldBy = regexp.MustCompile("\\[`([^`]+)`\\]\\(([^)]+)\\)")

// TestDeliveryDocument: every promise of docs/delivery.md names tests, and they exist. Those of an engine's suite are functions
// of enginetest, and those of the page script have a text for a name.
func TestDeliveryDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(text), "\n## ")
	promises := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| **") {
			continue
		}
		promises++
		tests := heldBy.FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("held by no test: %s", line)
		}
		for _, test := range tests {
			source, err := os.ReadFile(filepath.Join("../docs", test[2]))
			declared := "func " + test[1] + "("
			if strings.HasSuffix(test[2], ".ts") {
				declared = `test("` + test[1] + `"`
			}
			if err != nil || !strings.Contains(string(source), declared) {
				t.Errorf("%s: no test %q (%v)", test[2], test[1], err)
			}
		}
	}
	if promises < 12 {
		t.Errorf("found only %d promises: this test does not read the document any more", promises)
	}
}
