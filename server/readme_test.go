package server_test

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a fenced block; command is a curl line in one of shell commands, with the lines that its quotes go on over.
var (
	block   = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")
	command = regexp.MustCompile(`(?m)^curl (?:[^'\n]|'[^']*')*`)
)

// readme reads one of the READMEs: its text, and its blocks by what they are.
func readme(t *testing.T, path string) (text string, blocks map[string][]string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks = make(map[string][]string)
	for _, m := range block.FindAllStringSubmatch(string(content), -1) {
		blocks[m[1]] = append(blocks[m[1]], m[2])
	}
	return string(content), blocks
}

// curls are the curl lines of a README.
func curls(blocks map[string][]string) (lines []string) {
	for _, shell := range blocks["sh"] {
		lines = append(lines, command.FindAllString(shell, -1)...)
	}
	return lines
}

// TestReadme runs every curl line of both READMEs, which are the same, in a shell, against a server with the trigger that they
// declare. Of the pages that are connected, each push must reach exactly the one that the README says; user 42's is the one whose
// token says so, and not the two that claim it.
func TestReadme(t *testing.T) {
	_, english := readme(t, "../README.md")
	_, chinese := readme(t, "../README.zh-CN.md")
	lines := curls(english)
	if !slices.Equal(lines, curls(chinese)) || len(lines) < 9 {
		t.Fatalf("the READMEs have the curl lines\n%s\nand\n%s", strings.Join(lines, "\n"), strings.Join(curls(chinese), "\n"))
	}
	if !slices.Equal(english["yaml"], chinese["yaml"]) || !slices.Equal(english["html"], chinese["html"]) || len(english["yaml"]) != 1 {
		t.Fatalf("the READMEs have the settings %q and %q, and the tags %q and %q", english["yaml"], chinese["yaml"], english["html"], chinese["html"])
	}
	declared, ok := strings.CutPrefix(english["yaml"][0], "triggers:\n")
	if !ok {
		t.Fatalf("the READMEs declare no triggers: %s", english["yaml"][0])
	}
	s := start(t, map[string]string{
		"api_keys":      "[{name: all, key: API_KEY}]",
		"client_tokens": `[` + pageToken + `, {token: token-of-42, user: "42"}]`,
		"triggers":      declared,
	}, nil)
	s.page("page=home")
	s.page("page=login&user=42")
	s.page("page=list&user=42")
	s.pageAs("token-of-42", "page=login")
	s.page("page=order&order=7&plan=pro&locale=zh-CN")
	s.page("page=order&order=8&plan=free&locale=en")
	want := map[string]string{
		`"hello"`:                   `"matched":1,"queued":1`,
		`"hello, 42"`:               `"matched":1,"queued":1`,
		`"订单 7 已发货"`:                `"matched":1,"queued":1`,
		"func=orderShipped":         `"matched":1`,
		"/v1/triggers/orderShipped": `"matched":1,"queued":1`,
		`"shipped"`:                 `"matched":1,"queued":1,"dropped":0,"written":`,
		"/v1/connections":           `"matched":2`,
		"/v1/labels":                `{"matched":1,"changed":1,"nodes":1,"nodes_known":1}`,
		"/v1/disconnect":            `{"matched":1,"nodes":1,"nodes_known":1}`,
	}
	for _, line := range lines {
		out, err := exec.Command("sh", "-c", strings.ReplaceAll(line, "localhost:9502", s.addr)+" --silent --show-error --fail-with-body").CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		known := false
		for part, answer := range want {
			if strings.Contains(line, part) {
				known = true
				if !strings.Contains(string(out), answer) {
					t.Errorf("%s: %s, want %s", line, out, answer)
				}
			}
		}
		if !known {
			t.Errorf("this test does not know what to expect of %s", line)
		}
	}
}

// TestReadmeNames: the READMEs name the Go version of go.mod, and addresses that are there.
func TestReadmeNames(t *testing.T) {
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))[1]
	s := startWith(t, nil, withDemo)
	for _, path := range []string{"../README.md", "../README.zh-CN.md"} {
		text, _ := readme(t, path)
		if !strings.Contains(text, "Go "+version+" ") {
			t.Errorf("%s does not say that it takes Go %s", path, version)
		}
		addresses := regexp.MustCompile("(?:localhost:9502|`)(/(?:demo/|scenecast\\.js|v1/docs|v1/openapi\\.json)?)[`\" ::]").FindAllStringSubmatch(text, -1)
		if len(addresses) < 5 {
			t.Errorf("%s names the addresses %q: this test does not read it any more", path, addresses)
		}
		for _, m := range addresses {
			if status, body := s.call(http.MethodGet, m[1], "", "", ""); status != http.StatusOK {
				t.Errorf("%s names %s, which answers %d %s", path, m[1], status, body)
			}
		}
	}
}
