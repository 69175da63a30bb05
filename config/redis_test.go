package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"scenecast/config"
)

func TestRedisMistakes(t *testing.T) {
	redis := func(settings string) string { return "redis: {" + settings + "}" }
	check(t, []mistaken{
		{redis("url: 'redis://:p@a:7000,b:7000'"), nil},
		{redis("url: 'redis://a,b/1', sentinel_master: m, sentinel_password: x"), nil},
		{redis("url: 'unix:///run/redis.sock?db=1', password: p"), nil},
		{redis("url: 'rediss://h', tls: {ca: a.pem}"), nil},
		{redis("url: '10.0.0.1:6379'"), []string{"FILE:1: redis.url: it is no URL of Redis; write it as redis://127.0.0.1:6379/0, or with rediss:// for TLS, unix:// for a socket"}},
		{redis("url: 'redis://h:port', tls: {ca: a.pem}"), []string{"FILE:1: redis.url: host 1 has no port from 1 to 65535 behind its colon; …"}},
		{redis("url: 'redis://a,b/1'"), []string{"FILE:1: redis.url: several hosts are a Redis Cluster, which has database 0 only; for Sentinels, set redis.sentinel_master"}},
		{redis("url: 'redis://:(hidden)@h'"), []string{"FILE:1: redis.url: (hidden) stands for a password; put your own there"}},
		{redis("password: '(hidden)'"), []string{"FILE:1: redis.password: (hidden) stands for a secret; put one of your own there"}},
		{redis("url: 'redis://:p@h', password: p"), []string{"FILE:1: redis.password: redis.url has a password, too; leave one of them out"}},
		{redis("url: 'redis://u:p@h', username: u"), []string{"FILE:1: redis.username: redis.url has a user, too; leave one of them out"}},
		{redis("username: u"), []string{"FILE:1: redis.username: a user needs a password: redis.password"}},
		{redis("tls: {ca: a.pem}"), []string{"FILE:1: redis.tls.ca: redis.url asks for no TLS; let it begin with rediss://"}},
		{redis("url: 'rediss://h', tls: {cert: a.pem}"), []string{"FILE:1: redis.tls.cert: redis.tls needs both cert and key, or none"}},
		{redis("url: 'unix:///r.sock', sentinel_master: m"), []string{"FILE:1: redis.sentinel_master: Sentinels are found by host and port, and redis.url is a socket"}},
		{redis("sentinel_username: u"), []string{"FILE:1: redis.sentinel_username: needs redis.sentinel_master: …"}},
		{redis("sentinel_password: p"), []string{"FILE:1: redis.sentinel_password: needs redis.sentinel_master: …"}},
		{redis("prefix: ''"), []string{`FILE:1: redis.prefix: "" is none; it takes any visible characters of ASCII but { and }`}},
		{redis("prefix: 'a{b'"), []string{`FILE:1: redis.prefix: "a{b" is none; …`}},
		{redis("registry_key: 'a b'"), []string{`FILE:1: redis.registry_key: "a b" is no key; …`}},
		{redis("registry_key: '{shop}:fds'"), nil},
		{redis("registry_key: '{}:fds'"), []string{`FILE:1: redis.registry_key: "{}:fds" is no key; what it has in braces is one hash tag, as in {shop}:fds`}},
		{redis("registry_key: 'a}b{c'"), []string{`FILE:1: redis.registry_key: "a}b{c" is no key; what it has in braces …`}},
		{redis("registry_key: '{a}{b}'"), []string{`FILE:1: redis.registry_key: "{a}{b}" is no key; what it has in braces …`}},
		{redis("wait_replicas: -1"), []string{`FILE:1: redis.wait_replicas: takes a whole number, not "-1"`}},
		{redis("registry: yes"), []string{`FILE:1: redis.registry: takes true or false, not "yes"`}},
	})
}

// TestIdleRedisSettings: what does nothing is told, and above all that redis.url alone chooses no engine.
func TestIdleRedisSettings(t *testing.T) {
	const idle = ": needs engine: redis, or redis.registry, and does nothing"
	for text, want := range map[string][]string{
		"redis: {url: 'redis://h'}":                                  {"redis.url" + idle},
		"redis: {url: 'redis://h', sentinel_master: m}":              {"redis.url" + idle, "redis.sentinel_master" + idle},
		"data_dir: d\nredis: {url: 'redis://h'}":                     {"redis.url" + idle},
		"engine: redis\nredis: {url: 'redis://h'}":                   nil,
		"redis: {url: 'redis://h', registry: true, registry_key: k}": nil,
		"redis: {registry_key: k}":                                   {"redis.registry_key: needs redis.registry, and does nothing"},
		"redis: {url: 'redis://127.0.0.1:6379/0'}":                   nil,
	} {
		l, err := config.Read(config.Sources{File: write(t, text)})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, w := range l.Warnings {
			got = append(got, w.Key+": "+w.Detail.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the warnings are %q, want %q", text, got, want)
		}
	}
	check(t, []mistaken{
		{"engine: redis\nredis: {registry_key: '{scenecast:scenecast}:head'}", []string{`FILE:2: redis.registry_key: "{scenecast:scenecast}:head" is among the keys that the engine redis has, …`}},
		{"engine: redis\nredis: {registry_key: '{scenecast:other}:head'}", nil},
	})
}

// TestRedisPasswordStaysHidden: neither a mistake nor anything that prints the settings has it.
func TestRedisPasswordStaysHidden(t *testing.T) {
	for _, url := range []string{"redis://u:s3cret@h:port", "redis://u:s3cret", "redis://u:a/s3cret@h", "s3cret", "redis://h/s3cret", "redis://h?s3cret=1"} {
		for source, s := range map[string]config.Sources{
			"file":     {File: write(t, "redis: {url: '"+url+"'}")},
			"variable": {Environ: []string{"SCENECAST_REDIS_URL=" + url}},
			"flag":     {Flags: map[string]string{"redis.url": url}},
		} {
			if _, err := config.Load(s); err == nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s from the %s makes the mistake %v", url, source, err)
			}
		}
	}
	c := load(t, config.Sources{Flags: map[string]string{"redis.url": "redis://u:s3cret@h:1/2"}})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "url", c.Redis.URL)
	for _, text := range []string{log.String(), config.Print(c), fmt.Sprintf("%v %+v %#v", c.Redis, c.Redis, c.Redis)} {
		if strings.Contains(text, "s3cret") || !strings.Contains(text, "redis://u:(hidden)@h:1/2") {
			t.Errorf("this is no URL without its password:\n%s", text)
		}
	}
}

func TestRegistryHash(t *testing.T) {
	for want, r := range map[string]config.Redis{
		"{scenecast}:connections": {Prefix: "scenecast"},
		"swoole:fds":              {Prefix: "scenecast", RegistryKey: "swoole:fds"},
	} {
		if got := r.RegistryHash(); got != want {
			t.Errorf("the key of %+v is %s, want %s", r, got, want)
		}
	}
}
