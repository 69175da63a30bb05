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
		{node("listen: 'h:1', peers: ['h:3', 'h:4']"), []string{"FILE:3: cluster.listen: h:1 is listen, too; nodes need a port of their own"}},
		{node("node: 'a b', listen: 'h:2', peers: ['h:3', 'h:4']"), []string{`FILE:3: cluster.node: "a b" is no name; it takes no spaces`}},
		{"cluster:\n  tls:\n    ca: a.pem", []string{"FILE:3: cluster.tls.ca: cluster.tls needs cert, key and ca, or none"}},
		{"data_dir: d\nnats: {replicas: 3}", []string{"FILE:2: nats.replicas: 3 replicas need as many nodes, and without cluster.peers there is one"}},
		{"nats: {url: 'nats://h:4222', replicas: 3}", nil},
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
