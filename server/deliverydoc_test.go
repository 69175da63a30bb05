package server_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
		checkHeld(t, tests)
	}
	if promises < 12 {
		t.Errorf("found only %d promises: this test does not read the document any more", promises)
	}
}

// checkHeld checks that tests which a document names exist.
func checkHeld(t *testing.T, tests [][]string) {
	t.Helper()
	for _, test := range tests {
		source, err := os.ReadFile(filepath.Join("../docs", test[2]))
		declared := "func " + test[1] + "("
		switch filepath.Ext(test[2]) {
		case ".ts":
			declared = `test("` + test[1] + `"`
		case ".js", ".mjs":
			declared = `it("` + test[1] + `"`
		}
		if err != nil || !strings.Contains(string(source), declared) {
			t.Errorf("%s: no test %q (%v)", test[2], test[1], err)
		}
	}
}

// TestClusterDocument: every row of what happens when something fails (docs/cluster.md) names tests, and they exist, as do those that the
// rest of the document names.
func TestClusterDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, heading := range []string{"\n## What happens when\n", "\n## On Redis\n", "\n## What happens when, on Redis\n"} {
		_, section, _ := strings.Cut(string(text), heading)
		section, _, _ = strings.Cut(section, "\n## ")
		isTest := false // the table at hand says what shows each row
		for line := range strings.Lines(section) {
			switch {
			case strings.HasPrefix(line, "|-"):
				continue
			case !strings.HasPrefix(line, "| "):
				isTest = false
				continue
			case strings.HasSuffix(line, "| shown by |\n"):
				isTest = true
				continue
			case !isTest:
				continue
			}
			rows++
			if !heldBy.MatchString(line) || strings.Contains(line, "no test yet") {
				t.Errorf("shown by nothing: %s", line)
			}
		}
	}
	checkHeld(t, heldBy.FindAllStringSubmatch(string(text), -1))
	if rows < 35 {
		t.Errorf("found only %d rows: this test does not read the document any more", rows)
	}
}

// TestPusherDocument: every feature of docs/pusher.md names tests, and they exist.
func TestPusherDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/pusher.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Features, and what shows each\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| feature") {
			continue
		}
		rows++
		tests := heldBy.FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("held by no test: %s", line)
		}
		checkHeld(t, tests)
	}
	if rows < 20 {
		t.Errorf("found only %d features: this test does not read the document any more", rows)
	}
}

// TestPusherDocumentInChinese: docs/pusher.zh-CN.md says what docs/pusher.md says, as far as that can be read without knowing Chinese. Under each
// heading it has the same blocks of code, but for what comments in them say, as many rows of tables and items of lists, and names the same
// code and tests.
func TestPusherDocumentInChinese(t *testing.T) {
	english, chinese := documentSections(t, "../docs/pusher.md"), documentSections(t, "../docs/pusher.zh-CN.md")
	if len(english) < 11 || len(english) != len(chinese) {
		t.Fatalf("the English document has %d headings, the Chinese one %d", len(english), len(chinese))
	}
	for i, want := range english {
		got := chinese[i]
		if got.level != want.level || got.rows != want.rows || got.items != want.items {
			t.Errorf("%q has level %d, %d rows and %d items, and %q level %d, %d and %d",
				want.heading, want.level, want.rows, want.items, got.heading, got.level, got.rows, got.items)
		}
		if !slices.Equal(got.blocks, want.blocks) {
			t.Errorf("%q has the code\n%s\nand %q\n%s", want.heading, strings.Join(want.blocks, "\n"), got.heading, strings.Join(got.blocks, "\n"))
		}
		for code := range want.code {
			if !got.code[code] {
				t.Errorf("%q names %s, and %q does not", want.heading, code, got.heading)
			}
		}
		for code := range got.code {
			if !want.code[code] {
				t.Errorf("%q names %s, and %q does not", got.heading, code, want.heading)
			}
		}
	}
}

// documentSection is what stands under a heading of a document.
type documentSection struct {
	heading     string
	level       int
	rows, items int             // of tables and lists
	blocks      []string        // of code, without comments
	code        map[string]bool // within the text, and where links lead
}

var (
	codeBlock   = regexp.MustCompile("(?ms)^```.*?^```$")
	codeComment = regexp.MustCompile(` // .*`)
	codeOrLink  = regexp.MustCompile("`[^`]+`" + `|\]\([^)]+\)`)
)

// documentSections reads a document of which there are two languages. That it leads to the other one does not count.
func documentSections(t *testing.T, path string) (sections []documentSection) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	text := codeBlock.ReplaceAllStringFunc(string(content), func(block string) string {
		blocks = append(blocks, codeComment.ReplaceAllString(block, ""))
		return "```"
	})
	for line := range strings.Lines(text) {
		if hashes := len(line) - len(strings.TrimLeft(line, "#")); hashes > 0 {
			sections = append(sections, documentSection{heading: strings.TrimSpace(line[hashes:]), level: hashes, code: make(map[string]bool)})
			continue
		}
		if len(sections) == 0 {
			t.Fatalf("%s begins with no heading", path)
		}
		s := &sections[len(sections)-1]
		switch {
		case strings.HasPrefix(line, "```"):
			s.blocks, blocks = append(s.blocks, blocks[0]), blocks[1:]
		case strings.HasPrefix(line, "|"):
			s.rows++
		case strings.HasPrefix(line, "- "):
			s.items++
		}
		for _, code := range codeOrLink.FindAllString(line, -1) {
			if code != "](pusher.md)" && code != "](pusher.zh-CN.md)" {
				s.code[code] = true
			}
		}
	}
	return sections
}
