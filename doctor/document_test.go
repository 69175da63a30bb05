package doctor_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scenecast/doctor"
)

// TestDocument: the table of docs/operations.md has the checks that there are.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Doctor\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_.`, ]+`) \\|").FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			listed = append(listed, name[1])
		}
	}
	if want := doctor.Names(); !slices.Equal(listed, want) {
		t.Errorf("docs/operations.md lists\n%q; there are\n%q", listed, want)
	}
}
