package config_test

import (
	"fmt"
	"strings"
	"testing"

	"scenecast/config"
)

func TestPusherMistakes(t *testing.T) {
	with := func(settings string) string { return "pusher: {" + settings + "}" }
	webhook := func(settings string) string {
		return with("id: '1', key: k, secret: s, webhooks: [{" + settings + "}]")
	}
	check(t, []mistaken{
		{with("id: '1', key: k, secret: s"), nil},
		{with("id: 1, keys: [{key: k, secret: s}, {key: l, secret: s}]"), nil},
		{"pusher:\n  id: a.b-c_D\n  key: k\n  secret: s\n  enabled: false", nil},
		{with("id: '1', key: k, secret: s") + "\napps: {shop: {" + with("id: '2', key: l, secret: s") + "}}", nil},
		{"pusher: app", []string{"FILE:1: pusher: is {id, key, secret, …}, not a single value"}},
		{with("key: k, secret: s"), []string{`FILE:1: pusher.id: "" is no id of an app: 1 to 64 letters, digits, '_', '-' or '.'`}},
		{with("id: a/b, key: k, secret: s"), []string{`FILE:1: pusher.id: "a/b" is no id of an app: …`}},
		{with("id: '1'"), []string{"FILE:1: pusher.key: an app needs a key and its secret"}},
		{with("id: '1', key: k"), []string{"FILE:1: pusher.key: an app needs a key and its secret"}},
		{with("id: '1', secret: k"), []string{"FILE:1: pusher.key: an app needs a key and its secret"}},
		{with("id: '1', key: k, secret: k"), []string{"FILE:1: pusher.key: is also the secret, and every page knows the key"}},
		{with("id: '1', key: 'k/', secret: s"), []string{"FILE:1: pusher.key: is no key: 1 to 64 letters, digits, '_', '-' or '.'"}},
		{with("id: '1', key: k, secret: (hidden)"), []string{"FILE:1: pusher: (hidden) stands for a secret of a Pusher key; put one of your own there"}},
		{with("id: '1', key: k, secret: s, keys: [{key: l}]"), []string{"FILE:1: pusher.keys: an entry needs a key and its secret"}},
		{with("id: '1', key: k, secret: s, keys: [l]"), []string{"FILE:1: pusher.keys: is {key, secret}, not a single value"}},
		{"pusher:\n  id: '1'\n  key: k\n  secret: s\n  keys:\n  - {key: l, secret: s}\n  - {key: k, secret: t}", []string{
			`FILE:7: pusher.keys[1]: "k" is also the key in pusher.key, so /app/k does not say which of them is meant`}},
		{with("id: '1', key: k, secret: s") + "\napps:\n  shop:\n    " + with("id: '1', key: k, secret: t"), []string{
			`FILE:4: apps.shop.pusher.id: "1" is also the id in pusher, so /apps/1 does not say which app is meant`,
			`FILE:4: apps.shop.pusher.key: "k" is also the key in pusher.key, so /app/k does not say which of them is meant`}},
		{"api_keys: [{name: a, key: s}]\n" + with("id: '1', key: k, secret: s"), []string{
			"FILE:1: api_keys: the key of a is also the secret of k in pusher, …"}},
		{with("id: '1', key: k, secret: s, max_batch: 0"), []string{"FILE:1: pusher.max_batch: must be more than 0"}},
		{with("id: '1', key: k, secret: s, max_members: 10001"), []string{"FILE:1: pusher.max_members: must be from 1 to 10000"}},
		{with("id: '1', key: k, secret: s, max_event_name: 201"), []string{"FILE:1: pusher.max_event_name: must be from 1 to 200"}},
		{with("id: '1', key: k, secret: s, max_event: lots"), []string{"FILE:1: pusher.max_event: …"}},
		{with("id: '1', key: k, secret: s, path_prefix: push/"), []string{`FILE:1: pusher.path_prefix: "push/" is no prefix of a path; write it as /push, without a slash at the end`}},
		{with("id: '1', key: k, secret: s, max_chanels: 1"), []string{"FILE:1: pusher.max_chanels: there is no such setting; did you mean max_channels?"}},
		{webhook("name: a, url: 'http://a', events: [cache_miss, member_added]"), nil},
		{webhook("name: a"), []string{"FILE:1: pusher.webhooks: a hook needs a url"}},
		{webhook("url: a"), []string{"FILE:1: pusher.webhooks.url: is no URL of a hook; …"}},
		{webhook("url: 'http://a', events: [joined]"), []string{`FILE:1: pusher.webhooks.events: "joined" is no event; the events are channel_occupied, …`}},
		{webhook("url: 'http://a', events: []"), []string{"FILE:1: pusher.webhooks.events: is empty, so the webhook would be told of nothing; …"}},
		{webhook("url: 'http://a', batch: 0"), []string{"FILE:1: pusher.webhooks.batch: must be more than 0"}},
		{webhook("url: 'http://a'}, {url: 'http://b'"), []string{`FILE:1: pusher.webhooks.name: "webhook" is there twice`}},
		{webhook("url: 'http://a', name: a.b"), []string{`FILE:1: pusher.webhooks.name: "a.b" is no name of a webhook: …`}},
	})
}

// TestPusherSecretsStayHidden: neither a mistake nor anything that prints the settings has them.
func TestPusherSecretsStayHidden(t *testing.T) {
	for _, settings := range []string{"id: '1', key: s3cret/", "id: '1', key: s3cret, secret: s3cret", "id: '1', keys: [{key: s3cret}]", "s3cret-s3cret-s3cret: k"} {
		if _, err := config.Load(config.Sources{File: write(t, "pusher: {"+settings+"}")}); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s makes the mistake %v", settings, err)
		}
	}
	c := load(t, config.Sources{File: write(t, "pusher: {id: '1', key: k, secret: s3cret, keys: [{key: l, secret: s3cret}], webhooks: [{url: 'http://a/x?s3cret'}]}")})
	known := c.App("default").PusherApp()
	for _, text := range []string{config.Print(c), fmt.Sprintf("%v %+v %#v", c.Pusher, c.Pusher, c.Pusher), fmt.Sprintf("%v %+v %#v", known, known, known)} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("this shows a secret:\n%s", text)
		}
	}
	if fmt.Sprintf("%v", known.Keys) != "[k l]" {
		t.Errorf("the keys are %v", known.Keys)
	}
}
