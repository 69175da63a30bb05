package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snippet is a block of code in a document.
type snippet struct {
	place    string // file:line
	language string
	mark     string // of the comment in the line before, as in <!-- other -->
	code     string
}

// along is the language along with which the blocks of another one are looked at.
type along string

// languages says who looks at the blocks of a language: a function here, which gets all of them at once, or, as a text, what else.
var languages = map[string]any{
	"sh":         "TestShellSnippets runs each command",
	"json":       "TestJSONSnippets",
	"yaml":       "TestYAMLSnippets has each read",
	"go":         checkGo,
	"php":        checkPHP,
	"blade":      along("php"),
	"js":         checkPages,
	"jsx":        along("js"),
	"html":       along("js"),
	"http":       "TestAPIDocument of the server makes each call",
	"transcript": "TestProtocolDocument of the server speaks each line",
	"nginx":      "TestProxies of the command line runs each block",
	"haproxy":    "TestProxies of the command line runs each block",
	"caddyfile":  "make test-caddy runs each block",
	"ini":        "TestTutorials of the command line gives each to the application",
	"sql":        "for the database of the reader, which no test has",
	"text":       "TestShownSnippets",
	"":           "TestShownSnippets, and TestShellSnippets the commands",
}

// TestSnippets: every block of code in a document is run, or is one that another test runs. The Chinese documents have the same blocks, which
// TestDocumentsInChinese holds.
func TestSnippets(t *testing.T) {
	t.Parallel()
	byLanguage := make(map[string][]snippet)
	for _, file := range documents(t) {
		for _, s := range snippetsOf(t, file) {
			language := s.language
			if main, ok := languages[language].(along); ok {
				language = string(main)
			}
			byLanguage[language] = append(byLanguage[language], s)
		}
	}
	for language, all := range byLanguage {
		check, known := languages[language]
		if !known {
			t.Errorf("%s: nobody looks at blocks of %q", all[0].place, language)
		}
		if check, ok := check.(func(*testing.T, []snippet)); ok {
			t.Run(language, func(t *testing.T) {
				t.Parallel()
				check(t, all)
			})
		}
	}
}

// documents are those whose snippets are tested, in English.
func documents(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/adr/*.md", "../clients/*/README.md", "../examples/*/README.md", "../bench/*/README.md", "../dashboard/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		for _, file := range found {
			if !strings.HasSuffix(file, ".zh-CN.md") {
				files = append(files, filepath.ToSlash(file))
			}
		}
	}
	return files
}

var (
	fence = regexp.MustCompile("^( *)```([a-z]*)")
	mark  = regexp.MustCompile("^ *<!-- ([a-z]+) -->$")
)

func snippetsOf(t *testing.T, file string) (all []snippet) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var open *snippet
	var indent, before string
	for i, line := range strings.Split(string(content), "\n") {
		match := fence.FindStringSubmatch(line)
		switch {
		case match != nil && open == nil:
			indent, open = match[1], &snippet{place: fmt.Sprintf("%s:%d", filepath.ToSlash(file), i+1), language: match[2]}
			if marked := mark.FindStringSubmatch(before); marked != nil {
				open.mark = marked[1]
			}
		case match != nil:
			all, open = append(all, *open), nil
		case open != nil:
			open.code += strings.TrimPrefix(line, indent) + "\n"
		}
		before = line
	}
	if open != nil {
		t.Errorf("%s: the block does not end", open.place)
	}
	return all
}
