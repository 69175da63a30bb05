package config_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"scenecast/config"
	"scenecast/label"
)

// spell prints tokens as `a{plan=pro}`.
func spell(tokens []config.ClientToken) string {
	var words []string
	for _, t := range tokens {
		var labels []string
		for l := range t.Labels.All() {
			labels = append(labels, l.Key+"="+l.Value)
		}
		words = append(words, string(t.Token)+"{"+strings.Join(labels, " ")+"}")
	}
	return strings.Join(words, " ")
}

func TestClientTokens(t *testing.T) {
	const everything = `[a, {token: b}, {token: c, labels: {plan: pro, tag: [b, a, b]}, user: "42"}, {token: d, user: 7}, {token: e, labels: {n: 1.10, b: true, v: ""}}]`
	const want = `a{} b{} c{@user=42 plan=pro tag=a tag=b} d{@user=7} e{b=true n=1.10 v=}`
	for name, s := range map[string]config.Sources{
		"the file":            {File: write(t, "client_tokens: "+everything)},
		"an app of the file":  {File: write(t, "apps: {x: {client_tokens: "+everything+"}}")},
		"the variable":        {Environ: []string{"SCENECAST_CLIENT_TOKENS=" + everything}},
		"the variable's apps": {Environ: []string{"SCENECAST_APPS={x: {client_tokens: " + everything + "}}"}},
		"the flag":            {Flags: map[string]string{"client_tokens": everything}},
	} {
		apps := load(t, s).Apps()
		if got := spell(apps[len(apps)-1].ClientTokens); got != want {
			t.Errorf("%s makes the tokens\n\t%s, want\n\t%s", name, got, want)
		}
	}
}

