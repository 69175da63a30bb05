package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestDocumentsInChinese: X.zh-CN.md says what X.md says, as far as that can be read without knowing Chinese. Under each heading it has
// the same blocks of code, but for what comments in them say, as many rows of tables and items of lists, and names the same code, tests
// and figures. Each of the two leads to the other, and the Chinese one leads to Chinese documents where there are any, at the same headings.
func TestDocumentsInChinese(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"../*", "../docs/*", "../docs/adr/*", "../clients/*/*", "../examples/*/*", "../bench/*/*"} {
		found, err := filepath.Glob(pattern + chineseSuffix)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d documents in Chinese (%v)", pattern, len(found), err)
		}
		paths = append(paths, found...)
	}
	for _, chinesePath := range paths {
		englishPath := strings.TrimSuffix(chinesePath, chineseSuffix) + ".md"
		if filepath.Base(englishPath) == "glossary.md" {
			continue // it has both languages
		}
		t.Run(filepath.ToSlash(strings.TrimPrefix(englishPath, "../")), func(t *testing.T) {
			english := documentSections(t, englishPath, "[中文]("+filepath.Base(chinesePath)+")\n")
			chinese := documentSections(t, chinesePath, "[English]("+filepath.Base(englishPath)+")\n")
			if len(english) != len(chinese) {
				t.Fatalf("the English document has %d headings, the Chinese one %d", len(english), len(chinese))
			}
			for i, want := range english {
				compareSections(t, want, chinese[i])
			}
		})
	}
}

const chineseSuffix = ".zh-CN.md"

// documentSection is what stands under a heading of a document.
type documentSection struct {
	heading string
	level   int
	items   int             // of lists
	rows    []string        // of tables: the code in their first columns, and all figures
	blocks  []string        // of code, without comments
	code    map[string]bool // within the text, and where links lead, and figures
}

func compareSections(t *testing.T, want, got documentSection) {
	t.Helper()
	if got.level != want.level || got.items != want.items {
		t.Errorf("%q has level %d and %d items, and %q level %d and %d", want.heading, want.level, want.items, got.heading, got.level, got.items)
	}
	if !slices.Equal(got.rows, want.rows) {
		t.Errorf("%q has rows of\n%q\nand %q\n%q", want.heading, want.rows, got.heading, got.rows)
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

var (
	codeBlock   = regexp.MustCompile("(?ms)^```.*?^```$")
	codeComment = regexp.MustCompile(`(?m)(^| +)(//|#) .*`)
	codeText    = regexp.MustCompile("`[^`]+`")
	figure      = regexp.MustCompile(`[0-9][0-9,.]*[0-9]|[0-9]`)
	markdown    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// documentSections reads a document of which there are two languages, and which leads to the other one by a line of its own.
func documentSections(t *testing.T, file, other string) (sections []documentSection) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.SplitAfterN(string(content), "\n", 4); len(lines) < 4 || lines[2] != other {
		t.Errorf("the third line of %s is not %q", file, other)
	}
	var blocks []string
	withoutBlocks := codeBlock.ReplaceAllStringFunc(string(content), func(block string) string {
		blocks = append(blocks, codeComment.ReplaceAllString(block, ""))
		return "```"
	})
	text := ""
	finish := func() { // code and links can go over the ends of lines
		for _, code := range codeText.FindAllString(text, -1) {
			sections[len(sections)-1].code[code] = true
		}
		for _, link := range markdown.FindAllStringSubmatch(text, -1) {
			sections[len(sections)-1].code[destination(t, file, link[1])] = true
		}
		for _, figure := range figures(text) {
			sections[len(sections)-1].code[figure] = true
		}
		text = ""
	}
	for line := range strings.Lines(withoutBlocks) {
		if hashes := len(line) - len(strings.TrimLeft(line, "#")); hashes > 0 {
			finish()
			sections = append(sections, documentSection{heading: strings.TrimSpace(line[hashes:]), level: hashes, code: make(map[string]bool)})
			continue
		}
		if len(sections) == 0 {
			t.Fatalf("%s begins with no heading", file)
		}
		s := &sections[len(sections)-1]
		switch {
		case line == other:
			continue
		case strings.HasPrefix(line, "```"):
			s.blocks, blocks = append(s.blocks, blocks[0]), blocks[1:]
			continue
		case strings.HasPrefix(line, "|"):
			first, _, _ := strings.Cut(strings.ReplaceAll(line[1:], `\|`, ""), "|")
			s.rows = append(s.rows, strings.Join(append(codeText.FindAllString(first, -1), figures(line)...), " "))
		case strings.HasPrefix(line, "- "):
			s.items++
		}
		text += strings.TrimSuffix(line, "\n") + " "
	}
	finish()
	return sections
}

// figures are those in a text, apart from its code and links.
func figures(text string) []string {
	figures := figure.FindAllString(codeText.ReplaceAllString(markdown.ReplaceAllString(text, ""), ""), -1)
	slices.Sort(figures)
	return figures
}

// destination is where a link leads, which is the same for both languages: a heading is its number, and a picture may be one of each language.
func destination(t *testing.T, file, link string) string {
	t.Helper()
	if strings.Contains(link, "://") {
		return link
	}
	to, anchor, _ := strings.Cut(link, "#")
	target := file
	if to != "" {
		target = filepath.Join(filepath.Dir(file), to)
	}
	if anchor != "" {
		anchor = fmt.Sprintf("#%d", slices.Index(anchors(t, target), anchor))
	}
	return strings.NewReplacer(".zh-CN.", ".", "-zh.png", ".png").Replace(filepath.ToSlash(target)) + anchor
}

// anchors are those of a document's headings, in their order, as GitHub makes them.
func anchors(t *testing.T, file string) (anchors []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	linked := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	for line := range strings.Lines(codeBlock.ReplaceAllString(string(content), "")) {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		heading := strings.TrimSpace(strings.TrimLeft(linked.ReplaceAllString(line, "$1"), "#"))
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
				return unicode.ToLower(r)
			}
			return -1
		}, heading)
		for unique, n := anchor, 1; slices.Contains(anchors, anchor); n++ {
			anchor = fmt.Sprintf("%s-%d", unique, n)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

// TestLinks: what links of the documents lead to is there: files, and the headings in them. Chinese documents lead to Chinese ones where there are any.
func TestLinks(t *testing.T) {
	links := 0
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/adr/*.md", "../examples/*/*.md", "../clients/*/*.md", "../bench/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files (%v)", pattern, len(files), err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, link := range markdown.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(content), ""), -1) {
				to, anchor, _ := strings.Cut(link[1], "#")
				if strings.Contains(to, ":") {
					continue // of another host
				}
				links++
				target := file
				if to != "" {
					target = filepath.Join(filepath.Dir(file), to)
				}
				translation := strings.TrimSuffix(target, ".md") + chineseSuffix
				if _, err := os.Stat(translation); err == nil && strings.HasSuffix(file, chineseSuffix) && translation != file {
					t.Errorf("%s leads to %s, and there is %s", file, link[1], translation)
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s leads to %s: %v", file, link[1], err)
				} else if anchor != "" && filepath.Ext(target) == ".md" && !slices.Contains(anchors(t, target), anchor) {
					t.Errorf("%s leads to %s, and there is no such heading", file, link[1])
				}
			}
		}
	}
	if links < 500 {
		t.Errorf("found only %d links: this test does not read the documents any more", links)
	}
}
