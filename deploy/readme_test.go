package deploy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const operations = "../docs/operations.md"

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// shellLines are the lines of a document's blocks of shell, after a heading, or all.
func shellLines(t *testing.T, file, heading string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), heading)
	if !found {
		t.Fatalf("%s has no %q", file, heading)
	}
	if level := strings.Count(heading, "#"); level > 0 {
		part = regexp.MustCompile(fmt.Sprintf("(?m)^#{2,%d} ", level)).Split(part, 2)[0]
	}
	for _, block := range shellBlock.FindAllStringSubmatch(part, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		t.Fatalf("%s: no commands", file)
	}
	return lines
}

// TestTranslations: an example says the same commands in both languages.
func TestTranslations(t *testing.T) {
	for _, example := range []string{"compose", "systemd"} {
		english, chinese := shellLines(t, "../examples/"+example+"/README.md", ""), shellLines(t, "../examples/"+example+"/README.zh-CN.md", "")
		if a, b := strings.Join(english, "\n"), strings.Join(chinese, "\n"); a != b {
			t.Errorf("%s:\n%s\nand in Chinese\n%s", example, a, b)
		}
	}
}
