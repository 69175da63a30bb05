package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"scenecast/config"
	"scenecast/push"
)

// FuzzLoadFile: no file makes a panic, what is wrong is told with the file's name, and what loads can be printed and
// loaded again.
func FuzzLoadFile(f *testing.F) {
	for _, content := range []string{
		"", "{}", "[", "a: b", "- a", "---\n---\n", "<<: *x", "? [a]\n: b", "listen: &a ':1'\ndrain: *a", "client_tokens: &a [*a]", "&a {*a : *a}",
		"labels: !!int 7", "listen: !!binary aGk=", "drain: 5s\nlog:\n  level: info\n  format: json\n",
		"api_keys: [{name: a, key: b, allow: [push]}]", "client_tokens: [\"\\x7f\", ~]",
		"triggers: {t: {params: {a: {type: number, default: .5}}, to: {a: $a}, message: {1: [0x1F, 1_0, .inf, 2001-01-01], <<: {a: b}}}}",
		"triggers: {t: {to: '*', message: &m [*m]}}", "triggers: {? a\n : {to: '*', message: !!float '1'}, \"\\x00\": {}}",
		"client_tokens: [a, {token: b, labels: {plan: pro, tag: [a, b], _: ''}, user: 42}, &x {token: c, user: ~}]\nlabels: {client: [], max_count: 3}",
		"client_tokens: &a [{token: *a, labels: *a}]", "labels: &l {client: *l}", "labels: {client: [&p page, *p, @id, ~]}", "client_tokens: [{*a : &a b}]",
		"apps: {shop: {client_tokens: [a], api_keys: [{name: a, key: b}], triggers: {t: {to: '*', message: 1}}, labels: {client: [page]}}, _-1: ~}",
		"limits: {trusted_proxies: [10.0.0.0/8, &p '::1', *p, 1, ~, []], connections: 7}",
		"apps: &a {b: *a}", "apps: {default: {}, a.b: {}, ? [] : {}}", "client_tokens: [a]\napps: {b: {client_tokens: [a]}, c: {labels: ~}}",
		"http: {allowed_origins: ['*', https://a.example, 'http://[::1]:8080', capacitor://localhost, null, ~, 'http://%41']}",
		config.New(config.Reference, "a", "b"),
	} {
		f.Add(content)
	}
	directory := f.TempDir()
	load := func(t *testing.T, content string) (config.Config, string, error) {
		path := filepath.Join(directory, "scenecast.yaml") // one worker, one file
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{File: path})
		return c, path, err
	}
	f.Fuzz(func(t *testing.T, content string) {
		c, path, err := load(t, content)
		if err != nil {
			if !strings.Contains(err.Error(), path) && !strings.Contains(err.Error(), "defaults: ") {
				t.Errorf("%q: the mistake is in the file, which is not said: %v", content, err)
			}
			return
		}
		printed := restore(config.Print(c), &c)
		if strings.Contains(printed, "(hidden)") {
			return // of its own, in a text
		}
		again, _, err := load(t, printed)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%q\nloads as\n\t%+v, is printed as\n%s\nand that loads as\n\t%+v, %v", content, c, printed, again, err)
		}
	})
}

// FuzzPrint: whatever the texts are, what is printed loads to the same configuration.
func FuzzPrint(f *testing.F) {
	for _, seed := range []string{
		"", "home", "null", "~", "1.10", "true", "a: b", "# a", "- a", "? a", "<<", "*a", "&a", "!a", "|", ">", "%", "@", "`", "'", `"`, "\\", " a ", "a\n b\n",
		"\x00", "\x7f", "\u0085", "\u2028", "\ufeff", "\ufffe", "\uffff", "😀", "---", "...", "=", "0x10", "2001-01-01", "<&>", "[a", "{a", "a,b", "\t",
		strings.Repeat("long ", 100),
	} {
		f.Add(seed, seed)
	}
	path := filepath.Join(f.TempDir(), "scenecast.yaml")
	f.Fuzz(func(t *testing.T, name, text string) {
		name, text = strings.ToValidUTF8(name, "?"), strings.ToValidUTF8(text, "?")
		message, err := json.Marshal(map[string]any{text: []any{text, 1.5}})
		if err != nil {
			t.Fatal(err)
		}
		message = bytes.ReplaceAll(message, []byte("$"), []byte("S")) // no parameters here
		c := config.Default()
		c.Tutorial.Welcome = text
		c.Triggers = []config.Trigger{{Name: name, Declaration: push.Declaration{To: []byte(`"*"`), Message: message}}}

		printed := config.Print(c)
		if err := os.WriteFile(path, []byte(printed), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := config.Load(config.Sources{File: path})
		if err != nil {
			t.Fatalf("%q and %q are printed as\n%s\nwhich has mistakes: %v", name, text, printed, err)
		}
		got := again.Triggers[0]
		var same bytes.Buffer
		json.HTMLEscape(&same, got.Declaration.Message)
		if again.Tutorial.Welcome != text || got.Name != name || !bytes.Equal(same.Bytes(), message) {
			t.Errorf("%q and %q are printed as\n%s\nwhich loads as %q, %q and %s", name, text, printed, again.Tutorial.Welcome, got.Name, same.Bytes())
		}
	})
}
