package server_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shell is a fenced block of shell commands; command is a curl line in one, with the lines that its quotes go on over.
var (
	shell   = regexp.MustCompile("(?s)```sh\n(.*?)```")
	command = regexp.MustCompile(`(?m)^curl (?:[^'\n]|'[^']*')*`)
)

// TestReadme runs every curl line of both READMEs, which are the same, in a shell. Of the pages that are connected, each
// push must reach exactly the one that the README says.
func TestReadme(t *testing.T) {
	english, chinese := curls(t, "../README.md"), curls(t, "../README.zh-CN.md")
	if !slices.Equal(english, chinese) || len(english) < 8 {
		t.Fatalf("the READMEs have the curl lines\n%s\nand\n%s", strings.Join(english, "\n"), strings.Join(chinese, "\n"))
	}
	s := start(t, map[string]string{"api_keys": "[{name: all, key: API_KEY}]"}, nil)
	s.page("page=home")
	s.page("page=login&user=42")
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
		"/v1/labels":                `{"matched":1,"changed":1}`,
		"/v1/disconnect":            `{"matched":1}`,
	}
	for _, line := range english {
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

func curls(t *testing.T, path string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range shell.FindAllStringSubmatch(string(text), -1) {
		lines = append(lines, command.FindAllString(block[1], -1)...)
	}
	return lines
}
