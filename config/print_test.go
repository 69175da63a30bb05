package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"scenecast/config"
	"scenecast/label"
)

// restore puts secrets where Print has hidden them, each another, and into the configuration that was printed.
func restore(printed string, c *config.Config) string {
	n := 0
	next := func() string { n++; return fmt.Sprintf("secret%d", n) }
	put := func(a *config.AppSettings) {
		for i := range a.ClientTokens {
			a.ClientTokens[i].Token = config.Secret(next())
		}
		for i := range a.JWT.Keys {
			a.JWT.Keys[i].Key = config.Secret(next() + strings.Repeat("x", 32))
		}
		for i := range a.APIKeys {
			a.APIKeys[i].Key = config.Secret(next())
		}
		if a.Pusher.Secret != "" {
			a.Pusher.Secret = config.Secret(next())
		}
		for i := range a.Pusher.Keys {
			a.Pusher.Keys[i].Secret = config.Secret(next())
		}
	}
	put(&c.AppSettings)
	for i := range c.OtherApps {
		put(&c.OtherApps[i].AppSettings)
	}
	for range strings.Count(printed, "(hidden)") {
		before, _, _ := strings.Cut(printed, "(hidden)")
		text := fmt.Sprintf("secret%d", n-strings.Count(printed, "(hidden)")+1)
		if strings.Contains(before[strings.LastIndexByte(before, '\n')+1:], "alg: ") {
			text += strings.Repeat("x", 32) // a key that signs tokens must be long
		}
		printed = strings.Replace(printed, "(hidden)", text, 1)
	}
	return printed
}

func TestPrint(t *testing.T) {
	c := load(t, config.Sources{File: write(t, `
listen: ":80"
client_tokens: [alpha, {token: beta, labels: {tag: [b, a], plan: pro}, user: 42}]
labels: {client: []}
apps:
  shop:
    client_tokens: [{token: delta, user: "7"}]
    api_keys: [{name: shop, key: epsilon, allow: [read]}]
    jwt: {keys: [{kid: k, alg: HS256, key: zeta zeta zeta zeta zeta zeta zeta zeta}], issuer: "https://a.example"}
api_keys: [{name: backend, key: gamma, allow: [trigger]}]
pusher:
  id: "1"
  key: eta
  secret: theta
  keys: [{key: iota, secret: kappa}]
  webhooks: [{url: "http://a", events: [cache_miss]}, {name: b, url: "http://b"}]
triggers:
  orderShipped:
    params: {order: string, n: {type: number, default: 1.10}}
    to: 'page == "order" && order == $order'
    message: {z: 1.10, a: ["$order", "订单 $order", "1", true, null]}
  priceChanged: {params: {id: string}, to: {product: $id}, message: 1, ttl: 90m, event: price, coalesce: "c $id", retain: "price:$id"}
websocket: {ping_interval: 90s}
`)})
	got := config.Print(c)
	for _, want := range []string{
		"listen: :80\n",
		"client_tokens:\n  - (hidden)\n" +
			"  - {token: (hidden), labels: {plan: pro, tag: [a, b]}, user: \"42\"}\n",
		"labels:\n  client: []\n  max_count: 32\n",
		"apps:\n  shop:\n    client_tokens:\n      - {token: (hidden), user: \"7\"}\n" +
			"    jwt:\n      keys:\n        - {alg: HS256, kid: k, key: (hidden)}\n      jwks_url: \"\"\n      issuer: https://a.example\n" +
			"      audience: \"\"\n      leeway: 10s\n      max_lifetime: 24h\n      expiry_notice: 30s\n" +
			"    api_keys:\n      - {name: shop, key: (hidden), allow: [read]}\n" +
			"    page_token_may_trigger: false\n    max_connections: 0\n    triggers: {}\n" +
			"    presence: null\n    hooks:\n      connect: null\n      call: null\n      events: null\n      deny_private: false\n    pusher: null\n    labels:\n      client: null\n",
		"  - {name: backend, key: (hidden), allow: [trigger]}\n",
		"  orderShipped:\n    params: {order: {type: string}, \"n\": {type: number, default: 1.10}}\n" +
			"    to: \"page == \\\"order\\\" && order == $order\"\n" +
			"    message: {\"z\": 1.10, \"a\": [\"$order\", \"订单 $order\", \"1\", true, null]}\n",
		"    message: 1\n    ttl: 1h30m\n    event: price\n    coalesce: c $id\n    retain: price:$id\n",
		"  ping_interval: 1m30s\n",
		"  max_body: 256KiB\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("what is printed lacks\n%s\n---\n%s", want, got)
		}
	}
	if c.ClientTokens[1].Token != "beta" || c.APIKeys[0].Key != "gamma" || c.OtherApps[0].APIKeys[0].Key != "epsilon" {
		t.Errorf("Print has changed the secrets of %+v", c)
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	c := config.Default()
	c.ClientTokens = []config.ClientToken{{Token: "s3cret-a"}, {Token: "s3cret-b", Labels: label.New(label.Label{Key: "a", Value: "b"})}, {}}
	c.APIKeys = []config.APIKey{{Name: "a", Key: "s3cret-c"}, {Name: "b", Key: "s3cret-d"}}
	c.Pusher = config.Pusher{ID: "1", Key: "k", Secret: "s3cret-j", Keys: config.PusherKeys{{Key: "l", Secret: "s3cret-k"}}}
	c.OtherApps = []config.App{{Name: "shop", AppSettings: c.AppSettings}}
	c.Cluster.Secret, c.NATS.Credentials = "s3cret-e", "s3cret-f"
	c.Redis.URL, c.Redis.Password, c.Redis.SentinelPassword = "redis://u:s3cret-g@h", "s3cret-h", "s3cret-i"
	got := config.Print(c)
	if strings.Contains(got, "s3cret") || strings.Count(got, "(hidden)") != 17 { // the third token is empty, in both apps
		t.Errorf("this shows a secret, or hides something else:\n%s", got)
	}
}

