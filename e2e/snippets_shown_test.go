package e2e_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scenecast/doctor"
)

// shownRule says what holds a block without a language, or of text.
type shownRule struct {
	document, code string // regular expressions
	do             any    // a witness, or a func(*testing.T, snippet)
}

var shownRules = []shownRule{
	{`docs/tutorial-.*`, ``, witness{"cmd/scenecast/tutorials_test.go", []string{"func TestTutorials(", `case language == "text"`}}},
	{`docs/cluster.md`, `^publish: `, witness{"engine/nats/external_test.go", []string{"func TestExternal(", `"publish:"`, "docs/cluster.md"}}},
	{`docs/cluster.md`, `^ACL SETUSER `, witness{"engine/redis/start_test.go", []string{"func TestLeastRights(", "docs/cluster.md", "ACL SETUSER scenecast "}}},
	{`docs/registry.md`, `^ACL SETUSER `, witness{"server/registry_test.go", []string{"func TestRegistryDocument(", `documented(t, "registry.md", "text", "ACL SETUSER")`}}},
	{`docs/capacity.md`, `^memory of the server = `, witness{"capacity/estimate_test.go", []string{"func TestCapacityDocument("}}}, // the table that it gives
	{`docs/hooks.md`, `^retry: `, witness{"e2e/snippets_json_test.go", []string{"func TestHooksDocument("}}},
	{`docs/operations.md`, `^\$ scenecast doctor `, checkDoctor},
	{`docs/protocol.md`, `^ws://`, checkAddress},
	{`docs/protocol.md`, `^retry: `, checkRefusal},
	{`docs/cli.md`, `^api_keys:`, checkDigest},
	{`ARCHITECTURE.md`, `─`, checkDrawing},
}

// TestShownSnippets: each block that is shown, and in no language, is held by what it is about. Commands in such blocks are TestShellSnippets'.
func TestShownSnippets(t *testing.T) {
	t.Parallel()
	used := make([]bool, len(shownRules))
	for _, document := range documents(t) {
		for _, s := range snippetsOf(t, document) {
			if s.language != "text" && s.language != "" || len(commandsOf(s)) > 0 {
				continue
			}
			i := slices.IndexFunc(shownRules, func(rule shownRule) bool {
				return regexp.MustCompile(`^\.\./`+rule.document+`$`).MatchString(document) && regexp.MustCompile(rule.code).MatchString(s.code)
			})
			if i < 0 {
				t.Errorf("%s: this test does not know what holds\n%s", s.place, s.code)
				continue
			}
			used[i] = true
			switch do := shownRules[i].do.(type) {
			case witness:
				do.check(t)
			case func(*testing.T, snippet):
				do(t, s)
			}
		}
	}
	for i, rule := range shownRules {
		if !used[i] {
			t.Errorf("%s has no block like %s", rule.document, rule.code)
		}
	}
}

// checkDoctor: the doctor has these checks, in this order, as many had each outcome as it says, and the command reads its flags.
func checkDoctor(t *testing.T, s snippet) {
	t.Helper()
	command, rest, _ := strings.Cut(strings.TrimPrefix(s.code, "$ "), "\n")
	newReader(t).parse(command)
	var names []string
	counts := make(map[string]int)
	for _, line := range regexp.MustCompile(`(?m)^(ok|warning|failure|skipped) +([a-z0-9_.]+) +\S`).FindAllStringSubmatch(rest, -1) {
		counts[line[1]]++
		name := line[2]
		if !slices.Contains(doctor.Names(), name) { // a part of a check, as proxy.tls
			name, _, _ = strings.Cut(name, ".")
		}
		names = append(names, name)
	}
	if names = slices.Compact(names); !slices.Equal(names, doctor.Names()) {
		t.Errorf("%s: the checks are\n%q, and the doctor has\n%q", s.place, names, doctor.Names())
	}
	want := fmt.Sprintf("%d ok, %d warnings, %d failures, %d skipped\n", counts["ok"], counts["warning"], counts["failure"], counts["skipped"])
	if !strings.HasSuffix(s.code, "\n"+want) {
		t.Errorf("%s: it shows %s", s.place, want)
	}
}

// checkAddress connects a page to the address.
func checkAddress(t *testing.T, s snippet) {
	t.Helper()
	query, isNative := strings.CutPrefix(strings.TrimSpace(s.code), "ws://host:9502/v1/connect?")
	if !isNative {
		t.Fatalf("%s: %s", s.place, s.code)
	}
	serve(t, anyPort).openSocket(t, strings.Replace(query, "CLIENT_TOKEN", token, 1), "", "")
}

// checkRefusal: a stream that is one too many is answered so, but for the numbers.
func checkRefusal(t *testing.T, s snippet) {
	t.Helper()
	b := serveWith(t, anyPort, map[string]string{"limits.connections": "1"})
	b.openSocket(t, "token="+token, "", "")
	got := openEvents(t, b.url("/v1/events?page=home"), token).next()
	steady := func(text string) string {
		return regexp.MustCompile(`(retry: |may be: )\d+`).ReplaceAllString(strings.TrimSpace(text), "${1}N")
	}
	if steady(got) != steady(s.code) {
		t.Errorf("%s: the stream is\n%s\nand the document shows\n%s", s.place, got, s.code)
	}
}

// checkDigest has a server run with a digest that the command has just printed, and a call that shows the key.
func checkDigest(t *testing.T, s snippet) {
	t.Helper()
	key, digest, _ := strings.Cut(newReader(t).run("scenecast token key"), "\n")
	code := strings.Replace(s.code, "sha256:…", strings.TrimSpace(digest), 1)
	settings, isKeys := strings.CutPrefix(code, "api_keys:\n")
	if !isKeys || code == s.code {
		t.Fatalf("%s: %s", s.place, s.code)
	}
	b := serveWith(t, anyPort, map[string]string{"api_keys": settings})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url("/v1/self"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s: a key whose digest is there is answered %s", s.place, answer.Status)
	}
}

// checkDrawing: the methods that a drawing names are there, and so are their types.
func checkDrawing(t *testing.T, s snippet) {
	t.Helper()
	var source strings.Builder
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if err == nil && filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			content, err := os.ReadFile(path)
			source.Write(content)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b([A-Z]\w+)\.([A-Z]\w+)`).FindAllStringSubmatch(s.code, -1)
	if len(named) == 0 {
		t.Errorf("%s: it names no method:\n%s", s.place, s.code)
	}
	for _, name := range named {
		for _, pattern := range []string{`(?m)^\t?(type )?` + name[1] + ` (struct|interface) `, `(?m)^(\t|func \(.*\) )` + name[2] + `\(`} {
			if !regexp.MustCompile(pattern).MatchString(source.String()) {
				t.Errorf("%s: there is no %s", s.place, name[0])
			}
		}
	}
}
