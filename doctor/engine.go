package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/rueidis"

	"scenecast/config"
	"scenecast/engine/nats"
	"scenecast/language"
	"scenecast/redisclient"
	"scenecast/server"
)

// checkRedis looks whether the Redis of the engine, or of the registry, is there and keeps what it is given.
func checkRedis(ctx context.Context, s *subject, r *report) {
	engine := s.Config.EngineName() == config.EngineRedis
	if !engine && !s.Config.Redis.Registry {
		r.add(Skipped, nothing, "no setting uses a Redis (engine, redis.registry)")
		return
	}
	where := s.Config.Redis.URL.String()
	client, err := redisclient.New(server.RedisClientOptions(s.Config.Redis))
	if err != nil {
		r.add(Failure, language.Textf("Start it, or correct the section redis; a server of the engine redis waits for it, and answers 503 to pushes."), "no Redis answers at %s: %v", where, err)
		return
	}
	defer client.Close()
	info := make(map[string]string)
	for _, section := range []string{"server", "memory", "persistence", "replication"} {
		text, err := client.Do(ctx, client.B().Info().Section(section).Build()).ToString()
		if err != nil {
			r.add(Failure, language.Textf("Let the user of redis.username call INFO (docs/cluster.md lists the rights)."), "Redis at %s does not tell how it is (INFO %s): %v", where, section, err)
			return
		}
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				info[name] = value
			}
		}
	}
	judgeRedis(r, where, info, engine)
	sent := time.Now()
	if theirs, ok := redisTime(ctx, client); ok {
		r.skew("clock", language.Textf("Redis at %s", where), theirs, sent, time.Now())
	}
}

// judgeRedis adds findings about what Redis has said of itself. The engine needs more than the registry, which can be written anew.
func judgeRedis(r *report, where string, info map[string]string, engine bool) {
	version := info["redis_version"]
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	policy := info["maxmemory_policy"]
	limit, _ := strconv.ParseUint(info["maxmemory"], 10, 64)
	before := len(r.findings)
	worse := map[bool]Status{true: Failure, false: Warning}[engine]
	if err == nil && (major < 6 || major == 6 && minor < 2) {
		r.addOf("version", Failure, language.Textf("Upgrade it to Redis 6.2 or newer, or Valkey."), "Redis at %s has version %s, and 6.2 is needed", where, version)
	}
	if info["role"] == "slave" {
		r.addOf("role", Failure, language.Textf("Name the master, or the Sentinels and redis.sentinel_master."), "Redis at %s is a replica, which takes no writes", where)
	}
	if limit > 0 && strings.HasPrefix(policy, "allkeys-") {
		r.addOf("eviction", worse, language.Textf("CONFIG SET maxmemory-policy noeviction, and the same in redis.conf; or one that begins with volatile-."),
			"Redis at %s may evict the log or the registry to make room: maxmemory-policy is %s, and maxmemory %s", where, policy, size(limit))
	}
	if status := info["rdb_last_bgsave_status"]; status != "" && status != "ok" {
		r.addOf("persistence", Failure, language.Textf("Look into its log, and at its disk; with stop-writes-on-bgsave-error it takes no writes meanwhile."), "the last snapshot of Redis at %s has failed", where)
	} else if engine && info["aof_enabled"] == "0" {
		r.addOf("persistence", Warning, language.Textf("Set appendonly yes, or be aware that its restart loses the newest pushes: pages are told of a gap."),
			"Redis at %s keeps no append-only file: after its restart the log is that of the last snapshot, or empty", where)
	}
	if len(r.findings) == before {
		aof := language.Textf("on")
		if info["aof_enabled"] != "1" {
			aof = language.Textf("off")
		}
		r.add(OK, nothing, "Redis at %s answers: version %s, maxmemory-policy %s, append-only file %s", where, version, policy, aof)
	}
}