// TestPrintedLoads: with secrets put in, what is printed loads to the same configuration.
func TestPrintedLoads(t *testing.T) {
	for name, content := range map[string]string{
		"nothing":       "",
		"the reference": config.New(config.Reference, "a", "b"),
		"other units":   "http: {max_body: 1000, max_head: 1025}\ndrain: 1h0m1s\ntutorial: {idle_timeout: 0, idle_check_interval: 1.5h}\n",
		"several secrets": "client_tokens: [a, b]\n" +
			"api_keys: [{name: x, key: c}, {name: 'y: \"z\"', key: d, allow: [push]}, {name: \"null\", key: e, allow: [read, manage]}]\n",
		"texts that YAML takes for something else": "tutorial: {welcome: 'null'}\nlog: {format: json}\n" +
			"tls: {cert: 'true', key: '1.10'}\nlisten: '[::1]:80'\n",
		"texts that YAML cannot have plain": `tutorial: {welcome: "\x7f\x80\u0085\u2028\ufeff\ufffe\0\e\t\n \"'#: {"}` + "\n",
		"labels of tokens": "client_tokens: [{token: a}, {token: b, labels: {}, user: ~}, {token: c, labels: {x: [b, a, b], _y-1: ''}}, " +
			"{token: d, user: 'null'}, {token: e, labels: {x: \"\\x7f\\u0085 ~\", n: 1.10}, user: \"a: b\"}]\n",
		"no label that a page may set":  "labels: {client: []}\n",
		"sites":                         "http: {allowed_origins: []}\n",
		"sites whose pages may connect": "http: {allowed_origins: ['https://a.example', 'http://[::1]:8080', 'capacitor://localhost']}\n",
		"any label that a page may set": "labels: {client: ~}\n",
		"labels that a page may set":    "labels: {client: [page, _x-1, 'null', 'true']}\n",
		"apps": "client_tokens: [a]\napps:\n  'null':\n  '1': {labels: {client: []}, page_token_may_trigger: true}\n" +
			"  b-c: {client_tokens: [b, {token: c, user: x}], api_keys: [{name: d, key: e}], labels: {client: [a]}, triggers: {t: {to: '*', message: 1}}}\n" +
			"  a: {client_tokens: ~}\n",
		"presence": "presence: [{key: order, show: [name, avatar], linger: 0}, {key: room, max_members: 9}]\n",
		"hooks": "hooks:\n  connect: {url: 'https://a.example', headers: [x-tenant], on_error: allow}\n  call: {url: 'http://a.example:1/x', concurrency: 3}\n" +
			"  events: [{name: a, url: 'http://b'}, {name: b, url: 'http://b', events: [joined], to: {page: [a, b]}, retry_for: 1h}]\n  deny_private: true\n",
		"pusher": "pusher: {id: '1', key: k, secret: s, keys: [{key: l, secret: t}], enabled: false, max_event: 10KiB, path_prefix: /push, " +
			"webhooks: [{url: 'http://a'}, {name: b, url: 'http://b', events: [cache_miss]}]}\n" +
			"apps: {shop: {pusher: {id: '2', keys: [{key: m, secret: u}]}}}\n",
		"triggers": `triggers:
  "null": {to: "*", message: null}
  "1": {to: "*", message: "\x7f\u0085\ufeff😀"}
  "a: b\n#": {to: {page: ["$p", "$$p"]}, params: {p: {default: "\x7f~"}, i: {type: integer, default: -7}, n: {type: number, default: 1.10}, b: {type: boolean, default: true}}, message: {"$p": "$p", "1": 1, "": [1e400, 0x10, 1e3]}}
`,
	} {
		c := load(t, config.Sources{File: write(t, content)})
		printed := config.Print(c)
		again, err := config.Load(config.Sources{File: write(t, restore(printed, &c))})
		if err != nil {
			t.Errorf("%s was printed as\n%s\nwhich has mistakes: %v", name, printed, err)
			continue
		}
		if !reflect.DeepEqual(again, c) {
			t.Errorf("%s was printed as\n%s\nwhich loads as\n\t%+v, want\n\t%+v", name, printed, again, c)
		}
	}
}
