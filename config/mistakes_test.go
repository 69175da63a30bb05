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

// TestMistakes: each is told with its line and its key.
func TestMistakes(t *testing.T) {
	const sizes, times = "is no size up to 1GiB; write it as 512, 64KiB or 1MiB", "is no length of time; write it as 90s, 1m30s or 250ms"
	const origin = "is no origin that a browser sends; write it as …"
	check(t, []mistaken{
		// Keys.
		{"listne: x", []string{"FILE:1: listne: there is no such setting; did you mean listen?"}},
		{"\n\nxyz: 1", []string{"FILE:3: xyz: there is no such setting"}},
		{"websocket:\n  ping_intervall: 1s", []string{"FILE:2: websocket.ping_intervall: there is no such setting; did you mean ping_interval?"}},
		{"max_body: 1MiB", []string{"FILE:1: max_body: there is no such setting"}},
		{"Listen: ':1'", []string{"FILE:1: Listen: there is no such setting; did you mean listen?"}},
		{"listen: ':1'\nlisten: ':2'", []string{"FILE:2: listen: is there twice: in line 1 as well"}},
		{"http: {max_body: 1KiB, max_body: 2KiB}", []string{"FILE:1: http.max_body: is there twice"}},
		{"<<: {listen: ':1'}", []string{"FILE:1: <<: there is no such setting"}},

		// Types.
		{"[listen]", []string{"FILE:1: takes a mapping of keys to values, not a list"}},
		{"listen", []string{"FILE:1: takes a mapping of keys to values, not a single value"}},
		{"websocket: 5s", []string{"FILE:1: websocket: takes a mapping of keys to values, not a single value"}},
		{"websocket: [5s]", []string{"FILE:1: websocket: takes a mapping of keys to values, not a list"}},
		{"listen: [':1']", []string{"FILE:1: listen: takes one value, not a list"}},
		{"drain:\n  seconds: 5", []string{"FILE:2: drain: takes one value, not a mapping"}},
		{"client_tokens: a", []string{"FILE:1: client_tokens: takes a list of tokens, each a text or {token, labels, user}, not a single value"}},
		{"client_tokens: {a: b}", []string{"FILE:1: client_tokens: takes a list of tokens, each a text or {token, labels, user}, not a mapping"}},
		{"client_tokens:\n- a\n- [b]", []string{"FILE:3: client_tokens: an entry is a text or {token, labels, user}, not a list"}},
		{"page_token_may_trigger: yes", []string{`FILE:1: page_token_may_trigger: takes true or false, not "yes"`}},
		{"page_token_may_trigger: 1", []string{`FILE:1: page_token_may_trigger: takes true or false, not "1"`}},
		{"labels: {max_count: many}", []string{`FILE:1: labels.max_count: takes a whole number, not "many"`}},
		{"labels: {max_count: -1}", []string{`FILE:1: labels.max_count: takes a whole number, not "-1"`}},
		{"labels: {max_count: 1.5}", []string{`FILE:1: labels.max_count: takes a whole number, not "1.5"`}},

		{"http: {allowed_origins: 'https://a.example'}", []string{"FILE:1: http.allowed_origins: takes a list of origins, not a single value"}},
		{"http:\n  allowed_origins:\n  - https://a.example\n  - https://a.example/\n  - a.example\n  - HTTPS://b.example\n  - https://c.example:443", []string{
			`FILE:4: http.allowed_origins: "https://a.example/" ` + origin, `FILE:5: http.allowed_origins: "a.example" ` + origin,
			`FILE:6: http.allowed_origins: "HTTPS://b.example" ` + origin, `FILE:7: http.allowed_origins: "https://c.example:443" ` + origin,
		}},

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
		{"sockjs: {hostname: 'https://a.example.com'}", []string{"FILE:1: sockjs.hostname: \"https://a.example.com\" is no host name; write it as node-a.example.com, without scheme and port"}},
		{"sockjs: {hostname: a..b, disconnect_delay: 0}", []string{
			"FILE:1: sockjs.hostname: \"a..b\" is no host name; write it as node-a.example.com, without scheme and port",
			"FILE:1: sockjs.disconnect_delay: must be more than 0",
		}},
		{"websocket: {pong_wait: 0}", []string{"FILE:1: websocket.pong_wait: must be more than 0"}},
		{"labels: {max_count: 0}", []string{"FILE:1: labels.max_count: must be more than 0"}},
		{"http: {max_head: 0B}", []string{"FILE:1: http.max_head: must be more than 0"}},
		{"limits: {connections: -1}", []string{`FILE:1: limits.connections: takes a whole number, not "-1"`}},
		{"limits:\n  trusted_proxies: [10.0.0.0/8, 10.0.0, '::ffff:10.0.0.1']", []string{
			`FILE:2: limits.trusted_proxies: "10.0.0" is no network; write it as 10.0.0.0/8, fd00::/8 or 127.0.0.1`,
			`FILE:2: limits.trusted_proxies: "::ffff:10.0.0.1" is no network; write it as 10.0.0.0/8, fd00::/8 or 127.0.0.1`}},
		{"outbox: {max_bytes: 1KiB}", []string{"FILE:1: outbox.max_bytes: 1KiB is less than http.max_body (256KiB): such a push could reach nobody"}},
		{"history: {max_bytes: 1KiB}", []string{"FILE:1: history.max_bytes: 1KiB is less than http.max_body (256KiB): such a push would be kept for nobody"}},
		{"http: {max_body: 2MiB}", []string{"defaults: outbox.max_bytes: 1MiB is less than http.max_body (2MiB): such a push could reach nobody"}},

		{"http: {write_timeout: 0}", []string{"FILE:1: http.write_timeout: must be more than 0"}},
		{"http: {token_cookie: 'a b', allowed_origins: []}", []string{
			"FILE:1: http.token_cookie: \"a b\" is no name of a cookie: it has letters, digits and !#$%&'*+-.^_`|~"}},
		{"http: {token_cookie: push}", []string{
			`FILE:1: http.token_cookie: browsers send a cookie from pages of every site, and http.allowed_origins has "*", which lets in all of them; list the sites there`}},
		{"http: {token_cookie: push, allowed_origins: ['https://a.example', 'null']}", []string{
			`FILE:1: http.token_cookie: browsers send a cookie from pages of every site, and http.allowed_origins has "null", which lets in all of them; list the sites there`}},
		{"http: {token_cookie: push, allowed_origins: [x]}", []string{`FILE:1: http.allowed_origins: "x" ` + origin}},
		{"drain_delay: 1", []string{`FILE:1: drain_delay: "1" ` + times}},

		// Aliases are what they stand for.
		{"drain: &d soon\nlog: {level: *d}", []string{
			`FILE:1: drain: "soon" ` + times,
			`FILE:1: log.level: "soon" is no level; the levels are debug, info, warn and error`}},

		// YAML.
		{"listen: [", []string{"FILE:1: did not find expected node content"}},
		{"drain: 1s\nlog:\n\tlevel: info", []string{"FILE:3: this line is indented by a tab; YAML takes spaces only"}},
		{"drain: 1s\n log: x", []string{"FILE:2: mapping values are not allowed in this context"}},
		{"drain: *later", []string{"FILE:1: an alias (*…) names no anchor that stands before it; a text that begins with * or & needs quotes"}},
		{"drain: 1s\n---\ndrain: 2s", []string{"FILE:2: a second document begins; a configuration is one"}},

		// All in one run, by line, whether reading or checking has found them.
		{"lissten: ':1'\nlog:\n  level: loud\n  format: xml\nhttp:\n  max_body: 1MB\n  max_head: 0\ntriggers:\n  a:\n    to: ''\n    message: 1\n  b:\n", []string{
			"FILE:1: lissten: there is no such setting; did you mean listen?",
			`FILE:3: log.level: "loud" is no level; the levels are debug, info, warn and error`,
			`FILE:4: log.format: "xml" is no format; the formats are text and json`,
			`FILE:6: http.max_body: "1MB" ` + sizes,
			"FILE:7: http.max_head: must be more than 0",
			"FILE:10: triggers.a.to.column 1: …",
			"FILE:12: triggers.b.to: missing: which pages"}},
		{"http: {max_body: 0, max_head: 0, idle_timeout: 0}\noutbox: {max_bytes: 0}", []string{
			"FILE:1: http.max_body: must be more than 0",
			"FILE:1: http.max_head: must be more than 0",
			"FILE:1: http.idle_timeout: must be more than 0",
			"FILE:2: outbox.max_bytes: must be more than 0"}},
		{"outbox: {max_bytes: 9MB}\nhttp: {max_body: 8MiB}", []string{ // what could not be read is not compared
			`FILE:1: outbox.max_bytes: "9MB" ` + sizes}},
	})
}

