package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"scenecast/auth"
	"scenecast/config"
)

// write makes a configuration file.
func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenecast.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load reads what must be without mistakes.
func load(t *testing.T, s config.Sources) config.Config {
	t.Helper()
	c, err := config.Load(s)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return c
}

func TestDefault(t *testing.T) {
	c := load(t, config.Sources{})
	if !reflect.DeepEqual(c, config.Default()) {
		t.Errorf("no sources make %+v, want the defaults", c)
	}
	if len(c.ClientTokens)+len(c.APIKeys) > 0 || c.PageTokenMayTrigger {
		t.Errorf("the defaults let somebody in: %+v", c)
	}
	for name, content := range map[string]string{
		"empty":           "",
		"comments":        "# nothing\n",
		"document marker": "---\n",
		"empty mapping":   "{}",
		"empty sections":  "labels: {client: }\nwebsocket: ~\ntriggers:\napps:\napi_keys:\nclient_tokens: null\nlisten:\ndrain:\n",
	} {
		if c := load(t, config.Sources{File: write(t, content)}); !reflect.DeepEqual(c, config.Default()) {
			t.Errorf("a file with %s makes %+v, want the defaults", name, c)
		}
	}
}

func TestReference(t *testing.T) {
	file := write(t, config.New(config.Reference, `to"ken\`, "钥匙"))
	c := load(t, config.Sources{File: file})
	if want := (config.ClientTokens{{Token: `to"ken\`}}); !reflect.DeepEqual(c.ClientTokens, want) {
		t.Errorf("the tokens are %+v, want %+v", c.ClientTokens, want)
	}
	if want := (config.APIKeys{{Name: "backend", Key: "钥匙", Allow: auth.DefaultScopes}}); !reflect.DeepEqual(c.APIKeys, want) {
		t.Errorf("the keys are %+v, want %+v", c.APIKeys, want)
	}
	var triggers []string
	for _, trigger := range c.Triggers {
		triggers = append(triggers, trigger.Name)
	}
	if want := []string{"pushHomeLogic", "pushListLogic", "orderShipped"}; !slices.Equal(triggers, want) {
		t.Errorf("the triggers are %q, want %q", triggers, want)
	}
	c.ClientTokens, c.APIKeys, c.Triggers = nil, nil, nil
	if want := config.Default(); !reflect.DeepEqual(c, want) {
		t.Errorf("the reference says that the defaults are\n\t%+v, and they are\n\t%+v", c, want)
	}
}

// TestReferenceKeys: the reference has every setting, and Keys are in its order.
func TestReferenceKeys(t *testing.T) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(config.Reference), &document); err != nil {
		t.Fatal(err)
	}
	var inReference func(prefix string, n *yaml.Node) []string
	inReference = func(prefix string, n *yaml.Node) (keys []string) {
		for i := 0; i < len(n.Content); i += 2 {
			key, value := prefix+n.Content[i].Value, n.Content[i+1]
			if value.Kind == yaml.MappingNode && key != "triggers" {
				keys = append(keys, inReference(key+".", value)...)
			} else {
				keys = append(keys, key)
			}
		}
		return keys
	}
	if got, want := config.Keys(), inReference("", document.Content[0]); !slices.Equal(got, want) {
		t.Errorf("the settings are\n\t%q, and the reference has\n\t%q", got, want)
	}
}

// TestPlaceholders: the reference as it stands has secrets that everybody knows.
func TestPlaceholders(t *testing.T) {
	_, err := config.Load(config.Sources{File: write(t, config.Reference)})
	for _, want := range []string{
		"client_tokens: TOKEN stands for a token; put one of your own there",
		"api_keys: KEY stands for a key; put one of your own there",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the reference was taken as it is: %v, want %s", err, want)
		}
	}
}

func TestLists(t *testing.T) {
	for text, want := range map[string][]string{
		"a":             {"a"},
		"a,b":           {"a", "b"},
		`["a,b", c]`:    {"a,b", "c"},
		` [a]`:          {"a"},
		`["$[1]", "#"]`: {"$[1]", "#"},
		"a # b":         {"a # b"},
		`"a"`:           {`"a"`},
	} {
		c := load(t, config.Sources{Environ: []string{"SCENECAST_CLIENT_TOKENS=" + text}})
		var got []string
		for _, token := range c.ClientTokens {
			got = append(got, string(token.Token))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the list %q makes %q, want %q", text, got, want)
		}
	}
}

