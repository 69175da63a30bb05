package config_test

import (
	"testing"

	"scenecast/config"
)

// TestClusterMistakes: nodes that could never start are told by the check, and not by a wait for each other that does not end.
func TestClusterMistakes(t *testing.T) {
	node := func(rest string) string {
		return "data_dir: d\nlisten: 'h:1'\ncluster: {secret: sixteen-letters-, " + rest + "}"
	}
	check(t, []mistaken{
		{node("listen: 'h:2', peers: ['h:3', 'h:4']"), nil},
		{node("listen: 'h:2', peers: ['h:3']"), []string{"FILE:3: cluster.peers: with 1 of them there are 2 nodes, and a log needs a majority to go on: …"}},
		{node("listen: 'h:2', peers: ['h:2', 'h:3']"), []string{"FILE:3: cluster.peers: h:2 is this node itself; name the others"}},
		{node("listen: 'h:2', peers: ['h:4', 'h:4']"), []string{"FILE:3: cluster.peers: a node is there twice; name each of the others once"}},
		{node("listen: 'h:1', peers: ['h:3', 'h:4']"), []string{"FILE:3: cluster.listen: h:1 is the port of listen (h:1), too; each needs one of its own"}},
		{node("node: 'a b', listen: 'h:2', peers: ['h:3', 'h:4']"), []string{`FILE:3: cluster.node: "a b" is no name; it takes no spaces`}},
		{"cluster:\n  tls:\n    ca: a.pem", []string{"FILE:3: cluster.tls.ca: cluster.tls needs cert, key and ca, or none"}},
		{"nats: {url: 'tls://h'}\ncluster: {tls: {ca: a.pem}}", nil},
		{"nats: {url: 'tls://h'}\ncluster: {tls: {ca: a.pem, key: b.pem}}", []string{"FILE:2: cluster.tls.key: cluster.tls needs cert and key, or none of them; ca may stand alone"}},
		{"data_dir: d\nnats: {replicas: 3}", []string{"FILE:2: nats.replicas: 3 replicas need as many nodes, and without cluster.peers there is one"}},
		{"nats: {url: 'nats://h:4222', replicas: 3}", nil},
		{node("listen: h, peers: ['h:3', 'h:4']"), []string{`FILE:3: cluster.listen: "h" is no address; write it as 10.0.0.2:9601`}},
		{node("listen: 'h:0', peers: ['h:3', 'h:4']"), []string{`FILE:3: cluster.listen: "0" is no port of a node; …`}},
		{node("listen: 'h:2', peers: ['h:99999', 'h:x']"), []string{`FILE:3: cluster.peers: "99999" is no port of a node; …`, `FILE:3: cluster.peers: "x" is no port of a node; …`}},
		{node("listen: 'h:2', peers: [':3', 'h:4']"), []string{`FILE:3: cluster.peers: ":3" has no host; it is where this node reaches another one`}},
		{node("listen: ':2', peers: ['h:3', 'h:4']"), []string{`FILE:3: cluster.listen: ":2" has no host, so it does not tell this node from the others; …`}},
		{node("listen: '0.0.0.0:2', peers: ['h:3', 'h:4']"), []string{`FILE:3: cluster.listen: "0.0.0.0:2" has no host, so it does not tell this node from the others; …`}},
		{node("listen: ':2', node: a, peers: ['h:3', 'h:4']"), nil},
		{node("listen: 'h:2', peers: ['h:3', 'h:4'], forget_after: 100ms"), []string{"FILE:3: cluster.forget_after: 100ms is too short: …"}},
		{"nats: {replicas: 3}", []string{"FILE:1: nats.replicas: needs the engine nats, and this is memory …"}},
		{"nats: {sync: always}", []string{"FILE:1: nats.sync: needs the engine nats, and this is memory …"}},
		{"engine: redis\nnats: {credentials: a}", []string{"FILE:2: nats.credentials: needs the engine nats, and this is redis …"}},
		{"data_dir: d\nnats: {credentials: a}", []string{"FILE:2: nats.credentials: is for an external NATS, and nats.url is missing"}},
		{"nats: {url: 'nats://h:4222', sync: always}", []string{"FILE:1: nats.sync: is for the embedded NATS; …"}},
		{"nats: {url: 'h, tls://i:4222,wss://j'}", nil},
		{"nats: {url: 'http://h:4222'}", []string{`FILE:1: nats.url: "http" is no scheme of NATS; there are nats, tls, ws, wss`}},
		{"nats: {url: 'nats://h,nats://:4222'}", []string{"FILE:1: nats.url: has no host; write it as nats://10.0.0.9:4222"}},
		{"nats: {url: 'nats://h:0'}", []string{`FILE:1: nats.url: "0" is no port; ports are 1 to 65535`}},
		{"nats: {url: 'nats://u:p@h:4222'}", []string{"FILE:1: nats.url: has a user or token in it, …"}},
		{node("listen: 'h:2', peers: ['h:3', 'h:4']") + "\nnats: {replicas: 5}", []string{"FILE:4: nats.replicas: 5 replicas need as many nodes, and there are 3"}},
	})
}

// TestShortClusterSecret: it lets in whoever guesses it, as any other.
func TestShortClusterSecret(t *testing.T) {
	file := write(t, "data_dir: d\ncluster:\n  listen: 'h:2'\n  peers: ['h:3', 'h:4']\n  secret: x\n")
	l, err := config.Read(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := file + ":5: cluster.secret: it has 1 characters, and below 16 it can be guessed; `scenecast config init` makes long ones"
	if len(l.Warnings) != 1 || l.Warnings[0].Error() != want {
		t.Errorf("the warnings are %v, want %s", l.Warnings, want)
	}
}

// TestSecretOfNobody: a node that was to be one of several, and is alone, says so; also of certificates and elections.
func TestSecretOfNobody(t *testing.T) {
	const secret = "cluster: {secret: sixteen-letters-}\n"
	for content, want := range map[string]int{
		secret:                   1,
		"data_dir: d\n" + secret: 1,
		"nats: {url: 'nats://h:4222'}\n" + secret:                                                  1,
		"data_dir: d\ncluster: {secret: sixteen-letters-, listen: 'h:2', peers: ['h:3', 'h:4']}\n": 0,
		"engine: redis\ncluster: {tls: {cert: a, key: b, ca: c}, election: safe}\n":                2,
		"nats: {url: 'nats://h:4222'}\ncluster: {tls: {cert: a, key: b, ca: c}}\n":                 0,
		"data_dir: d\ncluster: {election: safe}\n":                                                 0,
	} {
		l, err := config.Read(config.Sources{File: write(t, content)})
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Warnings) != want {
			t.Errorf("%s warns of %v", content, l.Warnings)
		}
	}
}
