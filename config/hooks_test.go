package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"scenecast/config"
)

func TestHookMistakes(t *testing.T) {
	connect := func(settings string) string { return "hooks: {connect: {" + settings + "}}" }
	call := func(settings string) string { return "hooks: {call: {" + settings + "}}" }
	events := func(settings string) string { return "hooks: {events: [{" + settings + "}]}" }
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	check(t, []mistaken{
		{connect("url: 'https://a.example/x?y=1', secret: " + secret + ", headers: [x-tenant]"), nil},
		{"http: {allowed_origins: ['https://a.example']}\n" + connect("url: 'https://a.example', headers: [cookie]"), nil},
		{connect("url: 'https://a.example', headers: [cookie]"), []string{`FILE:1: hooks.connect.headers: browsers send a cookie from pages of every site, and http.allowed_origins has "*", …`}},
		{call("url: 'http://a', secret: [" + secret + ", " + secret + "]"), nil},
		{events("name: a, url: 'http://a', to: {page: home}, events: [joined, left]"), nil},
		{"engine: redis\ndata_dir: d\n" + events("name: a, url: 'http://a'"), nil},
		{"engine: memory\ndata_dir: d\napps: {shop: {" + events("name: a, url: 'http://a'") + "}}", nil},
		{"engine: redis\ndata_dir: d\npusher: {id: a, key: k, secret: s, webhooks: [{url: 'http://a'}]}", nil},
		{"nats: {url: 'nats://a'}\ndata_dir: d\n" + events("name: a, url: 'http://a'"), nil},
		{connect("timeout: 1s"), []string{"FILE:1: hooks.connect: a hook needs a url"}},
		{connect("url: example.com"), []string{"FILE:1: hooks.connect.url: is no URL of a hook; write it as https://www.example.com/scenecast"}},
		{connect("url: 'ftp://a'"), []string{"FILE:1: hooks.connect.url: is no URL of a hook; …"}},
		{connect("url: 'http://a', secret: abc"), []string{"FILE:1: hooks.connect.secret: a secret is whsec_ and 24 to 64 bytes in base64"}},
		{connect("url: 'http://a', on_error: ignore"), []string{`FILE:1: hooks.connect.on_error: "ignore" is neither refuse nor allow`}},
		{connect("url: 'http://a', headers: ['a b']"), []string{`FILE:1: hooks.connect.headers: "a b" is no name of a header`}},
		{connect("url: 'http://a', concurrency: 0"), []string{"FILE:1: hooks.connect.concurrency: must be more than 0"}},
		{connect("url: 'http://a', retries: 1"), []string{"FILE:1: hooks.connect.retries: there is no such setting…"}},
		{"hooks: {connect: 'http://a'}", []string{"FILE:1: hooks.connect: is {url, secret, timeout, on_error, headers, concurrency}, not a …"}},
		{call("url: 'http://a', concurrency: 0"), []string{"FILE:1: hooks.call.concurrency: must be more than 0"}},
		{call("concurrency: 1"), []string{"FILE:1: hooks.call: a hook needs a url"}},
		{events("url: 'http://a'"), []string{`FILE:1: hooks.events.name: "" is no name of a hook: …`}},
		{events("name: a, url: 'http://a', events: []"), []string{"FILE:1: hooks.events.events: is empty, so the hook would be told of nothing; …"}},
		{events("name: a, url: 'http://a', events: [arrived]"), []string{`FILE:1: hooks.events.events: "arrived" is no event; the events are [connected …`}},
		{events("name: a, url: 'http://a', to: 'page =='"), []string{"FILE:1: hooks.events.to: column 8: …"}},
		{events("name: a, url: 'http://a', max_wait: 0"), []string{"FILE:1: hooks.events.max_wait: must be more than 0"}},
		{events("name: a, url: 'http://a'}, {name: a, url: 'http://b'"), []string{`FILE:1: hooks.events.name: "a" is there twice`}},
		{"apps: {shop: {hooks: {connect: {timeout: 1s}}}}", []string{"FILE:1: apps.shop.hooks.connect: a hook needs a url"}},
	})
}

// TestHookSecretsStayHidden: neither a mistake nor anything that prints the settings has them, nor what may be secret in a URL.
func TestHookSecretsStayHidden(t *testing.T) {
	for _, settings := range []string{
		"connect: {url: 's3cret'}", "connect: {url: 'http://a', secret: whsec_s3cret}", "events: [{name: a, url: 'ftp://s3cret@a'}]",
		"call: {url: 'http://a', secret: [s3cret]}",
	} {
		if _, err := config.Load(config.Sources{File: write(t, "hooks: {"+settings+"}")}); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s makes the mistake %v", settings, err)
		}
	}
	c := load(t, config.Sources{File: write(t, "hooks: {connect: {url: 'https://u:s3cret@a/x?key=s3cret', secret: whsec_czNjcmV0czNjcmV0czNjcmV0czNjcmV0czNjcmV0}}")})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "url", c.Hooks.Connect.URL)
	for _, text := range []string{log.String(), config.Print(c), fmt.Sprintf("%v %+v %#v", c.Hooks, c.Hooks, c.Hooks)} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, "czNjcmV0czNj") || !strings.Contains(text, "a/x?(hidden)") {
			t.Errorf("this shows a secret, or hides something else:\n%s", text)
		}
	}
}