// mistaken is a file with mistakes. An … at the end of one stands for the words of other packages.
type mistaken struct {
	file string
	want []string
}

func check(t *testing.T, files []mistaken) {
	t.Helper()
	for _, c := range files {
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
		file + `:1: log.format: "xml" is no format; the formats are text and json`,
		`SCENECAST_DRAIN: drain: "x" is no length of time; write it as 90s, 1m30s or 250ms`,
		`command line: listen: "x" is no address; write it as :9502 or 127.0.0.1:9502`,
		`command line: log.level: "loudest" is no level; the levels are debug, info, warn and error`,
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
client_tokens: &c [&a one, *w, {token: &o other, labels: {*a : *w, l: [*l]}, user: *l}]
api_keys:
  - &k {name: *l, key: &s two, allow: &x [push]}
  - {name: b, key: three, allow: *x}
triggers:
  x: &b {params: &p {u: &u string}, to: &to '*', message: [*w, {*w : *a}]}
  y: {params: {u: *u, v: {type: *u, default: *w}}, to: *to, message: *w}
  z: *b
`)})
	got := fmt.Sprintf("%s %s %s %v", c.Tutorial.Welcome, c.Log.Level, spell(c.ClientTokens), c.APIKeys) + " " + string(c.APIKeys[0].Key+" "+c.APIKeys[1].Key)
	if want := "hello warn one{} hello{} other{@user=warn l=warn one=hello} [{warn (hidden) [push]  [] {0 0}} {b (hidden) [push]  [] {0 0}}] two three"; got != want {
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