// redisTime is the server's clock.
func redisTime(ctx context.Context, client rueidis.Client) (time.Time, bool) {
	words, err := client.Do(ctx, client.B().Time().Build()).AsStrSlice()
	if err != nil || len(words) != 2 {
		return time.Time{}, false
	}
	seconds, err1 := strconv.ParseInt(words[0], 10, 64)
	micros, err2 := strconv.ParseInt(words[1], 10, 64)
	return time.Unix(seconds, micros*1000), err1 == nil && err2 == nil
}

// checkNATS looks whether an external NATS is there and can have the log.
func checkNATS(ctx context.Context, s *subject, r *report) {
	if s.Config.EngineName() != config.EngineNATS || s.Config.NATS.URL == "" {
		r.add(Skipped, nothing, "no setting uses an external NATS (nats.url)")
		return
	}
	o, err := server.NATSOptions(s.Config.Config, slog.New(slog.DiscardHandler))
	var found nats.Server
	sent := time.Now()
	if err == nil {
		found, err = nats.Probe(ctx, o)
	}
	switch {
	case err != nil:
		r.add(Failure, language.Textf("Start it with JetStream (jetstream {} in its configuration), or correct nats.url, nats.credentials and cluster.tls; the server waits for it, and answers 503 meanwhile."), "%v", err)
		return
	case found.IsOld:
		r.add(Failure, language.Textf("Upgrade it."), "NATS at %s has version %s, and %s is needed", found.Address, found.Version, nats.LeastVersion)
	case found.Payload < nats.LeastPayload:
		r.add(Failure, language.Textf("Set max_payload in its configuration to %d or more; 1 MiB is its default.", nats.LeastPayload), "NATS at %s carries messages of %d bytes (its max_payload), and %d are needed", found.Address, found.Payload, nats.LeastPayload)
	case !found.HasLog:
		r.add(OK, nothing, "NATS at %s answers: version %s; the log is made at the first start", found.Address, found.Version)
	case found.Replicas < s.Config.NATS.Replicas:
		r.add(Warning, language.Textf("Look at the servers that are gone or behind (nats stream info)."), "NATS at %s has the log on %d servers, and nats.replicas is %d", found.Address, found.Replicas, s.Config.NATS.Replicas)
	default:
		r.add(OK, nothing, "NATS at %s answers: version %s; copies of the log that have everything: %d", found.Address, found.Version, found.Replicas)
	}
	r.skew("clock", language.Textf("NATS at %s", found.Address), found.Time, sent, time.Now())
}

// checkPeers looks whether the ports of the other nodes can be reached. A node that does not run yet refuses the connection.
func checkPeers(ctx context.Context, s *subject, r *report) {
	peers := s.Config.Cluster.Peers
	if len(peers) == 0 {
		r.add(Skipped, nothing, "there are no other nodes (cluster.peers)")
		return
	}
	for _, peer := range peers {
		dialing, cancel := context.WithTimeout(ctx, s.Timeout/2)
		conn, err := new(net.Dialer).DialContext(dialing, "tcp", peer)
		cancel()
		switch {
		case err == nil:
			_ = conn.Close()
			r.add(OK, nothing, "the node at %s listens", peer)
		case errors.Is(err, syscall.ECONNREFUSED):
			r.add(Warning, language.Textf("Start it, if it is to run by now, and see that its cluster.listen is that address."), "the node at %s does not run: its machine refuses the connection", peer)
		default:
			r.add(Failure, language.Textf("See that the name leads to the machine (cluster.peers), and that firewalls let nodes connect to each other's cluster.listen, both ways."), "the node at %s cannot be reached: %s", peer, inWords(err))
		}
	}
}

// inWords is an error of a connection in short. It has no URL.
func inWords(err error) language.Text {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return language.Textf("the name %s leads nowhere (%s)", dns.Name, dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return language.Textf("nothing listens there: the connection is refused")
	case errors.Is(err, context.DeadlineExceeded):
		return language.Textf("no answer in time")
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return language.Textf("no answer in time")
	}
	return language.Textf("%v", err)
}
