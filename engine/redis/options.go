// Package redis is the engine of many nodes on Redis, or what speaks its protocol: Valkey, KeyDB. It is one server, one that Sentinel
// watches, or a Redis Cluster. The engine itself is package cluster; this is its backend.
//
// Redis replicates asynchronously, so a replica that is promoted may lack the newest records, some of which nodes have read. That is
// noticed, and told: see log.lua, which begins an epoch where Redis is not the one that it was, and follower.compare, which holds what is
// in the log against what this node has read.
package redis

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/redis/rueidis"
)

// Options say where the log is.
type Options struct {
	// Client says how Redis is reached, as package redisclient makes it. Timeouts and retries are the backend's own.
	Client rueidis.ClientOption

	// Tag is what all keys begin with, in braces, so that they are in one slot of a Redis Cluster. Clusters of Scenecast that share one
	// Redis have different ones. Defaults to "scenecast:scenecast".
	Tag string

	// WaitReplicas is how many replicas must have a record before it counts as appended. 0: none.
	WaitReplicas int

	MaxAge   time.Duration // how long records are kept, at least. Defaults to 10 minutes.
	MaxBytes int64         // of records that are kept, about. Defaults to 64 MiB.

	Logger *slog.Logger // defaults to slog.Default()
}

func (o Options) withDefaults() Options {
	o.Tag = cmp.Or(o.Tag, "scenecast:scenecast")
	o.MaxAge = cmp.Or(o.MaxAge, 10*time.Minute)
	o.MaxBytes = cmp.Or(o.MaxBytes, 64<<20)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	c := &o.Client
	c.Dialer.Timeout, c.ConnWriteTimeout = answerTimeout, answerTimeout
	c.DisableCache = true
	c.DisableRetry = true // what has failed is told, and tried again by whoever knows what it was
	if c.Sentinel.MasterSet != "" {
		c.Sentinel.Dialer.Timeout = answerTimeout
	}
	c.ClusterOption.ShardsRefreshInterval = 2 * time.Second
	return o
}

// answerTimeout is how long Redis may take to answer before a connection is given up.
const answerTimeout = time.Second

// keys are the names of what Redis keeps for a cluster.
type keys struct {
	log     string // stream of entries
	head    string // hash: what log.lua knows of the log
	all     string // stream of messages to all nodes
	mailbox string // … to one node; its ID follows
}

func keysOf(tag string) keys {
	prefix := "{" + tag + "}:"
	return keys{log: prefix + "log", head: prefix + "head", all: prefix + "all", mailbox: prefix + "node:"}
}
