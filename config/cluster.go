package config

import (
	"net"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
)

// The engines.
const (
	EngineAuto   = "auto"   // EngineNATS where a setting asks for what only that can, otherwise EngineMemory
	EngineMemory = "memory" // one node, and a log that ends with the process
	EngineNATS   = "nats"   // NATS JetStream, embedded or external
	EngineRedis  = "redis"  // the Redis of the section redis
)

// EngineName is the engine that the settings ask for.
func (c *Config) EngineName() string {
	switch {
	case c.Engine != EngineAuto:
		return c.Engine
	case c.DataDir != "" || c.NATS.URL != "" || len(c.Cluster.Peers) > 0 || c.Cluster.Listen != "":
		return EngineNATS
	default:
		return EngineMemory
	}
}

// Cluster is this node's place among several.
type Cluster struct {
	Name          string     `yaml:"name"`
	Node          string     `yaml:"node"` // empty: Listen
	Listen        string     `yaml:"listen"`
	Peers         Addresses  `yaml:"peers"`
	Secret        Secret     `yaml:"secret"`
	TLS           ClusterTLS `yaml:"tls"`
	AnswerTimeout Duration   `yaml:"answer_timeout"`
	ForgetAfter   Duration   `yaml:"forget_after"`
	Election      string     `yaml:"election"` // ElectionFast or ElectionSafe
}

// ClusterTLS names files in PEM with which nodes know each other; all or none. To an external NATS they are for the connection there: the
// CA of its certificate, and a certificate of this node where it asks for one.
type ClusterTLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	CA   string `yaml:"ca"`
}

// How soon a leader that is gone is replaced.
const (
	ElectionFast = "fast"
	ElectionSafe = "safe"
)

// NATS says where the log is, and how safe a record has to be.
type NATS struct {
	URL         string `yaml:"url"` // empty: embedded
	Credentials Secret `yaml:"credentials"`
	Replicas    int    `yaml:"replicas"` // 0: as many as fit the nodes
	Sync        string `yaml:"sync"`     // SyncNever or SyncAlways
}

// When a record is on the disk of a node, of the embedded NATS.
const (
	SyncNever  = "never"  // the system writes it in its time: it survives the process, not the machine's power
	SyncAlways = "always" // before it counts as appended
)

// Addresses is a list of host:port.
type Addresses []string

// UnmarshalYAML reads a list of host:port.
func (a *Addresses) UnmarshalYAML(n *yaml.Node) (err error) {
	*a, err = decodeTexts(n, language.Textf("addresses"), func(text string) (string, error) {
		if _, _, err := net.SplitHostPort(text); err != nil {
			return "", language.Errorf("%q is no address; write it as 10.0.0.2:9601", text)
		}
		return text, nil
	})
	return err
}

func (a Addresses) byComma() {}

// checkCluster finds what is wrong with the engine's settings.
func (d *decoder) checkCluster(c *Config) {
	if engines := []string{EngineAuto, EngineMemory, EngineNATS, EngineRedis}; !slices.Contains(engines, c.Engine) {
		d.wrong("engine", "%q is no engine; there are %s", c.Engine, strings.Join(engines, ", "))
		return
	}
	for key, set := range map[string]bool{
		"data_dir": c.DataDir != "" && !c.hasEventHooks(), "nats.url": c.NATS.URL != "", "cluster.listen": c.Cluster.Listen != "", "cluster.peers": len(c.Cluster.Peers) > 0,
	} {
		if set && (c.Engine == EngineMemory || c.Engine == EngineRedis) {
			d.wrong(key, "needs the engine %s, and engine is %s", EngineNATS, c.Engine)
		}
	}
	switch n := c.Redis.WaitReplicas; {
	case n < 0:
		d.wrong("redis.wait_replicas", "%d are none that can be waited for", n)
	case n > 0 && c.Engine != EngineRedis:
		d.wrong("redis.wait_replicas", "needs the engine %s, and engine is %s", EngineRedis, c.Engine)
	}
	if !slices.Contains([]string{ElectionFast, ElectionSafe}, c.Cluster.Election) {
		d.wrong("cluster.election", "%q is none; there are %s and %s", c.Cluster.Election, ElectionFast, ElectionSafe)
	}
	if !slices.Contains([]string{SyncNever, SyncAlways}, c.NATS.Sync) {
		d.wrong("nats.sync", "%q is none; there are %s and %s", c.NATS.Sync, SyncNever, SyncAlways)
	}
	switch t := c.Cluster.TLS; {
	case c.NATS.URL != "" && (t.Cert == "") != (t.Key == ""):
		d.wrong(firstSet("cluster.tls", "cert", t.Cert, "key", t.Key), "cluster.tls needs cert and key, or none of them; ca may stand alone")
	case c.NATS.URL == "" && ((t.Cert == "") != (t.Key == "") || (t.Cert == "") != (t.CA == "")):
		d.wrong(firstSet("cluster.tls", "cert", t.Cert, "key", t.Key, "ca", t.CA), "cluster.tls needs cert, key and ca, or none")
	}
	if c.EngineName() != EngineMemory && !isClusterName(c.Cluster.Name) {
		d.wrong("cluster.name", "%q is no name; it takes letters, digits, - and _", c.Cluster.Name)
	}
	d.checkNATS(c)
	if c.EngineName() == EngineNATS {
		d.checkNodes(c)
	}
}

