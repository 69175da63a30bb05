package main_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestLanguageOfCommands: under a Chinese locale, each line that commands print for people, at a server that runs, is Chinese.
func TestLanguageOfCommands(t *testing.T) {
	const token, key = "a-token-of-pages", "a-key-of-an-operator"
	server := launch(t, []string{"SCENECAST_API_KEYS=[{name: operator, key: " + key + ", allow: [admin, push, read]}]", "SCENECAST_DEBUG_LISTEN=127.0.0.1:0"},
		"serve", "--listen", "127.0.0.1:0", "--client-token", token)
	debug := line(t, server.stderr, `msg="?debug.* addr=(\S+)`)
	url := "http://" + line(t, server.stderr, `msg=listening addr=(\S+)`)
	dir, alone := t.TempDir(), []string{"LANG=zh_CN.UTF-8"}
	env := slices.Concat(alone, []string{"SCENECAST_URL=" + url, "SCENECAST_CLIENT_TOKEN=" + token, "SCENECAST_API_KEY=" + key})
	check := func(t *testing.T, text, names string) {
		t.Helper()
		isName := regexp.MustCompile(`^(` + names + `)$`)
		for text := range strings.Lines(text) {
			text = strings.TrimSpace(text)
			if text != "" && !isName.MatchString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("prints the line %q", text)
			}
		}
	}
	const anyCode = -1
	const json = `[{}].*|\[|\]|".*`
	for _, c := range []struct {
		args  string
		code  int
		env   []string
		names string // what is a name, a value or JSON alone, as a regular expression of whole lines
	}{
		{"help", 0, env, `scenecast \[command\]|scenecast \S+ .*`},
		{"config init", 0, env, ""},
		{"config check", 0, env, ""},
		{"token key", 0, env, `\w{26}|sha256:\w{64}`},
		{"doctor", anyCode, alone, ""}, // what it finds is up to the machine
		{"nodes", 0, env, ""},
		{"top --once --every 100ms --url http://" + debug, 0, env, `\d+ .*`},
		{"top --once", 1, env, ""},
		{"push --to * 1", 0, env, json},
		{"push --to page= 1", 1, env, ""},
		{"push --to * --url http://127.0.0.1:1 1", 1, env, ""},
		{"listen --url localhost", 1, env, ""},
		{"bench --pages 4 --rounds 1 --pushes 2 --to one --to few", 0, env, ""},
		{"bench --pages 4 --duration 10ms --churn 1/s", 0, env, `http://127.0.0.1:\d+( +[\d.µms]+)+`},
		{"bench --pages 4 --to plan=='a'", 1, env, ""},
		{"bench --pages 4 --api-key wrong", 1, env, ""},
		{"log verify", 1, env, ""},
		{"log verify --data-dir none", 1, env, ""},
		{"handover", 1, env, ""},
		{"handover", 1, slices.Concat(env, []string{"SCENECAST_HANDOVER=none.sock"}), ""},
		{"reload", 0, env, ""},
		{"drain", 0, env, ""},
		{"drain --undo", 0, env, ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			out, errs, code := run(t, dir, c.env, strings.Fields(c.args)...)
			if code != c.code && c.code != anyCode {
				t.Errorf("exit %d", code)
			}
			check(t, out+errs, c.names)
			if t.Failed() {
				t.Logf("of\n%s%s", out, errs)
			}
		})
	}
	page := launch(t, env, "listen", "--label", "page=home")
	check(t, line(t, page.stderr, `^(.+)$`), "")
	page.terminate()
	server.terminate()
}
