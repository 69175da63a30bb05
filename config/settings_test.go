package config_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast/auth"
	"scenecast/config"
	"scenecast/label"
	"scenecast/push"
)

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
	"access_log.to":          {"/var/log/scenecast/access.log", "/var/log/scenecast/access.log"},
	"access_log.format":      {"text", "text"},
	"tracing.endpoint":       {"http://127.0.0.1:4318", config.CollectorURL("http://127.0.0.1:4318")},
	"tracing.sample_ratio":   {"0.5", config.Ratio("0.5")},
	"tracing.headers":        {"api-key=k", config.Secret("api-key=k")},
	"tracing.service_name":   {"push", "push"},
	"listen":                 {"127.0.0.1:0", "127.0.0.1:0"},
	"socket_mode":            {"0600", "0600"},
	"client_tokens":          {"[a, {token: b, labels: {plan: pro}}]", config.ClientTokens{{Token: "a"}, {Token: "b", Labels: label.New(label.Label{Key: "plan", Value: "pro"})}}},
	"feed.max_age":           {"1h", config.Duration(time.Hour)},
	"feed.max_count":         {"9", 9},
	"feed.max_bytes":         {"1MiB", config.Size(1 << 20)},
	"jwt.keys":               {`[{kid: a, alg: HS512, key: "a secret of 32 bytes, or some more"}, {file: jwt.pem}]`, config.JWTKeys{{ID: "a", Algorithm: "HS512", Key: "a secret of 32 bytes, or some more"}, {File: "jwt.pem"}}},
	"jwt.jwks_url":           {"https://login.example.com/jwks.json", config.KeySetURL("https://login.example.com/jwks.json")},
	"jwt.issuer":             {"https://login.example.com", "https://login.example.com"},
	"jwt.audience":           {"pages", "pages"},
	"jwt.leeway":             {"0", config.Duration(0)},
	"jwt.max_lifetime":       {"1h", config.Duration(time.Hour)},
	"jwt.expiry_notice":      {"0", config.Duration(0)},
	"api_keys":               {`[{name: cron, key: "s3", allow: [trigger]}]`, config.APIKeys{{Name: "cron", Key: "s3", Allow: config.Scopes{auth.Trigger}}}},
	"page_token_may_trigger": {"true", true},
	"max_connections":        {"9", 9},
	"triggers":               {`{"t":{"to":"*","message":[1.10]}}`, config.Triggers{{Name: "t", Declaration: push.Declaration{To: json.RawMessage(`"*"`), Message: json.RawMessage(`[1.10]`)}}}},
	"presence": {`[{key: order, show: [name]}, {key: room, linger: 0, max_members: 9}]`, config.PresenceKeys{
		{Key: "order", Show: config.LabelKeys{"name"}, Linger: config.Duration(3 * time.Second), MaxMembers: 1000}, {Key: "room", MaxMembers: 9},
	}},
	"pusher": {`{id: "1", key: k, secret: s, max_batch: 9, webhooks: [{url: "http://a", events: [cache_miss]}]}`, config.Pusher{
		ID: "1", Key: "k", Secret: "s", Enabled: true, ClientEvents: true, ClientEventRate: 10, Linger: config.Duration(3 * time.Second), MaxChannels: 1000, MaxMembers: 500, MaxUserInfo: 1 << 10,
		MaxWatchlist: 100, MaxEvent: 100 << 10, MaxEventName: 200, MaxChannelName: 200, MaxEventChannels: 100, MaxBatch: 9,
		Webhooks: config.PusherWebhooks{{
			Name: "webhook", URL: "http://a", Events: config.PusherEvents{"cache_miss"}, Timeout: config.Duration(10 * time.Second), Batch: 100,
			MaxWait: config.Duration(100 * time.Millisecond), RetryFor: config.Duration(5 * time.Minute), MaxQueue: 100_000, MaxQueueBytes: 64 << 20,
		}},
	}},
	"labels.client":          {"[page, order]", config.LabelKeys{"page", "order"}},
	"labels.max_count":       {"7", 7},
	"labels.max_key_bytes":   {"1KiB", config.Size(1024)},
	"labels.max_value_bytes": {"100", config.Size(100)},
	"apps":                   {`{"shop":{"page_token_may_trigger":true,"labels":{"client":[]}}}`, config.OtherApps{{Name: "shop", AppSettings: config.AppSettings{PageTokenMayTrigger: true, JWT: config.Default().JWT}, Labels: config.AppLabels{Client: config.LabelKeys{}}}}},
	"hooks.connect":          {`{"url":"http://a"}`, config.ConnectHook{URL: "http://a", Timeout: config.Duration(2 * time.Second), OnError: "refuse", Concurrency: 100}},
	"hooks.call":             {`{url: 'http://a', concurrency: 3}`, config.CallHook{URL: "http://a", Timeout: config.Duration(5 * time.Second), Concurrency: 3}},
	"hooks.events": {`[{name: n, url: 'http://a', events: [joined]}]`, config.EventHooks{{
		Name: "n", URL: "http://a", Events: config.HookEvents{"joined"}, Timeout: config.Duration(10 * time.Second), Batch: 100,
		MaxWait: config.Duration(time.Second), RetryFor: config.Duration(24 * time.Hour), MaxQueue: 100_000, MaxQueueBytes: 64 << 20,
	}}},
	"hooks.deny_private":           {"true", true},
	"websocket.max_message":        {"2MiB", config.Size(2 << 20)},
	"websocket.ping_interval":      {"0", config.Duration(0)},
	"websocket.message_timeout":    {"45s", config.Duration(45 * time.Second)},
	"websocket.pong_wait":          {"1m30s", config.Duration(90 * time.Second)},
	"websocket.close_wait":         {"250ms", config.Duration(250 * time.Millisecond)},
	"websocket.compression":        {"true", true},
	"sockjs.disconnect_delay":      {"2s", config.Duration(2 * time.Second)},
	"sockjs.hostname":              {"node-a.example.com", "node-a.example.com"},
	"tutorial.welcome":             {"null", "null"}, // a variable is a text
	"tutorial.idle_check_interval": {"1h", config.Duration(time.Hour)},
	"tutorial.idle_timeout":        {"0s", config.Duration(0)},
	"limits.connections":           {"1", 1},
	"limits.per_address":           {"2", 2},
	"limits.accept_rate":           {"3", 3},
	"limits.connect_rate":          {"4", 4},
	"limits.failed_tokens":         {"5", 5},
	"limits.page_messages":         {"6", 6},
	"limits.page_sets":             {"7", 7},
	"limits.page_calls":            {"7", 7},
	"limits.trusted_proxies":       {"[10.0.0.0/8, '::1']", config.Networks{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
	"limits.proxy_protocol":        {"required", "required"},
	"outbox.max_bytes":             {"1GiB", config.Size(1 << 30)},
	"outbox.max_frames":            {"1", 1},
	"outbox.max_total":             {"1GiB", config.Size(1 << 30)},
	"outbox.slow_consumer":         {"drop_oldest", "drop_oldest"},
	"outbox.send_buffer":           {"64KiB", config.Size(64 << 10)},
	"outbox.write_timeout":         {"1s", config.Duration(time.Second)},
	"push.max_ttl":                 {"1h", config.Duration(time.Hour)},
	"push.max_timeout":             {"1m", config.Duration(time.Minute)},
	"push.idempotency_window":      {"24h", config.Duration(24 * time.Hour)},
	"push.max_idempotency_keys":    {"1000", 1000},
	"history.max_bytes":            {"1GiB", config.Size(1 << 30)},
	"history.max_count":            {"7", 7},
	"history.max_age":              {"1h", config.Duration(time.Hour)},
	"engine":                       {"redis", "redis"},
	"data_dir":                     {"/var/lib/scenecast", "/var/lib/scenecast"},
	"cluster.name":                 {"shop-2", "shop-2"},
	"cluster.node":                 {"a", "a"},
	"cluster.listen":               {"10.0.0.1:9601", "10.0.0.1:9601"},
	"cluster.peers":                {"[10.0.0.2:9601, '[fd00::3]:9601']", config.Addresses{"10.0.0.2:9601", "[fd00::3]:9601"}},
	"cluster.secret":               {"between nodes", config.Secret("between nodes")},
	"cluster.tls.cert":             {"node.pem", "node.pem"},
	"cluster.tls.key":              {"node-key.pem", "node-key.pem"},
	"cluster.tls.ca":               {"ca.pem", "ca.pem"},
	"cluster.answer_timeout":       {"1s", config.Duration(time.Second)},
	"cluster.forget_after":         {"10s", config.Duration(10 * time.Second)},
	"cluster.election":             {"safe", "safe"},
	"nats.url":                     {"nats://10.0.0.9:4222,nats://10.0.0.8:4222", "nats://10.0.0.9:4222,nats://10.0.0.8:4222"},
	"nats.credentials":             {"/etc/scenecast.creds", config.Secret("/etc/scenecast.creds")},
	"nats.replicas":                {"3", 3},
	"nats.sync":                    {"always", "always"},
	"redis.url":                    {"rediss://10.0.0.9:6380/2", config.RedisURL("rediss://10.0.0.9:6380/2")},
	"redis.sentinel_master":        {"mymaster", "mymaster"},
	"redis.sentinel_username":      {"sentinel", "sentinel"},
	"redis.sentinel_password":      {"of sentinels", config.Secret("of sentinels")},
	"redis.username":               {"scenecast", "scenecast"},
	"redis.password":               {"of redis", config.Secret("of redis")},
	"redis.tls.cert":               {"redis.pem", "redis.pem"},
	"redis.tls.key":                {"redis-key.pem", "redis-key.pem"},
	"redis.tls.ca":                 {"redis-ca.pem", "redis-ca.pem"},
	"redis.prefix":                 {"shop", "shop"},
	"redis.wait_replicas":          {"1", 1},
	"redis.registry":               {"true", true},
	"redis.registry_key":           {"swoole:fds", "swoole:fds"},
	"http.max_body":                {"1MiB", config.Size(1 << 20)},
	"http.max_head":                {"8 KiB", config.Size(8 << 10)},
	"http.head_timeout":            {"1s", config.Duration(time.Second)},
	"http.body_timeout":            {"1s", config.Duration(time.Second)},
	"http.write_timeout":           {"1s", config.Duration(time.Second)},
	"http.idle_timeout":            {"1s", config.Duration(time.Second)},
	"http.allowed_origins":         {"[https://www.example.com, http://localhost:8080]", config.Origins{"https://www.example.com", "http://localhost:8080"}},
	"http.token_cookie":            {"__Host-push", "__Host-push"},
	"tls.cert":                     {"/etc/a=b.pem", "/etc/a=b.pem"},
	"tls.key":                      {"key.pem", "key.pem"},
	"tls.certificates":             {"[{cert: a.pem, key: a-key.pem}]", config.Certificates{{Cert: "a.pem", Key: "a-key.pem"}}},
	"tls.client_ca":                {"clients.pem", "clients.pem"},
	"tls.hsts":                     {"8760h", config.Duration(8760 * time.Hour)},
	"tls.redirect":                 {":80", ":80"},
	"tls.acme.domains":             {"[push.example.com]", config.Domains{"push.example.com"}},
	"tls.acme.email":               {"ops@example.com", "ops@example.com"},
	"tls.acme.ca":                  {"https://127.0.0.1:14000/dir", "https://127.0.0.1:14000/dir"},
	"tls.acme.ca_root":             {"pebble.pem", "pebble.pem"},
	"tls.acme.dir":                 {"/var/lib/acme", "/var/lib/acme"},
	"handover":                     {"/run/h.sock", "/run/h.sock"},
	"drain_delay":                  {"15s", config.Duration(15 * time.Second)},
	"drain":                        {"0", config.Duration(0)},
	"log.level":                    {"debug", "debug"},
	"log.format":                   {"json", "json"},
	"dashboard.enabled":            {"true", true},
	"dashboard.listen":             {"127.0.0.1:9503", "127.0.0.1:9503"},
	"dashboard.hosts":              {"[push.example.com, '*.example.org']", config.Hosts{"push.example.com", "*.example.org"}},
	"debug.listen":                 {"127.0.0.1:0", "127.0.0.1:0"},
}

// setting is a setting's value.
func setting(c config.Config, key string) any { return find(reflect.ValueOf(c), key) }

func find(v reflect.Value, key string) any {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if tag == key {
			return v.Field(i).Interface()
		}
		rest, within := strings.CutPrefix(key, tag+".")
		if field.Anonymous {
			rest, within = key, true
		}
		if within && field.Type.Kind() == reflect.Struct {
			if value := find(v.Field(i), rest); value != nil {
				return value
			}
		}
	}
	return nil
}

