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
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// snippet is a block of code in a document.
type snippet struct {
	place    string // file:line
	language string
	code     string
}

// languages says who looks at the blocks of a language: a function here, which gets all of them at once, or, as a text, what else.
var languages = map[string]any{
	"sh":         checkShell,
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
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../clients/*/README.md", "../examples/*/README.md", "../bench/*/README.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, ".zh-CN.md") {
				for _, s := range snippetsOf(t, file) {
					byLanguage[s.language] = append(byLanguage[s.language], s)
				}
			}
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

var fence = regexp.MustCompile("^( *)```([a-z]*)")

func snippetsOf(t *testing.T, file string) (all []snippet) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var open *snippet
	var indent string
	for i, line := range strings.Split(string(content), "\n") {
		match := fence.FindStringSubmatch(line)
		switch {
		case match != nil && open == nil:
			indent, open = match[1], &snippet{place: fmt.Sprintf("%s:%d", filepath.ToSlash(file), i+1), language: match[2]}
		case match != nil:
			all, open = append(all, *open), nil
		case open != nil:
			open.code += strings.TrimPrefix(line, indent) + "\n"
		}
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

func checkShell(t *testing.T, all []snippet) {
	for _, s := range all {
		c := exec.CommandContext(t.Context(), "bash", "-n")
		c.Stdin = strings.NewReader(s.code)
		if said, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", s.place, said)
		}
	}
}

func checkJSON(t *testing.T, all []snippet) {
	for _, s := range all {
		if !json.Valid([]byte(strings.ReplaceAll(s.code, "…", ""))) && !slices.ContainsFunc(strings.Split(strings.TrimSpace(s.code), "\n"), func(line string) bool { return json.Valid([]byte(line)) }) {
			t.Errorf("%s: no JSON: %s", s.place, s.code)
		}
	}
}

func checkYAML(t *testing.T, all []snippet) {
	for _, s := range all {
		var value any
		err := yaml.Unmarshal([]byte(s.code), &value)
		if err != nil && strings.Contains(err.Error(), "already defined") { // one thing in several spellings, a line each
			for line := range strings.Lines(s.code) {
				err = yaml.Unmarshal([]byte(line), &value)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", s.place, err)
		}
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
				scripts = append(scripts, snippet{s.place, "js", match[1]})
			}
		}
	}
	checkJavaScript(t, scripts)
}
