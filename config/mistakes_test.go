package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"scenecast/config"
)

// mistakes loads a file and returns the lines of the error, with FILE for its path.
func mistakes(t *testing.T, content string) []string {
	t.Helper()
	path := write(t, content)
	_, err := config.Load(config.Sources{File: path})
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), path, "FILE"), "\n")
}

// TestMistakes: each is told with its line and its key. An … at the end stands for the words of other packages.
func TestMistakes(t *testing.T) {
	const sizes, times = "is no size up to 1GiB; write it as 512, 64KiB or 1MiB", "is no length of time; write it as 90s, 1m30s or 250ms"
	for _, c := range []struct {
		file string
		want []string
	}{
		// Keys.
		{"listne: x", []string{"FILE:1: listne: there is no such setting; did you mean listen?"}},
		{"\n\nxyz: 1", []string{"FILE:3: xyz: there is no such setting"}},
		{"websocket:\n  ping_intervall: 1s", []string{"FILE:2: websocket.ping_intervall: there is no such setting; did you mean ping_interval?"}},
		{"max_body: 1MiB", []string{"FILE:1: max_body: there is no such setting"}},
		{"Listen: ':1'", []string{"FILE:1: Listen: there is no such setting; did you mean listen?"}},
		{"listen: ':1'\nlisten: ':2'", []string{"FILE:2: listen: is there twice"}},
		{"http: {max_body: 1KiB, max_body: 2KiB}", []string{"FILE:1: http.max_body: is there twice"}},
		{"<<: {listen: ':1'}", []string{"FILE:1: <<: there is no such setting"}},

		// Types.
		{"[listen]", []string{"FILE:1: takes a mapping of keys to values, not a list"}},
		{"listen", []string{"FILE:1: takes a mapping of keys to values, not a single value"}},
		{"websocket: 5s", []string{"FILE:1: websocket: takes a mapping of keys to values, not a single value"}},
		{"websocket: [5s]", []string{"FILE:1: websocket: takes a mapping of keys to values, not a list"}},
		{"listen: [':1']", []string{"FILE:1: listen: takes one value, not a list"}},
		{"drain:\n  seconds: 5", []string{"FILE:2: drain: takes one value, not a mapping"}},
		{"client_tokens: a", []string{"FILE:1: client_tokens: takes a list, not a single value"}},
		{"client_tokens: {a: b}", []string{"FILE:1: client_tokens: takes a list, not a mapping"}},
		{"client_tokens:\n- a\n- [b]", []string{"FILE:3: client_tokens: takes a list of texts"}},
		{"page_token_may_trigger: yes", []string{`FILE:1: page_token_may_trigger: takes true or false, not "yes"`}},
		{"page_token_may_trigger: 1", []string{`FILE:1: page_token_may_trigger: takes true or false, not "1"`}},
		{"labels: {max_count: many}", []string{`FILE:1: labels.max_count: takes a whole number, not "many"`}},
		{"labels: {max_count: -1}", []string{`FILE:1: labels.max_count: takes a whole number, not "-1"`}},
		{"labels: {max_count: 1.5}", []string{`FILE:1: labels.max_count: takes a whole number, not "1.5"`}},

		// Units.
		{"drain: 30", []string{`FILE:1: drain: "30" ` + times}},
		{"drain: -1s", []string{`FILE:1: drain: "-1s" ` + times}},
		{"drain: 1d", []string{`FILE:1: drain: "1d" ` + times}},
		{"drain: ''", []string{`FILE:1: drain: "" ` + times}},
		{"http: {max_body: 1MB}", []string{`FILE:1: http.max_body: "1MB" ` + sizes}},
		{"http: {max_body: -1}", []string{`FILE:1: http.max_body: "-1" ` + sizes}},
		{"http: {max_body: 1.5MiB}", []string{`FILE:1: http.max_body: "1.5MiB" ` + sizes}},
		{"http: {max_body: 2GiB}", []string{`FILE:1: http.max_body: "2GiB" ` + sizes}},
		{"http: {max_body: 1mib}", []string{`FILE:1: http.max_body: "1mib" ` + sizes}},

		// Values.
		{"listen: 9502", []string{`FILE:1: listen: "9502" is no address; write it as :9502 or 127.0.0.1:9502`}},
		{"listen: ''", []string{`FILE:1: listen: "" is no address; write it as :9502 or 127.0.0.1:9502`}},
		{"listen: ':65536'", []string{`FILE:1: listen: "65536" is no port; ports are 0 (any free one) to 65535`}},
		{"listen: ':-1'", []string{`FILE:1: listen: "-1" is no port; ports are 0 (any free one) to 65535`}},
		{"listen: ':http'", []string{`FILE:1: listen: "http" is no port; ports are 0 (any free one) to 65535`}},
		{"listen: ':'", []string{`FILE:1: listen: "" is no port; ports are 0 (any free one) to 65535`}},
		{"log: {level: loud}", []string{`FILE:1: log.level: "loud" is no level; the levels are debug, info, warn and error`}},
		{"log:\n  format: xml", []string{`FILE:2: log.format: "xml" is no format; the formats are text and json`}},
		{"tls: {cert: a.pem}", []string{"FILE:1: tls.cert: tls needs both cert and key, or none"}},
		{"tls:\n\n  key: a.pem", []string{"FILE:3: tls.key: tls needs both cert and key, or none"}},
		{"websocket: {pong_wait: 0}", []string{"FILE:1: websocket.pong_wait: must be more than 0"}},
		{"labels: {max_count: 0}", []string{"FILE:1: labels.max_count: must be more than 0"}},
		{"http: {max_head: 0B}", []string{"FILE:1: http.max_head: must be more than 0"}},
		{"outbox: {max_bytes: 1KiB}", []string{"FILE:1: outbox.max_bytes: 1KiB is less than http.max_body (256KiB): such a push could reach nobody"}},
		{"http: {max_body: 2MiB}", []string{"defaults: outbox.max_bytes: 1MiB is less than http.max_body (2MiB): such a push could reach nobody"}},

		// Secrets.
		{"client_tokens: [a, '']", []string{"FILE:1: client_tokens: holds an empty token"}},
		{"client_tokens: [~]", []string{"FILE:1: client_tokens: holds an empty token"}},
		{"client_tokens: [null]", []string{"FILE:1: client_tokens: holds an empty token"}},
		{"client_tokens: [(hidden)]", []string{"FILE:1: client_tokens: (hidden) stands for a token; put one of your own there"}},
		{"api_keys: k", []string{"FILE:1: api_keys: takes a list of {name, key, allow}, not a single value"}},
		{"api_keys: {name: a, key: k}", []string{"FILE:1: api_keys: takes a list of {name, key, allow}, not a mapping"}},
		{"api_keys: [k]", []string{
			"FILE:1: api_keys: takes a mapping of keys to values, not a single value",
			"FILE:1: api_keys: an API key needs a name (for the log) and a key (the secret)"}},
		{"api_keys:\n- name: a\n  kye: k", []string{
			"FILE:3: api_keys.kye: an API key has name, key and allow",
			"FILE:2: api_keys: an API key needs a name (for the log) and a key (the secret)"}},
		{"api_keys:\n- key: k", []string{"FILE:2: api_keys: an API key needs a name (for the log) and a key (the secret)"}},
		{"api_keys: [{name: a, key: null}]", []string{"FILE:1: api_keys: an API key needs a name (for the log) and a key (the secret)"}},
		{"api_keys: [{name: a, key: [k]}]", []string{"FILE:1: api_keys: an API key needs a name (for the log) and a key (the secret)"}},
		{"api_keys: [{name: a, key: k, key: l}]", []string{"FILE:1: api_keys.key: is there twice"}},
		{"api_keys:\n- {name: a, key: k, allow: [push, pull]}", []string{`FILE:2: api_keys.allow: "pull" is no scope; the scopes are [push trigger]`}},
		{"api_keys: [{name: a, key: k, allow: push}]", []string{"FILE:1: api_keys.allow: takes a list, not a single value"}},
		{"api_keys: [{name: a, key: KEY}]", []string{"FILE:1: api_keys: KEY stands for a key; put one of your own there"}},
		{"api_keys:\n- {name: a, key: k}\n- {name: b, key: k}", []string{"FILE:2: api_keys: a and b have the same key"}},
		{"client_tokens: [t]\napi_keys: [{name: a, key: t}]", []string{
			"FILE:2: api_keys: the key of a is also in client_tokens, which everybody who opens a page can read"}},

		// Triggers.
		{"triggers: [a]", []string{"FILE:1: triggers: takes a mapping of keys to values, not a list"}},
		{"triggers: {a: b}", []string{"FILE:1: triggers.a: takes a mapping of keys to values, not a single value"}},
		{"triggers:\n  a:\n", []string{"FILE:2: triggers.a.to: missing: which pages"}},
		{"triggers:\n  a: {message: 1}", []string{"FILE:2: triggers.a.to: missing: which pages"}},
		{"triggers:\n  a:\n    to: '*'", []string{"FILE:2: triggers.a.message: missing: what the pages shall get"}},
		{"triggers:\n  a: {to: '*', message: 1}\n  a: {to: '*', message: 2}", []string{"FILE:3: triggers.a: is there twice"}},
		{"triggers:\n  a:\n    to: '*'\n    msg: 1", []string{"FILE:4: triggers.a.msg: a trigger has params, to and message"}},
		{"triggers:\n  a:\n    message: 1\n    to: 'page = \"home\"'", []string{"FILE:4: triggers.a.to.column 6: …"}},
		{"triggers:\n  a:\n    message: 1\n    to:\n      page: [home, ~]", []string{"FILE:5: triggers.a.to.page: …"}},
		{"triggers:\n  a:\n    message: 1\n    to: {}", []string{"FILE:4: triggers.a.to: …"}},
		{"triggers:\n  a:\n    message: 1\n    to: [home]", []string{"FILE:4: triggers.a.to: …"}},
		{"triggers:\n  a:\n    to: order == $order\n    message: 1", []string{
			"FILE:3: triggers.a.to: $order is not declared under params (none is); a dollar sign is written $$"}},
		{"triggers:\n  a:\n    params: {order: string}\n    to: '*'\n    message:\n      text: costs $price", []string{
			"FILE:6: triggers.a.message: $price is not declared under params (declared: order); a dollar sign is written $$"}},
		{"triggers:\n  a:\n    to: '*'\n    message:\n      b: 1\n      b: 2", []string{"FILE:6: triggers.a.message: the key b is there twice"}},
		{"triggers:\n  a:\n    to: '*'\n    message:\n      b: [1, .nan]", []string{
			"FILE:5: triggers.a.message: .nan is no number that JSON has; in quotes it is a text"}},
		{"triggers:\n  a: {to: '*', message: -.inf}", []string{"FILE:2: triggers.a.message: -.inf is no number that JSON has; in quotes it is a text"}},
		{"triggers:\n  a: {to: '*', message: {[1]: 2}}", []string{"FILE:2: triggers.a.message: a key is a text"}},
		{"triggers:\n  a: {to: '*', message: &m [*m]}", []string{"FILE:2: triggers.a.message: nests deeper than 32"}},
		{"triggers:\n  a: {to: '*', message: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", []string{
			"FILE:2: triggers.a.message: nests deeper than 32"}},
		{"triggers:\n  a:\n    params: [order]", []string{"FILE:3: triggers.a.params: takes a mapping of keys to values, not a list"}},
		{"triggers:\n  a:\n    params:\n      a: string\n      order: text\n    to: '*'\n    message: 1", []string{
			`FILE:5: triggers.a.params.order: "text" is no type; the types are [string integer number boolean]`}},
		{"triggers:\n  a:\n    params:\n      order:\n    to: '*'\n    message: 1", []string{
			`FILE:4: triggers.a.params.order: "" is no type; the types are [string integer number boolean]`}},
		{"triggers:\n  a:\n    params:\n      order-id: string\n    to: '*'\n    message: 1", []string{
			`FILE:4: triggers.a.params.order-id: "order-id" is no parameter name: a letter or '_', then letters, digits or '_'`}},
		{"triggers:\n  a:\n    params:\n      n: {type: integer, default: 1.5}\n    to: '*'\n    message: 1", []string{
			"FILE:4: triggers.a.params.n: the default is not of the type integer"}},
		{"triggers:\n  a:\n    params:\n      n: {type: integer, defualt: 1}\n    to: '*'\n    message: 1", []string{
			"FILE:4: triggers.a.params.n.defualt: a parameter has type and default"}},
		{"triggers:\n  a:\n    params:\n      n: string\n      n: string\n    to: '*'\n    message: 1", []string{
			"FILE:5: triggers.a.params.n: is there twice"}},
		{"triggers:\n  a:\n    params:\n      n: {default: .nan}\n    to: '*'\n    message: 1", []string{
			"FILE:4: triggers.a.params.n.default: .nan is no number that JSON has; in quotes it is a text"}},

		// Aliases are what they stand for.
		{"drain: &d soon\nlog: {level: *d}", []string{
			`FILE:1: drain: "soon" ` + times,
			`FILE:1: log.level: "soon" is no level; the levels are debug, info, warn and error`}},

		// YAML.
		{"listen: [", []string{"FILE:1: did not find expected node content"}},
		{"drain: 1s\nlog:\n\tlevel: info", []string{"FILE:3: found character that cannot start any token"}},
		{"drain: 1s\n log: x", []string{"FILE:2: mapping values are not allowed in this context"}},
		{"drain: *later", []string{"FILE: unknown anchor 'later' referenced"}},
		{"drain: 1s\n---\ndrain: 2s", []string{"FILE:2: a second document begins; a configuration is one"}},

		// All in one run.
		{"lissten: ':1'\nlog:\n  level: loud\n  format: xml\nhttp:\n  max_body: 1MB\n  max_head: 0\ntriggers:\n  a:\n    to: ''\n    message: 1\n  b:\n", []string{
			"FILE:1: lissten: there is no such setting; did you mean listen?",
			`FILE:6: http.max_body: "1MB" ` + sizes,
			"FILE:10: triggers.a.to.column 1: …",
			"FILE:12: triggers.b.to: missing: which pages",
			`FILE:3: log.level: "loud" is no level; the levels are debug, info, warn and error`,
			`FILE:4: log.format: "xml" is no format; the formats are text and json`,
			"FILE:7: http.max_head: must be more than 0"}},
		{"http: {max_body: 0, max_head: 0, idle_timeout: 0}\noutbox: {max_bytes: 0}", []string{
			"FILE:2: outbox.max_bytes: must be more than 0",
			"FILE:1: http.max_body: must be more than 0",
			"FILE:1: http.max_head: must be more than 0",
			"FILE:1: http.idle_timeout: must be more than 0"}},
		{"outbox: {max_bytes: 9MB}\nhttp: {max_body: 8MiB}", []string{ // what could not be read is not compared
			`FILE:1: outbox.max_bytes: "9MB" ` + sizes}},
	} {
		got := mistakes(t, c.file)
		if !slices.EqualFunc(got, c.want, matches) {
			t.Errorf("%s\n\tmakes the mistakes\n%s\twant\n%s", c.file, lines(got), lines(c.want))
		}
	}
}