// firstSet is the first key of a section whose value, which follows it, is not empty.
func firstSet(section string, keysAndValues ...string) string {
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		if keysAndValues[i+1] != "" {
			return join(section, keysAndValues[i])
		}
	}
	return section
}

// checkNodes finds what is wrong with who is in the cluster.
func (d *decoder) checkNodes(c *Config) {
	k := &c.Cluster
	if n := c.NATS.Replicas; n != 0 && n != 1 && n != 3 && n != 5 {
		d.wrong("nats.replicas", "%d replicas are none that a log can have; take 1, 3 or 5", n)
	}
	switch others := len(k.Peers); {
	case c.NATS.URL != "":
		if c.DataDir != "" && !c.hasEventHooks() {
			d.wrong("data_dir", "an external NATS (nats.url) keeps the log itself")
		}
		if others > 0 || k.Listen != "" {
			d.wrong("cluster.peers", "nodes on an external NATS (nats.url) find each other there")
		}
	case others == 0 && k.Listen != "":
		d.wrong("cluster.peers", "missing: the host:port of the other nodes")
	case others == 0 && c.NATS.Replicas > 1:
		d.wrong("nats.replicas", "%d replicas need as many nodes, and without cluster.peers there is one", c.NATS.Replicas)
	case others == 0:
	case others != 2 && others != 4:
		d.wrong("cluster.peers", "with %d of them there are %d nodes, and a log needs a majority to go on: make it three or five nodes (two would stop whenever either does)",
			others, others+1)
	case k.Listen == "":
		d.wrong("cluster.listen", "missing: the host:port at which the peers reach this node")
	case !d.checkAddresses(k):
	case slices.Contains(k.Peers, k.Listen):
		d.wrong("cluster.peers", "%s is this node itself; name the others", k.Listen)
	case len(slices.Compact(slices.Sorted(slices.Values(k.Peers)))) < others:
		d.wrong("cluster.peers", "a node is there twice; name each of the others once")
	case k.Node == "" && isAnyHost(k.Listen):
		d.wrong("cluster.listen", "%q has no host, so it does not tell this node from the others; give it a name (cluster.node)", k.Listen)
	case strings.ContainsFunc(k.Node, unicode.IsSpace):
		d.wrong("cluster.node", "%q is no name; it takes no spaces", k.Node)
	case k.Secret == "":
		d.wrong("cluster.secret", "missing: a text that all nodes share and nobody else knows")
	case c.DataDir == "":
		d.wrong("data_dir", "missing: the directory in which this node keeps its copy of the log")
	case c.NATS.Replicas > others+1:
		d.wrong("nats.replicas", "%d replicas need as many nodes, and there are %d", c.NATS.Replicas, others+1)
	}
}

// isClusterName reports whether a name can be part of the names of NATS's streams and subjects, and of Redis's keys.
func isClusterName(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return name != ""
}
