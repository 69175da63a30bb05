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

// languages says who looks at the blocks of a language: a function here, which gets all of them at once; a test of this package; or, by
// document, what else runs each block.
var languages = map[string]any{
	"sh":    TestShellSnippets,
	"json":  TestJSONSnippets,
	"yaml":  TestYAMLSnippets,
	"text":  TestShownSnippets,
	"":      TestShownSnippets, // commands in them are TestShellSnippets'
	"go":    checkGo,
	"php":   checkPHP,
	"blade": along("php"),
	"js":    checkPages,
	"jsx":   along("js"),
	"html":  along("js"),
	"http":  map[string]witness{"docs/api.md": {"server/apidoc_test.go", []string{"func TestAPIDocument(", `"../docs/api.md"`, "```http"}}},
	"transcript": map[string]witness{"docs/protocol.md": {
		"server/protocoldoc_test.go", []string{"func TestProtocolDocument(", `"../docs/protocol.md"`, "```transcript"}}},
	"nginx": map[string]witness{
		"docs/dashboard.md":  {"cmd/scenecast/dashboardproxies_linux_test.go", []string{"func TestDashboardProxies(", `blocksOf(t, "../../docs/dashboard.md", "nginx", 1)`}},
		"docs/operations.md": {"cmd/scenecast/proxies_linux_test.go", []string{"func TestProxies(", `documentedBlocks(t, "nginx", 2)`}},
		"docs/pusher.md":     {"e2e/pusherbalancer_test.go", []string{"func TestPusherBehindBalancers(", `documented(t, "nginx", `}},
	},
	"haproxy": map[string]witness{
		"docs/dashboard.md":  {"cmd/scenecast/dashboardproxies_linux_test.go", []string{"func TestDashboardProxies(", `blocksOf(t, "../../docs/dashboard.md", "haproxy", 1)`}},
		"docs/operations.md": {"cmd/scenecast/proxies_linux_test.go", []string{"func TestProxies(", `documentedBlocks(t, "haproxy", 2)`}},
		"docs/pusher.md":     {"e2e/pusherbalancer_test.go", []string{"func TestPusherBehindBalancers(", `documented(t, "haproxy", `}},
	},
	"caddyfile": map[string]witness{"docs/operations.md": {"cmd/scenecast/proxies_linux_test.go", []string{"func TestCaddy(", `documentedBlocks(t, "caddyfile", 1)`}}},
	"ini": map[string]witness{
		"docs/tutorial-from-pusher.md": {"cmd/scenecast/tutorials_test.go", []string{"func TestTutorials(", `case language == "ini"`}},
		"docs/tutorial-from-swoole.md": {"cmd/scenecast/tutorials_test.go", []string{"func TestTutorials(", `case language == "ini"`}},
	},
	"sql": map[string]witness{"docs/hooks.md": {"server/hooksorder_test.go", []string{`documented(t, "hooks.md", "sql", `}}},
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
		switch check := check.(type) {
		case func(*testing.T, []snippet):
			t.Run(language, func(t *testing.T) {
				t.Parallel()
				check(t, all)
			})
		case map[string]witness:
			for _, s := range all {
				document, _, _ := strings.Cut(strings.TrimPrefix(s.place, "../"), ":")
				if w, known := check[document]; known {
					w.check(t)
				} else {
					t.Errorf("%s: no test runs blocks of %s in this document", s.place, language)
				}
			}
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