// TestClientLabels: none is not the same as any, from every source.
func TestClientLabels(t *testing.T) {
	for _, c := range []struct {
		file, variable string
		want           config.LabelKeys
	}{
		{"", "", nil},
		{"labels: {client: }", "", nil},
		{"labels: {client: []}", "", []string{}},
		{"labels: {client: [page, order]}", "", []string{"page", "order"}},
		{"", "page, order,", []string{"page", "order"}},
		{"", `["page"]`, []string{"page"}},
		{"", "[]", []string{}},
		{"labels: {client: [page]}", " [ ]", []string{}},
		{"labels: {client: []}", "page", []string{"page"}},
	} {
		s := config.Sources{File: write(t, c.file)}
		if c.variable != "" {
			s.Environ = []string{"SCENECAST_LABELS_CLIENT=" + c.variable}
		}
		if got := load(t, s).Labels.Client; !reflect.DeepEqual(got, c.want) {
			t.Errorf("file %q, variable %q: %#v, want %#v", c.file, c.variable, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"":         "is empty; write [] for none",
		" , ":      "is empty; write [] for none",
		"page,@id": "@id: label keys that begin with @ are the server's own",
		"[":        "cannot be read as YAML or JSON",
	} {
		_, err := config.Load(config.Sources{Environ: []string{"SCENECAST_LABELS_CLIENT=" + text}})
		if want = "SCENECAST_LABELS_CLIENT: labels.client: " + want; fmt.Sprint(err) != want {
			t.Errorf("the variable %q: %v, want %s", text, err, want)
		}
	}
}

func TestApps(t *testing.T) {
	c := load(t, config.Sources{File: write(t, `
client_tokens: [a]
labels: {client: [page], max_count: 7}
apps:
  shop:
    client_tokens: [b]
    api_keys: [{name: backend, key: c}]
    page_token_may_trigger: true
    triggers: {t: {to: '*', message: 1}}
    labels: {client: []}
  _-1:
  Z: {client_tokens: [d, e]}
`)})
	var got []string
	for _, a := range c.Apps() {
		got = append(got, fmt.Sprintf("%s: %s keys=%d may=%v triggers=%d %#v", a.Name, spell(a.ClientTokens), len(a.APIKeys), a.PageTokenMayTrigger, len(a.Triggers), []string(a.Labels.Client)))
	}
	want := []string{
		`default: a{} keys=0 may=false triggers=0 []string{"page"}`,
		`Z: d{} e{} keys=0 may=false triggers=0 []string(nil)`,
		`_-1:  keys=0 may=false triggers=0 []string(nil)`,
		`shop: b{} keys=1 may=true triggers=1 []string{}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the apps are\n%swant\n%s", lines(got), lines(want))
	}
	if names := []string{c.OtherApps[0].Name, c.OtherApps[1].Name, c.OtherApps[2].Name}; !slices.Equal(names, []string{"shop", "_-1", "Z"}) {
		t.Errorf("Apps has put the apps into another order: %q", names)
	}
	if got := (config.Config{}).Apps(); len(got) != 1 || got[0].Name != "default" {
		t.Errorf("a configuration of nothing has the apps %+v", got)
	}
}

// TestAppsPrecedence: a variable's apps take the place of all the file's.
func TestAppsPrecedence(t *testing.T) {
	file := write(t, "client_tokens: [a]\napps: {x: {client_tokens: [b]}, y: }")
	c := load(t, config.Sources{File: file, Environ: []string{`SCENECAST_APPS={"z":{"client_tokens":["b"]}}`}})
	if len(c.OtherApps) != 1 || c.OtherApps[0].Name != "z" || spell(c.ClientTokens) != "a{}" {
		t.Errorf("the apps are %+v", c.Apps())
	}
	_, err := config.Load(config.Sources{
		File:    file,
		Environ: []string{`SCENECAST_APPS={"z":{"client_tokens":["a"]},"default":{}}`},
		Flags:   map[string]string{"api_keys": "[{name: x, key: a}]"},
	})
	want := []string{
		"SCENECAST_APPS: apps.default: the settings of the app named default stand at the top level, not under apps",
		"command line: api_keys: the key of x is also token 1 in client_tokens, and everybody who opens a page can read a token",
		"SCENECAST_APPS: apps.z.client_tokens: token 1 is also token 1 in client_tokens, so it does not say which of them is meant",
	}
	if got := fmt.Sprint(err); got != strings.Join(want, "\n") {
		t.Errorf("the mistakes are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestReferenceApp: the example of an app is right when it is no comment any more, and has every setting of an app.
func TestReferenceApp(t *testing.T) {
	content := config.New(config.Reference, "a", "b")
	before, example, _ := strings.Cut(content, "\napps:\n")
	example, after, _ := strings.Cut(example, "\n\n")
	example = strings.ReplaceAll(example, "  # ", "  ")
	for _, secret := range []string{"c", "d"} {
		example = strings.Replace(example, "…", secret, 1)
	}
	c := load(t, config.Sources{File: write(t, before+"\napps:\n"+example+"\n\n"+after)})
	if len(c.OtherApps) != 1 {
		t.Fatalf("the example\n%s\nmakes the apps %+v", example, c.OtherApps)
	}
	app := c.OtherApps[0]
	if app.Name != "shop" || spell(app.ClientTokens) != "c{}" || app.APIKeys[0].Key != "d" || app.Triggers[0].Name != "saleBegins" ||
		!slices.Equal(app.Labels.Client, []string{"page", "product"}) || !strings.Contains(example, "page_token_may_trigger: ") {
		t.Errorf("the example\n%s\nmakes %+v", example, app)
	}
}

func TestLimits(t *testing.T) {
	if got := config.Default().Labels.Limits(); got != label.DefaultLimits {
		t.Errorf("the limits are %+v, want %+v", got, label.DefaultLimits)
	}
	c := load(t, config.Sources{File: write(t, "labels: {max_count: 1, max_key_bytes: 2, max_value_bytes: 3}")})
	if got, want := c.Labels.Limits(), (label.Limits{Count: 1, KeyBytes: 2, ValueBytes: 3}); got != want {
		t.Errorf("the limits are %+v, want %+v", got, want)
	}
}