func matches(got, want string) bool {
	beginning, cut := strings.CutSuffix(want, "…")
	return got == want || cut && strings.HasPrefix(got, beginning)
}

func lines(s []string) string { return "\t\t" + strings.Join(s, "\n\t\t") + "\n" }

// TestMistakeSources: a mistake is told where the value in force came from.
func TestMistakeSources(t *testing.T) {
	file := write(t, "log: {level: loud, format: xml}")
	_, err := config.Load(config.Sources{
		File:    file,
		Environ: []string{"SCENECAST_LOG_LEVEL=louder", "SCENECAST_DRAIN=x", "SCENECAST_CLIENT_TOKENS=a,(hidden)"},
		Flags:   map[string]string{"log.level": "loudest", "listen": "x"},
	})
	want := []string{
		`SCENECAST_DRAIN: drain: "x" is no length of time; write it as 90s, 1m30s or 250ms`,
		`command line: listen: "x" is no address; write it as :9502 or 127.0.0.1:9502`,
		`command line: log.level: "loudest" is no level; the levels are debug, info, warn and error`,
		file + `:1: log.format: "xml" is no format; the formats are text and json`,
		`SCENECAST_CLIENT_TOKENS: client_tokens: (hidden) stands for a token; put one of your own there`,
	}
	if got := fmt.Sprint(err); got != strings.Join(want, "\n") {
		t.Errorf("the mistakes are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestAliasBomb: a small file cannot make a message that fills the memory.
func TestAliasBomb(t *testing.T) {
	content := "triggers:\n  t:\n    to: '*'\n    message:\n      a0: &a0 [x, x, x, x, x, x, x, x]\n"
	for i := range 20 {
		content += fmt.Sprintf("      a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i, i)
	}
	got := mistakes(t, content)
	if len(got) != 1 || !strings.HasSuffix(got[0], ": triggers.t.message: is longer than 1MiB") {
		t.Errorf("the mistakes are %q", got)
	}
}

// TestAliases: everywhere, an alias is the value that it stands for, and never its own name.
func TestAliases(t *testing.T) {
	c := load(t, config.Sources{File: write(t, `
tutorial: &t {welcome: &w hello}
log: {level: &l warn}
client_tokens: &c [&a one, *w]
api_keys:
  - &k {name: *l, key: &s two, allow: &x [push]}
  - {name: b, key: three, allow: *x}
triggers:
  x: &b {params: &p {u: &u string}, to: &to '*', message: [*w, {*w : *a}]}
  y: {params: {u: *u, v: {type: *u, default: *w}}, to: *to, message: *w}
  z: *b
`)})
	got := fmt.Sprintf("%s %s %s %v", c.Tutorial.Welcome, c.Log.Level, c.ClientTokens, c.APIKeys)
	if want := "hello warn [one hello] [{warn two [push]} {b three [push]}]"; got != want {
		t.Errorf("the settings are\n\t%s, want\n\t%s", got, want)
	}
	for i, want := range []string{
		`x [{u string }] "*" ["hello",{"hello":"one"}]`,
		`y [{u string } {v string "hello"}] "*" "hello"`,
		`z [{u string }] "*" ["hello",{"hello":"one"}]`,
	} {
		d := c.Triggers[i].Declaration
		if got := fmt.Sprintf("%s %s %s %s", c.Triggers[i].Name, d.Params, d.To, d.Message); got != want {
			t.Errorf("a trigger is\n\t%s, want\n\t%s", got, want)
		}
	}
}
