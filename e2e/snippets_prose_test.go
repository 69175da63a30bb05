package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inline is code within the text of a document.
type inline struct {
	document, code string
}

// proseRules say what is done with commands within the text. The first rule that matches counts.
var proseRules = []struct {
	code string // a regular expression of the whole command
	do   any    // a witness, or a func(*reader, inline), or nil: another product's
}{
	{`(bin/)?scenecast [a-z-].*`, (*reader).parseInline},
	{`make [a-z].*`, func(r *reader, i inline) { r.checkMake(i.code) }},
	{`go (run|test) .*`, (*reader).checkGo},
	{`npm (install path/to/scenecast/clients/js|pack)`, witness{"clients/js/test/package.test.ts", []string{`run("npm", "install", "../js",`, `"npm", ["pack",`}}},
	{`npm .*`, func(r *reader, i inline) { r.checkNPM("cd clients/js && " + i.code) }}, // all of them are about it
	{`composer install`, witness{"e2e/snippets_composer_test.go", []string{"func installExample(", "composer install"}}},
	{`scenecast:[a-z]+( .*)?`, witness{"e2e/snippets_composer_test.go", []string{"func (r *reader) commandLine(", `"\n**On the command line**: "`}}},
	{`php artisan (install:api|reverb:start|swoole:demo)`, nil},
	{`docker .*|--(ulimit|stop-timeout)( .*)?|-v \./.*`, nil},
	{`--?[a-z].*`, func(r *reader, i inline) { r.checkFlags(i, strings.Fields(i.code), "") }},
}

// command matches what must have a rule.
var command = regexp.MustCompile(`^((bin/)?scenecast|make|go (run|test)|npm|npx|composer|php artisan|docker) [a-z./-]|^scenecast:|^--?[a-z]`)

// TestProseCommands: the program knows the commands and flags that the text of documents names, and so do the others of the repository. The Chinese
// documents name the same, which TestDocumentsInChinese holds.
func TestProseCommands(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	used, seen := make([]bool, len(proseRules)), make(map[string]bool)
	for _, document := range documents(t) {
		document = strings.TrimPrefix(document, "../")
		text := regexp.MustCompile("(?ms)^ *```.*?^ *```$").ReplaceAllString(r.repository(document), "")
		for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
			i := inline{document: document, code: strings.Join(strings.Fields(span[1]), " ")}
			if seen[i.code] || !command.MatchString(i.code) {
				continue
			}
			seen[i.code] = true
			known := false
			for n, rule := range proseRules {
				if known = regexp.MustCompile(`^(?:` + rule.code + `)$`).MatchString(i.code); !known {
					continue
				}
				used[n] = true
				switch do := rule.do.(type) {
				case witness:
					do.check(t)
				case func(*reader, inline):
					do(r, i)
				}
				break
			}
			if !known {
				t.Errorf("%s: this test does not know %q", document, i.code)
			}
		}
	}
	for n, rule := range proseRules {
		if !used[n] {
			t.Errorf("no document names a command like %s", rule.code)
		}
	}
	if len(seen) < 100 {
		t.Errorf("found only %d commands: this test does not read the documents any more", len(seen))
	}
}

// parseInline has the program read a command, and do nothing. The names alone of commands are looked up in docs/cli.md, which is written from them.
func (r *reader) parseInline(i inline) {
	r.t.Helper()
	if strings.ContainsAny(i.code, ";&|<>$`") {
		r.t.Errorf("%s: %s is more than one command", i.document, i.code)
	}
	if strings.Contains(r.repository("docs/cli.md"), "\n## "+strings.TrimPrefix(i.code, "bin/")+"\n") {
		return
	}
	command, flag := i.code, regexp.MustCompile(` --[a-z-]+$`).FindString(i.code) // which may want a value
	command = strings.TrimSuffix(command, flag)
	help := r.parse(command)
	if _, flags, _ := strings.Cut(help, "\nFlags:\n"); !strings.Contains(flags, flag+" ") {
		r.t.Errorf("%s: %s has no flag%s:\n%s", i.document, command, flag, help)
	}
}

// goFlags are those that go test has itself.
var goFlags = regexp.MustCompile(`^(bench|benchmem|benchtime|count|cpu|race|run|short|timeout|v)$`)

// checkGo looks up the package of go run and go test, and there the flags, and the tests and benchmarks that it names.
func (r *reader) checkGo(i inline) {
	r.t.Helper()
	arguments, folder := strings.Fields(i.code)[2:], ""
	for _, argument := range arguments {
		if found, isFolder := strings.CutPrefix(argument, "./"); isFolder {
			folder = found
		}
	}
	if _, err := os.Stat(filepath.Join("..", folder)); folder == "" || err != nil {
		r.t.Errorf("%s: %s names no package (%v)", i.document, i.code, err)
		return
	}
	r.checkFlags(i, arguments, folder)
}

// checkFlags looks up the flags of the repository's programs and tests: those of the package in a folder; empty: of any.
func (r *reader) checkFlags(i inline, arguments []string, folder string) {
	r.t.Helper()
	source := ""
	declares := func(words ...string) bool {
		if source == "" {
			source = r.sources(folder)
		}
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(source, word) })
	}
	for n, argument := range arguments {
		if !strings.HasPrefix(argument, "-") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		single := !strings.HasPrefix(argument, "--")
		switch {
		case single && goFlags.MatchString(name), folder == "" && r.hasFlag(name):
		case !declares(`("`+name+`", `, `, "`+name+`", `):
			r.t.Errorf("%s: %s: nothing has a flag %s", i.document, i.code, argument)
		}
		if kind := map[string]string{"run": "Test", "bench": "Benchmark"}[name]; single && kind != "" && n+1 < len(arguments) {
			value := strings.TrimPrefix(strings.Trim(arguments[n+1], "'."), kind)
			if value != "^$" && !declares("\nfunc "+kind+value) {
				r.t.Errorf("%s: %s: there is no %s%s", i.document, i.code, kind, value)
			}
		}
	}
}

// hasFlag is whether a command of the program has a flag. docs/cli.md is written from what it has.
func (r *reader) hasFlag(name string) bool {
	r.t.Helper()
	return name == "version" || name == "help" || strings.Contains(r.repository("docs/cli.md"), "\n| `--"+name+"` |")
}

// sources are the Go files of a folder; empty: of the programs and tests of the repository.
func (r *reader) sources(folder string) string {
	r.t.Helper()
	patterns := []string{folder + "/*.go"}
	if folder == "" {
		patterns = []string{"*/*_test.go", "*/*/*_test.go", "bench/*/*.go", "cmd/*/*.go"}
	}
	var all strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob("../" + pattern)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, file := range files {
			all.WriteString(r.repository(strings.TrimPrefix(filepath.ToSlash(file), "../")))
		}
	}
	return all.String()
}
