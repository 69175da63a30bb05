package doctor_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scenecast/doctor"
)

// TestDocument: the table of docs/operations.md has the checks that there are, in both languages.
func TestDocument(t *testing.T) {
	for file, heading := range map[string]string{"../docs/operations.md": "\n## Doctor\n", "../docs/operations.zh-CN.md": "\n## 诊断\n"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(string(text), heading)
		section, _, _ = strings.Cut(section, "\n## ")
		var listed []string
		for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_.`、, ]+`) \\|").FindAllStringSubmatch(section, -1) {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				listed = append(listed, name[1])
			}
		}
		if want := doctor.Names(); !slices.Equal(listed, want) {
			t.Errorf("%s lists\n%q; there are\n%q", file, listed, want)
		}
	}
}
