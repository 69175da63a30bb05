package config

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"scenecast/redisurl"
)

// Redis says which Redis is used, where one is: by the registry of connections, or by an engine. Everything is kept below
// Prefix.
type Redis struct {
	URL              RedisURL `yaml:"url"`
	SentinelMaster   string   `yaml:"sentinel_master"` // empty: the hosts of the URL are no Sentinels
	SentinelUsername string   `yaml:"sentinel_username"`
	SentinelPassword Secret   `yaml:"sentinel_password"`
	Username         string   `yaml:"username"`
	Password         Secret   `yaml:"password"`
	TLS              RedisTLS `yaml:"tls"`
	Prefix           string   `yaml:"prefix"`
	WaitReplicas     int      `yaml:"wait_replicas"` // 0: none is waited for
	Registry         bool     `yaml:"registry"`
	RegistryKey      string   `yaml:"registry_key"` // empty: of the prefix; see RegistryHash
}

// RedisTLS names files in PEM, for rediss: a certificate and its key, both or none, and the authorities that the server's certificate
// may be of.
type RedisTLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	CA   string `yaml:"ca"` // empty: those of the system
}

// RegistryHash is the key of the hash that the registry keeps.
func (r Redis) RegistryHash() string {
	if r.RegistryKey != "" {
		return r.RegistryKey
	}
	return "{" + r.Prefix + "}:connections"
}

// RedisURL is a URL of Redis, as package redisurl reads it. It prints without its password, in a log as well; string(u) has it.
type RedisURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *RedisURL) UnmarshalText(text []byte) error {
	return parse(u, func(text string) (RedisURL, error) {
		_, err := redisurl.Parse(text)
		return RedisURL(text), err
	}, text)
}

// MarshalText implements encoding.TextMarshaler.
func (u RedisURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// String implements fmt.Stringer.
func (u RedisURL) String() string { return redisurl.Redact(string(u)) }

// GoString implements fmt.GoStringer.
func (u RedisURL) GoString() string { return u.String() }

// LogValue implements slog.LogValuer.
func (u RedisURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// checkRedis finds what is wrong with what is said of Redis.
func (d *decoder) checkRedis(c *Config) {
	r := &c.Redis
	if r.Prefix == "" || strings.ContainsFunc(r.Prefix, isNoKeyCharacter) || strings.ContainsAny(r.Prefix, "{}") {
		d.wrong("redis.prefix", "%q is none; it takes any visible characters of ASCII but { and }", r.Prefix)
	}
	switch key := r.RegistryKey; {
	case strings.ContainsFunc(key, isNoKeyCharacter):
		d.wrong("redis.registry_key", "%q is no key; it takes visible characters of ASCII, as in swoole:fds", key)
	case !oneHashTag.MatchString(key):
		d.wrong("redis.registry_key", "%q is no key; what it has in braces is one hash tag, as in {shop}:fds", key)
	case strings.HasPrefix(key, "{"+r.Prefix+":"+c.Cluster.Name+"}:") && c.Engine == EngineRedis:
		d.wrong("redis.registry_key", "%q is among the keys that the engine redis has, which all begin with its prefix and cluster.name", key)
	}
	d.warnOfIdleRedis(c)
	if d.unreadable("redis.url") {
		return
	}
	u, err := redisurl.Parse(string(r.URL))
	if err != nil { // of a program that has set it itself
		d.wrong("redis.url", "%v", err)
		return
	}
	d.checkRedisUser(r, u)
	switch t := r.TLS; {
	case t == RedisTLS{}:
	case !u.TLS:
		d.wrong(firstSet("redis.tls", "cert", t.Cert, "key", t.Key, "ca", t.CA), "redis.url asks for no TLS; let it begin with rediss://")
	case (t.Cert == "") != (t.Key == ""):
		d.wrong(firstSet("redis.tls", "cert", t.Cert, "key", t.Key), "redis.tls needs both cert and key, or none")
	}
	switch {
	case r.SentinelMaster != "" && u.Socket != "":
		d.wrong("redis.sentinel_master", "Sentinels are found by host and port, and redis.url is a socket")
	case r.SentinelMaster == "" && r.SentinelUsername != "":
		d.wrong("redis.sentinel_username", "needs redis.sentinel_master: the name by which Sentinels know the master")
	case r.SentinelMaster == "" && r.SentinelPassword != "":
		d.wrong("redis.sentinel_password", "needs redis.sentinel_master: the name by which Sentinels know the master")
	case r.SentinelMaster == "" && len(u.Hosts) > 1 && u.Database != 0:
		d.wrong("redis.url", "several hosts are a Redis Cluster, which has database 0 only; for Sentinels, set redis.sentinel_master")
	}
}

// warnOfIdleRedis warns of settings that do nothing, because nothing uses a Redis: redis.url chooses no engine.
func (d *decoder) warnOfIdleRedis(c *Config) {
	r := c.Redis
	if r.RegistryKey != "" && !r.Registry {
		d.warn("redis.registry_key", "redis.registry_key", "needs redis.registry, and does nothing")
	}
	if r.Registry || c.Engine == EngineRedis || d.unreadable("engine") || d.unreadable("redis.url") {
		return
	}
	const need = "needs engine: redis, or redis.registry, and does nothing"
	if r.URL != Default().Redis.URL {
		d.warn("redis.url", "redis.url", need)
	}
	if r.SentinelMaster != "" {
		d.warn("redis.sentinel_master", "redis.sentinel_master", need)
	}
}

// checkRedisUser finds what is wrong with who the server is to Redis.
func (d *decoder) checkRedisUser(r *Redis, u redisurl.URL) {
	switch {
	case slices.Contains(placeholders, u.Password):
		d.wrong("redis.url", "%s stands for a password; put your own there", u.Password)
	case r.Password != "" && u.Password != "":
		d.wrong("redis.password", "redis.url has a password, too; leave one of them out")
	case r.Username != "" && u.Username != "":
		d.wrong("redis.username", "redis.url has a user, too; leave one of them out")
	case r.Username != "" && r.Password == "" && u.Password == "":
		d.wrong("redis.username", "a user needs a password: redis.password")
	}
}

// oneHashTag matches keys without braces, and those that have braces once, with something between them: other keys of the registry have
// to be in the same slot of a Redis Cluster.
var oneHashTag = regexp.MustCompile(`^[^{}]*(\{[^{}]+\}[^{}]*)?$`)

func isNoKeyCharacter(c rune) bool { return c <= ' ' || c > '~' }
