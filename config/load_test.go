package config_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast/auth"
	"scenecast/config"
	"scenecast/push"
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
		"empty sections":  "labels:\nwebsocket: ~\ntriggers:\napi_keys:\nclient_tokens: null\nlisten:\ndrain:\n",
	} {
		if c := load(t, config.Sources{File: write(t, content)}); !reflect.DeepEqual(c, config.Default()) {
			t.Errorf("a file with %s makes %+v, want the defaults", name, c)
		}
	}
}

func TestReference(t *testing.T) {
	file := write(t, config.New(`to"ken\`, "钥匙"))
	c := load(t, config.Sources{File: file})
	if want := []string{`to"ken\`}; !slices.Equal(c.ClientTokens, want) {
		t.Errorf("the tokens are %q, want %q", c.ClientTokens, want)
	}
	if want := []config.APIKey{{Name: "backend", Key: "钥匙", Allow: auth.Scopes}}; !reflect.DeepEqual(c.APIKeys, want) {
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

func TestVariable(t *testing.T) {
	for key, want := range map[string]string{
		"listen":                  "SCENECAST_LISTEN",
		"websocket.ping_interval": "SCENECAST_WEBSOCKET_PING_INTERVAL",
		"http.max_body":           "SCENECAST_HTTP_MAX_BODY",
	} {
		if got := config.Variable(key); got != want {
			t.Errorf("Variable(%s) = %s, want %s", key, got, want)
		}
	}
	seen := make(map[string]string)
	for _, key := range config.Keys() {
		if other, taken := seen[config.Variable(key)]; taken {
			t.Errorf("%s and %s have one variable", key, other)
		}
		seen[config.Variable(key)] = key
	}
}

// another has, for every setting, a text that sets it to something else than the default, and what it is then.
var another = map[string]struct {
	text string
	want any
}{
	"listen":                       {"127.0.0.1:0", "127.0.0.1:0"},
	"client_tokens":                {"a, b,,c ", []string{"a", "b", "c"}},
	"api_keys":                     {`[{name: cron, key: "s3", allow: [trigger]}]`, []config.APIKey{{Name: "cron", Key: "s3", Allow: []auth.Scope{auth.Trigger}}}},
	"page_token_may_trigger":       {"true", true},
	"triggers":                     {`{"t":{"to":"*","message":[1.10]}}`, []config.Trigger{{Name: "t", Declaration: push.Declaration{To: json.RawMessage(`"*"`), Message: json.RawMessage(`[1.10]`)}}}},
	"labels.max_count":             {"7", 7},
	"labels.max_key_bytes":         {"1KiB", config.Size(1024)},
	"labels.max_value_bytes":       {"100", config.Size(100)},
	"websocket.max_message":        {"2MiB", config.Size(2 << 20)},
	"websocket.ping_interval":      {"0", config.Duration(0)},
	"websocket.pong_wait":          {"1m30s", config.Duration(90 * time.Second)},
	"websocket.close_wait":         {"250ms", config.Duration(250 * time.Millisecond)},
	"tutorial.welcome":             {"null", "null"}, // a variable is a text
	"tutorial.idle_check_interval": {"1h", config.Duration(time.Hour)},
	"tutorial.idle_timeout":        {"0s", config.Duration(0)},
	"outbox.max_bytes":             {"1GiB", config.Size(1 << 30)},
	"outbox.max_frames":            {"1", 1},
	"outbox.write_timeout":         {"1s", config.Duration(time.Second)},
	"http.max_body":                {"1MiB", config.Size(1 << 20)},
	"http.max_head":                {"8 KiB", config.Size(8 << 10)},
	"http.head_timeout":            {"1s", config.Duration(time.Second)},
	"http.body_timeout":            {"1s", config.Duration(time.Second)},
	"http.idle_timeout":            {"1s", config.Duration(time.Second)},
	"tls.cert":                     {"/etc/a=b.pem", "/etc/a=b.pem"},
	"tls.key":                      {"key.pem", "key.pem"},
	"drain":                        {"0", config.Duration(0)},
	"log.level":                    {"debug", "debug"},
	"log.format":                   {"json", "json"},
}

// setting is a setting's value.
func setting(c config.Config, key string) any {
	v := reflect.ValueOf(c)
	for part := range strings.SplitSeq(key, ".") {
		v = v.FieldByNameFunc(func(name string) bool {
			field, _ := v.Type().FieldByName(name)
			return field.Tag.Get("yaml") == part
		})
	}
	return v.Interface()
}

// TestEverySetting: it can be set by its variable, by a flag and in the file, and sets nothing else.
func TestEverySetting(t *testing.T) {
	needs := map[string]string{"tls.cert": "tls.key", "tls.key": "tls.cert"}
	for _, key := range config.Keys() {
		c, ok := another[key]
		if !ok {
			t.Errorf("%s is not in this test's table", key)
			continue
		}
		if reflect.DeepEqual(setting(config.Default(), key), c.want) {
			t.Errorf("this test sets %s to its default %v, which shows nothing", key, c.want)
		}
		for source, s := range map[string]config.Sources{
			"the variable": {Environ: []string{config.Variable(key) + "=" + c.text}},
			"the flag":     {Flags: map[string]string{key: c.text}},
			"the file":     {File: write(t, fileWith(t, key))},
		} {
			if other, ok := needs[key]; ok {
				s.Environ = append(s.Environ, config.Variable(other)+"="+another[other].text)
			}
			got := load(t, s)
			if value := setting(got, key); !reflect.DeepEqual(value, c.want) {
				t.Errorf("%s set to %s by %s: %#v, want %#v", key, c.text, source, value, c.want)
			}
			for _, other := range config.Keys() {
				if other != key && other != needs[key] && !reflect.DeepEqual(setting(got, other), setting(config.Default(), other)) {
					t.Errorf("%s set to %s by %s has changed %s to %#v", key, c.text, source, other, setting(got, other))
				}
			}
		}
	}
}

// fileWith is a configuration file that sets this setting to what the table has.
func fileWith(t *testing.T, key string) string {
	t.Helper()
	c := another[key]
	var value any = c.text
	switch c.want.(type) {
	case []string:
		value = c.want
	case []config.APIKey, []config.Trigger:
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(c.text), &document); err != nil {
			t.Fatal(err)
		}
		value = document.Content[0]
	}
	content := map[string]any{key: value}
	if section, name, nested := strings.Cut(key, "."); nested {
		content = map[string]any{section: map[string]any{name: value}}
	}
	file, err := yaml.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

func TestLists(t *testing.T) {
	for text, want := range map[string][]string{
		"":              nil,
		" , ":           nil,
		"a":             {"a"},
		"a,b":           {"a", "b"},
		`["a,b", c]`:    {"a,b", "c"},
		` [a]`:          {"a"},
		"[]":            nil,
		`["$[1]", "#"]`: {"$[1]", "#"},
		"a # b":         {"a # b"},
		`"a"`:           {`"a"`},
	} {
		c := load(t, config.Sources{Environ: []string{"SCENECAST_CLIENT_TOKENS=" + text}})
		if !slices.Equal(c.ClientTokens, want) {
			t.Errorf("the list %q makes %q, want %q", text, c.ClientTokens, want)
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

// TestMessage: pages get a message as it stands in the file, in JSON: the order of keys, the spelling of numbers.
func TestMessage(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{`{z: 1, a: 2, m: {y: 1, b: 2}}`, `{"z":1,"a":2,"m":{"y":1,"b":2}}`},
		{`{message: 后端, code: "200"}`, `{"message":"后端","code":"200"}`},
		{`[1.10, 1e3, -0, 12345678901234567890, 0.000]`, `[1.10,1e3,-0,12345678901234567890,0.000]`},
		{`[0x10, 1_000, +7, 0b101, 0o17, .5, 1., 012]`, `[16,1000,7,5,15,0.5,1,10]`},
		{`[true, FALSE, null, ~, ]`, `[true,false,null,null]`},
		{`[yes, no, 2024-01-31, 12:30, "1", '2', a b, "", <]`, `["yes","no","2024-01-31","12:30","1","2","a b","","<"]`},
		{`"a\"\\\n\x00\u8ba2<&>"`, `"a\"\\\n\u0000订<&>"`},
		{"|\n      a\n      b\n", `"a\nb\n"`},
		{"\n      - 1\n      - b: [ {} , [] ]\n", `[1,{"b":[{},[]]}]`},
		{`{1: a, true: b, "": c, $x: d}`, `{"1":"a","true":"b","":"c","$x":"d"}`},
		{`[&x {a: 1}, *x]`, `[{"a":1},{"a":1}]`},
		{`null`, `null`},
	} {
		loaded, err := config.Load(config.Sources{File: write(t, "triggers:\n  t:\n    to: '*'\n    message: "+c.yaml)})
		if err != nil {
			t.Errorf("%s: %v", c.yaml, err)
			continue
		}
		if got := string(loaded.Triggers[0].Declaration.Message); got != c.want {
			t.Errorf("%s makes %s, want %s", c.yaml, got, c.want)
		}
	}
}
