package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"scenecast"
	"scenecast/config"
	"scenecast/engine/cluster"
	"scenecast/engine/memory"
	"scenecast/engine/nats"
	"scenecast/engine/redis"
	"scenecast/engine/tail"
	"scenecast/redisclient"
)

// newEngine makes the engine that the configuration asks for. It has not started.
func newEngine(c config.Config, id scenecast.NodeID, version string, connections func() int, condition func() scenecast.Condition, log *slog.Logger) (scenecast.Engine, error) {
	if c.EngineName() == config.EngineMemory {
		return memory.New(memory.Options{
			MaxBytes:          int(c.History.MaxBytes),
			MaxCount:          c.History.MaxCount,
			MaxAge:            time.Duration(c.History.MaxAge),
			IdempotencyWindow: time.Duration(c.Push.IdempotencyWindow),
			MaxKeys:           c.Push.MaxIdempotencyKeys,
		}), nil
	}
	backend, err := newBackend(c, log)
	if err != nil {
		return nil, err
	}
	name := c.Cluster.Node
	if name == "" {
		name = c.Cluster.Listen
	}
	return cluster.New(backend, cluster.Options{
		ID:            id,
		Name:          name,
		Version:       version,
		Connections:   connections,
		Condition:     condition,
		Tail:          tail.Options{MaxBytes: int(c.History.MaxBytes), MaxCount: c.History.MaxCount, MaxAge: time.Duration(c.History.MaxAge)},
		Keys:          tail.KeyOptions{Window: time.Duration(c.Push.IdempotencyWindow), MaxCount: c.Push.MaxIdempotencyKeys},
		AnswerTimeout: time.Duration(c.Cluster.AnswerTimeout),
		ForgetAfter:   time.Duration(c.Cluster.ForgetAfter),
		Logger:        log,
	}), nil
}

func newBackend(c config.Config, log *slog.Logger) (cluster.Backend, error) {
	if c.EngineName() != config.EngineRedis {
		return newNATS(c, log)
	}
	o, err := RedisOptions(c, log)
	if err != nil {
		return nil, err
	}
	return redis.New(o), nil
}

// RedisOptions say where the engine redis of a configuration has its log.
func RedisOptions(c config.Config, log *slog.Logger) (redis.Options, error) {
	client, err := redisclient.Option(RedisClientOptions(c.Redis))
	if err != nil {
		return redis.Options{}, err
	}
	return redis.Options{
		Client:       client,
		Tag:          c.Redis.Prefix + ":" + c.Cluster.Name,
		WaitReplicas: c.Redis.WaitReplicas,
		MaxAge:       logAge(c),
		MaxBytes:     int64(c.History.MaxBytes),
		Logger:       log,
	}, nil
}

// RedisClientOptions say how the Redis of the settings is reached.
func RedisClientOptions(r config.Redis) redisclient.Options {
	return redisclient.Options{
		URL:              string(r.URL),
		Username:         r.Username,
		Password:         string(r.Password),
		SentinelMaster:   r.SentinelMaster,
		SentinelUsername: r.SentinelUsername,
		SentinelPassword: string(r.SentinelPassword),
		TLS:              redisclient.TLS{Cert: r.TLS.Cert, Key: r.TLS.Key, CA: r.TLS.CA},
	}
}

// logAge is how long the log keeps pushes: as long as pages may come back for them, and as keys are remembered.
func logAge(c config.Config) time.Duration {
	return max(time.Duration(c.History.MaxAge), time.Duration(c.Push.IdempotencyWindow))
}

// logBytes is how much of the log NATS keeps for each byte that a node keeps in memory: a record in the log is about as large as its
// pushes in memory, and nodes that start read all of it.
const logBytes = 4

func newNATS(c config.Config, log *slog.Logger) (*nats.Backend, error) {
	o, err := NATSOptions(c, log)
	if err != nil {
		return nil, err
	}
	return nats.New(o)
}

// NATSOptions say where the engine nats of a configuration has its log.
func NATSOptions(c config.Config, log *slog.Logger) (nats.Options, error) {
	certificates, err := clusterTLS(c.Cluster.TLS)
	if err != nil {
		return nats.Options{}, err
	}
	o := nats.Options{
		URL:         c.NATS.URL,
		Credentials: string(c.NATS.Credentials),
		Name:        c.Cluster.Name,
		Replicas:    c.NATS.Replicas,
		MaxAge:      logAge(c),
		MaxBytes:    logBytes * int64(c.History.MaxBytes),
		Logger:      log,
	}
	if o.URL != "" {
		o.TLS = certificates
	} else {
		o.Embedded = nats.Embedded{
			Dir:           c.DataDir,
			SyncAlways:    c.NATS.Sync == config.SyncAlways,
			Node:          c.Cluster.Node,
			Listen:        c.Cluster.Listen,
			Peers:         c.Cluster.Peers,
			Secret:        string(c.Cluster.Secret),
			TLS:           certificates,
			SlowElections: c.Cluster.Election == config.ElectionSafe,
		}
	}
	return o, nil
}

// clusterTLS is how nodes know each other, or an external NATS, by certificates; nil: they do not.
func clusterTLS(c config.ClusterTLS) (*tls.Config, error) {
	if c == (config.ClusterTLS{}) {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Cert != "" {
		certificate, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("cluster.tls: %w", err)
		}
		t.Certificates = []tls.Certificate{certificate}
	}
	if c.CA != "" { // between nodes it is always there; of an external NATS, the system's are used without it
		authorities, err := authoritiesIn(c.CA)
		if err != nil {
			return nil, fmt.Errorf("cluster.tls.ca: %w", err)
		}
		t.RootCAs, t.ClientCAs, t.ClientAuth = authorities, authorities, tls.RequireAndVerifyClientCert
	}
	return t, nil
}