// TestEverySetting: it can be set by its variable, by a flag and in the file, and sets nothing else.
func TestEverySetting(t *testing.T) {
	defaults := config.Default()
	needs := map[string][]string{
		"tls.cert":            {"tls.key"},
		"tls.key":             {"tls.cert"},
		"http.token_cookie":   {"http.allowed_origins"},
		"cluster.listen":      {"cluster.peers", "cluster.secret", "data_dir"},
		"cluster.peers":       {"cluster.listen", "cluster.secret", "data_dir"},
		"cluster.tls.cert":    {"cluster.tls.key", "cluster.tls.ca"},
		"cluster.tls.key":     {"cluster.tls.cert", "cluster.tls.ca"},
		"cluster.tls.ca":      {"cluster.tls.cert", "cluster.tls.key"},
		"nats.replicas":       {"nats.url"},
		"nats.credentials":    {"nats.url"},
		"nats.sync":           {"data_dir"},
		"redis.username":      {"redis.password"},
		"redis.wait_replicas": {"engine"},
		"redis.tls.cert":      {"redis.tls.key", "redis.url"},
		"redis.tls.key":       {"redis.tls.cert", "redis.url"},
		"redis.tls.ca":        {"redis.url"},

		"redis.sentinel_username": {"redis.sentinel_master"},
		"redis.sentinel_password": {"redis.sentinel_master"},
	}
	for _, key := range config.Keys() {
		c, ok := another[key]
		if !ok {
			t.Errorf("%s is not in this test's table", key)
			continue
		}
		if reflect.DeepEqual(setting(defaults, key), c.want) {
			t.Errorf("this test sets %s to its default %v, which shows nothing", key, c.want)
		}
		for source, s := range map[string]config.Sources{
			"the variable": {Environ: []string{config.Variable(key) + "=" + c.text}},
			"the flag":     {Flags: map[string]string{key: c.text}},
			"the file":     {File: write(t, fileWith(t, key))},
		} {
			for _, other := range needs[key] {
				s.Environ = append(s.Environ, config.Variable(other)+"="+another[other].text)
			}
			got := load(t, s)
			if value := setting(got, key); !reflect.DeepEqual(value, c.want) {
				t.Errorf("%s set to %s by %s: %#v, want %#v", key, c.text, source, value, c.want)
			}
			for _, other := range config.Keys() {
				if other != key && !slices.Contains(needs[key], other) && !reflect.DeepEqual(setting(got, other), setting(defaults, other)) {
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
	case config.JWTKeys, config.LabelKeys, config.Origins, config.Certificates, config.Domains, config.Hosts, config.Networks, config.Addresses, config.ClientTokens, config.APIKeys, config.Triggers, config.OtherApps,
		config.PresenceKeys, config.ConnectHook, config.CallHook, config.EventHooks, config.Pusher:
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(c.text), &document); err != nil {
			t.Fatal(err)
		}
		value = document.Content[0]
	}
	names := strings.Split(key, ".")
	for _, name := range slices.Backward(names) {
		value = map[string]any{name: value}
	}
	file, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}
