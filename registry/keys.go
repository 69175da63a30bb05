package registry

import "strings"

// keys are the names of everything that the registries of one hash keep. All are in one slot of a Redis Cluster, because scripts touch
// several of them.
type keys struct {
	hash   string
	nodes  string // a set: the nodes that have, or may have left, fields in the hash
	reaper string // holds the node that reaps
	lease  string // and a node's ID: that of the node
}

func keysOf(hash string) keys {
	base := hash
	if !strings.Contains(hash, "{") {
		base = "{" + hash + "}"
	}
	return keys{hash: hash, nodes: base + ":nodes", reaper: base + ":reaper", lease: base + ":node:"}
}

func (k keys) leaseOf(node string) string { return k.lease + node }
