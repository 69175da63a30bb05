package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	gotoken "go/token"
	"os"
	"os/exec"
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

// languages says who looks at the blocks of a language: a function here, which gets all of them at once, or, as a text, what else.
var languages = map[string]any{
	"sh":         "TestShellSnippets runs each command",
	"json":       checkJSON,
	"yaml":       checkYAML,
	"go":         checkGo,
	"php":        checkPHP,
	"js":         checkJavaScript,
	"jsx":        checkJavaScript,
	"html":       checkMarkup,
	"blade":      checkMarkup,
	"http":       "TestAPIDocument of the server makes each call",
	"transcript": "TestProtocolDocument of the server speaks each line",
	"nginx":      "TestProxies of the command line runs each block",
	"haproxy":    "TestProxies of the command line runs each block",
	"caddyfile":  "make test-caddy runs each block",
	"ini":        "units of systemd, which make test-packages runs, and settings of php.ini and clients",
	"sql":        "for the database of the reader, which no test has",
	"text":       "what is shown, or a shape in words",
	"":           "what is shown, or a shape in words",
}

// TestSnippets: every block of code in a document is one that its language can read, or one that another test runs. The Chinese documents have the same
// blocks, which TestDocumentsInChinese holds.
func TestSnippets(t *testing.T) {
	t.Parallel()
	byLanguage := make(map[string][]snippet)
	for _, file := range documents(t) {
		for _, s := range snippetsOf(t, file) {
			byLanguage[s.language] = append(byLanguage[s.language], s)
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
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../clients/*/README.md", "../examples/*/README.md", "../bench/*/README.md"} {
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

// run runs a program that reads all blocks, as JSON, from its standard input, and writes what is wrong.
func run(t *testing.T, all []snippet, name string, args ...string) {
	t.Helper()
	type block struct{ Place, Language, Code string }
	blocks := make([]block, len(all))
	for i, s := range all {
		blocks[i] = block{s.place, s.language, s.code}
	}
	input, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), name, args...)
	c.Stdin = bytes.NewReader(input)
	if said, err := c.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("%v: %s", err, said)
	}
}

func checkGo(t *testing.T, all []snippet) {
	for _, s := range all {
		_, whole := parser.ParseFile(gotoken.NewFileSet(), "", s.code, 0)
		_, declarations := parser.ParseFile(gotoken.NewFileSet(), "", "package p\n"+s.code, 0)
		_, statements := parser.ParseFile(gotoken.NewFileSet(), "", "package p\nfunc f() {\n"+s.code+"\n}", 0)
		if whole != nil && declarations != nil && statements != nil {
			t.Errorf("%s: %v", s.place, statements)
		}
	}
}

func checkPHP(t *testing.T, all []snippet) {
	// A block may be a part of a file: of a class, or of an array.
	run(t, all, "php", "-d", "display_errors=stderr", "-r", `function reads(string $code): ?string {
		try { token_get_all($code, TOKEN_PARSE); return null; } catch (ParseError $e) { return "{$e->getMessage()} in line {$e->getLine()}"; }
	}
	foreach (json_decode(stream_get_contents(STDIN), true) as ['Place' => $place, 'Code' => $code]) {
		$code = preg_replace('/^\s*<\?php/', '', $code);
		$why = reads("<?php $code");
		if ($why !== null && reads("<?php class A { $code }") !== null && reads("<?php [ $code ];") !== null) echo "$place: $why\n";
	}`)
}

// parseJavaScript reads each block by esbuild.
const parseJavaScript = `
import { readFileSync } from "node:fs";
import { transformSync } from "../dashboard/app/node_modules/esbuild/lib/main.js";
for (const { Place, Code } of JSON.parse(readFileSync(0, "utf8"))) {
	try { transformSync(Code, { loader: "jsx", jsx: "automatic", logLevel: "silent" }); } catch (error) {
		console.log(Place + ": " + error.message);
	}
}`

func checkJavaScript(t *testing.T, all []snippet) {
	run(t, all, "node", "--input-type=module", "-e", parseJavaScript)
}

var script = regexp.MustCompile(`(?s)<script(?:\s[^>]*)?>(.*?)</script>`)

// checkMarkup looks at the scripts inside, and that elements of script and style end.
func checkMarkup(t *testing.T, all []snippet) {
	var scripts []snippet
	for _, s := range all {
		found := script.FindAllStringSubmatch(s.code, -1)
		if len(found) != strings.Count(s.code, "<script") {
			t.Errorf("%s: a script does not end", s.place)
		}
		for _, match := range found {
			if s.language == "html" {
				scripts = append(scripts, snippet{place: s.place, language: "js", code: match[1]})
			}
		}
	}
	checkJavaScript(t, scripts)
}