// TestPrecedence: the defaults, then the file, then the environment, then the flags.
func TestPrecedence(t *testing.T) {
	const key = "log.level"
	for _, c := range []struct {
		file, variable, flag, want string
	}{
		{"", "", "", "info"},
		{"debug", "", "", "debug"},
		{"debug", "warn", "", "warn"},
		{"debug", "warn", "error", "error"},
		{"debug", "", "error", "error"},
		{"", "warn", "error", "error"},
		{"", "warn", "", "warn"},
	} {
		var s config.Sources
		if c.file != "" {
			s.File = write(t, "log: {level: "+c.file+", format: json}")
		}
		if c.variable != "" {
			s.Environ = []string{"PATH=/bin", config.Variable(key) + "=" + c.variable}
		}
		if c.flag != "" {
			s.Flags = map[string]string{key: c.flag}
		}
		got := load(t, s).Log
		if got.Level != c.want || (got.Format == "json") != (c.file != "") {
			t.Errorf("file %q, variable %q, flag %q: %+v, want level %s", c.file, c.variable, c.flag, got, c.want)
		}
	}
}

// TestForeignVariables: what begins with SCENECAST_ and is no setting is a mistake, unless something else is known to set it.
func TestForeignVariables(t *testing.T) {
	for _, entry := range []string{
		// of the commands that talk to a server
		"SCENECAST_URL=http://localhost:9502", "SCENECAST_API_KEY=k", "SCENECAST_CLIENT_TOKEN=t", "SCENECAST_CONFIG=x.yaml",
		// of Kubernetes, for the services scenecast, scenecast-headless and scenecast-redis
		"SCENECAST_SERVICE_HOST=10.0.0.1", "SCENECAST_SERVICE_PORT=9502", "SCENECAST_SERVICE_PORT_HTTP=9502",
		"SCENECAST_PORT=tcp://10.0.0.1:9502", "SCENECAST_PORT_9502_TCP=tcp://10.0.0.1:9502", "SCENECAST_PORT_9502_TCP_PROTO=tcp",
		"SCENECAST_PORT_9502_TCP_PORT=9502", "SCENECAST_PORT_9502_TCP_ADDR=10.0.0.1", "SCENECAST_PORT_53_UDP=udp://10.0.0.1:53",
		"SCENECAST_HEADLESS_SERVICE_HOST=10.0.0.1", "SCENECAST_REDIS_PORT_6379_TCP_ADDR=10.0.0.1", "SCENECAST_REDIS_PORT=tcp://10.0.0.1:6379",
		// of anybody
		"PATH=/bin", "SCENECASTLE=1", "XSCENECAST_LISTEN=x", "scenecast_listen=x", "LISTEN=x", "",
	} {
		if c := load(t, config.Sources{Environ: []string{entry}}); !reflect.DeepEqual(c, config.Default()) {
			t.Errorf("%s makes %+v, want the defaults", entry, c)
		}
	}
	for entry, want := range map[string]string{
		"SCENECAST_LISTN=:80":               "SCENECAST_LISTN: there is no such setting; did you mean SCENECAST_LISTEN?",
		"SCENECAST_PING_INTERVAL=1s":        "SCENECAST_PING_INTERVAL: there is no such setting",
		"SCENECAST_WEBSOCKET=x":             "SCENECAST_WEBSOCKET: there is no such setting",
		"SCENECAST_=x":                      "SCENECAST_: there is no such setting",
		"SCENECAST_PORT=8080":               "SCENECAST_PORT: there is no such setting",
		"SCENECAST_LISTEN_PORT=8080":        "SCENECAST_LISTEN_PORT: there is no such setting",
		"SCENECAST_API_KEYS_=[]":            "SCENECAST_API_KEYS_: there is no such setting; did you mean SCENECAST_API_KEYS?",
		"SCENECAST_HTTP_MAX_BODY=5MB":       `SCENECAST_HTTP_MAX_BODY: http.max_body: "5MB" is no size up to 1GiB; write it as 512, 64KiB or 1MiB`,
		"SCENECAST_LOG_FORMAT=xml":          `SCENECAST_LOG_FORMAT: log.format: "xml" is no format; the formats are text and json`,
		"SCENECAST_TRIGGERS=":               "SCENECAST_TRIGGERS: triggers: cannot be read as YAML or JSON",
		"SCENECAST_TRIGGERS={":              "SCENECAST_TRIGGERS: triggers: cannot be read as YAML or JSON",
		"SCENECAST_TRIGGERS=x":              "SCENECAST_TRIGGERS: triggers: takes a mapping of keys to values, not a single value",
		"SCENECAST_TRIGGERS={t: {to: '*'}}": "SCENECAST_TRIGGERS: triggers.t.message: missing: what the pages shall get",
		"SCENECAST_CLIENT_TOKENS=":          "SCENECAST_CLIENT_TOKENS: client_tokens: is empty, so no page could connect; left out, `scenecast serve` makes a token for each run",
		"SCENECAST_CLIENT_TOKENS= , ":       "SCENECAST_CLIENT_TOKENS: client_tokens: is empty, so no page could connect; left out, `scenecast serve` makes a token for each run",
		"SCENECAST_CLIENT_TOKENS=[a":        "SCENECAST_CLIENT_TOKENS: client_tokens: cannot be read as YAML or JSON",
	} {
		if _, err := config.Load(config.Sources{Environ: []string{entry}}); err == nil || err.Error() != want {
			t.Errorf("%s:\n\t%v, want\n\t%s", entry, err, want)
		}
	}
}

func TestMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	_, err := config.Load(config.Sources{File: path, Flags: map[string]string{"log.level": "loud"}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is not there: %v", err)
	}
	if want := `command line: log.level: "loud" is no level; the levels are debug, info, warn and error`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("a file that is not there: %v, want the other mistake told as well: %s", err, want)
	}
}

// TestWarnings: what is allowed, and probably not meant, is told with its place, and is no mistake.
func TestWarnings(t *testing.T) {
	file := write(t, "client_tokens:\n- \"123456\"\n- {token: sixteen-letters-, user: a}\napi_keys:\n- {name: a, key: 后端后端后端后端后端}\n"+
		"apps:\n  shop:\n    client_tokens: [short]\n")
	l, err := config.Read(config.Sources{
		File:      file,
		Flags:     map[string]string{"api_keys": "[{name: cli, key: k}]"},
		FlagNames: map[string]string{"api_keys": "--api-key"},
	})
	if err != nil {
		t.Fatal(err)
	}
	const can = ", and below 16 it can be guessed; `scenecast config init` makes long ones"
	want := []string{
		file + ":2: client_tokens: token 1 has 6 characters" + can,
		"--api-key: api_keys: the key of cli has 1 characters" + can,
		file + ":8: apps.shop.client_tokens: token 1 has 5 characters" + can,
	}
	var got []string
	for _, w := range l.Warnings {
		got = append(got, w.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the warnings are\n%swant\n%s", lines(got), lines(want))
	}
}

// TestPlace: of every value it is known where it came from.
func TestPlace(t *testing.T) {
	file := write(t, "listen: :80\nclient_tokens:\n- a\n- {token: b}\noutbox:\n  max_bytes: 2MiB\nhttp: {max_head: }\n"+
		"triggers:\n  t:\n    to: '*'\n    message: &m\n      a: 1\n  u: {to: '*', message: *m}\napi_keys:\n- {name: a, key: k}\n")
	l, err := config.Read(config.Sources{
		File:      file,
		Environ:   []string{"SCENECAST_API_KEYS=[{name: b, key: l}]", "SCENECAST_DRAIN=1s"},
		Flags:     map[string]string{"drain": "2s", "log.level": "debug"},
		FlagNames: map[string]string{"log.level": "--log-level"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"listen":              file + ":1",
		"client_tokens":       file + ":3",
		"client_tokens[1]":    file + ":4",
		"outbox.max_bytes":    file + ":6",
		"outbox.max_total":    "defaults",
		"http.max_head":       "defaults",
		"triggers.t.to":       file + ":10",
		"triggers.t.ttl":      file + ":10",
		"triggers.u.message":  file + ":11",
		"api_keys":            "SCENECAST_API_KEYS",
		"api_keys[0].key":     "SCENECAST_API_KEYS",
		"drain":               "command line",
		"log.level":           "--log-level",
		"log.format":          "defaults",
		"no.such[3].setting.": "defaults",
	} {
		if got := l.Place(key); got != want {
			t.Errorf("%s came from %s, want %s", key, got, want)
		}
	}
}
