package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"scenecast/config"
)

// restore puts secrets where Print has hidden them, each another.
func restore(printed string) string {
	var b strings.Builder
	for i, part := range strings.Split(printed, "(hidden)") {
		if i > 0 {
			fmt.Fprintf(&b, "secret%d", i)
		}
		b.WriteString(part)
	}
	return b.String()
}

func TestPrint(t *testing.T) {
	c := load(t, config.Sources{File: write(t, `
listen: ":80"
client_tokens: [alpha, beta]
api_keys: [{name: backend, key: gamma, allow: [trigger]}]
triggers:
  orderShipped:
    params: {order: string, n: {type: number, default: 1.10}}
    to: 'page == "order" && order == $order'
    message: {z: 1.10, a: ["$order", "订单 $order", "1", true, null]}
websocket: {ping_interval: 90s}
`)})
	got := config.Print(c)
	for _, want := range []string{
		"listen: \":80\"\n",
		"client_tokens: [\"(hidden)\", \"(hidden)\"]\n",
		"  - {\"allow\": [\"trigger\"], \"key\": \"(hidden)\", \"name\": \"backend\"}\n",
		"  orderShipped:\n    params: {order: {\"type\": \"string\"}, n: {\"default\": 1.10, \"type\": \"number\"}}\n" +
			"    to: \"page == \\\"order\\\" && order == $order\"\n" +
			"    message: {\"z\": 1.10, \"a\": [\"$order\", \"订单 $order\", \"1\", true, null]}\n",
		"  ping_interval: 1m30s\n",
		"  max_body: 256KiB\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("what is printed lacks\n%s\n---\n%s", want, got)
		}
	}
	if want := []string{"alpha", "beta"}; !reflect.DeepEqual(c.ClientTokens, want) || c.APIKeys[0].Key != "gamma" {
		t.Errorf("Print has changed the secrets to %q and %q", c.ClientTokens, c.APIKeys[0].Key)
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	c := config.Default()
	c.ClientTokens = []string{"s3cret-a", "s3cret-b", ""}
	c.APIKeys = []config.APIKey{{Name: "a", Key: "s3cret-c"}, {Name: "b", Key: "s3cret-d"}}
	got := config.Print(c)
	if strings.Contains(got, "s3cret") || strings.Count(got, "(hidden)") != 5 {
		t.Errorf("this shows a secret, or hides something else:\n%s", got)
	}
}

// TestPrintedLoads: with secrets put in, what is printed loads to the same configuration.
func TestPrintedLoads(t *testing.T) {
	for name, content := range map[string]string{
		"nothing":       "",
		"the reference": config.New("a", "b"),
		"other units":   "http: {max_body: 1000, max_head: 1025}\ndrain: 1h0m1s\ntutorial: {idle_timeout: 0, idle_check_interval: 1.5h}\n",
		"several secrets": "client_tokens: [a, b]\n" +
			"api_keys: [{name: x, key: c}, {name: 'y: \"z\"', key: d, allow: [push]}, {name: \"null\", key: e, allow: []}]\n",
		"texts that YAML takes for something else": "tutorial: {welcome: 'null'}\nlog: {format: json}\n" +
			"tls: {cert: 'true', key: '1.10'}\nlisten: '[::1]:80'\n",
		"texts that YAML cannot have plain": `tutorial: {welcome: "\x7f\x80\u0085\u2028\ufeff\ufffe\0\e\t\n \"'#: {"}` + "\n",
		"triggers": `triggers:
  "null": {to: "*", message: null}
  "1": {to: "*", message: "\x7f\u0085\ufeff😀"}
  "a: b\n#": {to: {page: ["$p", "$$p"]}, params: {p: {default: "\x7f~"}, i: {type: integer, default: -7}, n: {type: number, default: 1.10}, b: {type: boolean, default: true}}, message: {"$p": "$p", "1": 1, "": [1e400, 0x10, 1e3]}}
`,
	} {
		c := load(t, config.Sources{File: write(t, content)})
		printed := config.Print(c)
		again, err := config.Load(config.Sources{File: write(t, restore(printed))})
		if err != nil {
			t.Errorf("%s was printed as\n%s\nwhich has mistakes: %v", name, printed, err)
			continue
		}
		if len(again.ClientTokens) != len(c.ClientTokens) || len(again.APIKeys) != len(c.APIKeys) {
			t.Errorf("%s was printed with other secrets:\n%s", name, printed)
			continue
		}
		again.ClientTokens = c.ClientTokens
		for i := range again.APIKeys {
			again.APIKeys[i].Key = c.APIKeys[i].Key
		}
		if !reflect.DeepEqual(again, c) {
			t.Errorf("%s was printed as\n%s\nwhich loads as\n\t%+v, want\n\t%+v", name, printed, again, c)
		}
	}
}
