package registry_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"scenecast/label"
	"scenecast/redisclient/redistest"
	"scenecast/registry"
)

// TestJoinRelabelLeave: a field comes, changes and goes, and keeps since when its connection is there. What is left at the end is nothing.
func TestJoinRelabelLeave(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	n := start(t, s.URL(), 5203, patient(s))
	m := n.join(page("home"), label.Label{Key: "@user", Value: "42"})
	settles(t, c, n)
	value := func() map[string]any {
		answer := redistest.Do(t, c, "HGET", hash, "5203.1")
		text, _ := answer.ToString()
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	}
	first := value()
	if first["page"] != "home" || first["fd"] != "5203.1" || first["user"] != "42" || first["app"] != "default" {
		t.Errorf("the value is %v", first)
	}
	m = n.relabel(m, page("list"))
	settles(t, c, n)
	if second := value(); second["page"] != "list" || second["since"] != first["since"] {
		t.Errorf("the value is %v, and was %v", second, first)
	}
	n.leave(m)
	settles(t, c, n)
	n.stop(t)
	if keys := keysOf(t, c); keys != "[]" && keys != "[{scenecast}:connections:reaper]" {
		t.Errorf("when the registry is closed there are the keys %s", keys)
	}
}

// TestManyAtOnce: more than a step takes, and connections that come and go within one.
func TestManyAtOnce(t *testing.T) {
	s := redistest.Start(t)
	n := start(t, s.URL(), 1)
	for i := range 5000 {
		m := n.join(page("home"), label.Label{Key: "text", Value: strings.Repeat("x", i%3000)})
		switch i % 4 {
		case 0:
			n.leave(m)
		case 1:
			n.relabel(m, page("list"))
		}
	}
	settles(t, s.Client(), n)
	n.stop(t)
}

// TestCloseWithConnections: what a registry leaves behind at its end, another one reaps.
func TestCloseWithConnections(t *testing.T) {
	s := redistest.Start(t)
	a, b := start(t, s.URL(), 1), start(t, s.URL(), 2)
	a.join(page("home"))
	b.join(page("list"))
	settles(t, s.Client(), a, b)
	a.Close(t.Context())
	settles(t, s.Client(), b)
	b.stop(t)
}

// TestNodeDies: another one reaps; fields that are not the registry's stay.
func TestNodeDies(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	a, b := start(t, s.URL(), 1), start(t, s.URL(), 2)
	for range 2500 {
		a.join(page("home"))
	}
	b.join(page("list"))
	settles(t, c, a, b)
	a.Kill()
	settles(t, c, b)
	eventually(t, "the node is forgotten", func() bool {
		answer := redistest.Do(t, c, "SMEMBERS", hash+":nodes")
		nodes, _ := answer.AsStrSlice()
		return len(nodes) == 1 && nodes[0] == "2"
	})
	redistest.Do(t, c, "HSET", hash, "7", `{"page":"home","fd":7}`)
	d := start(t, s.URL(), 3) // it may reap first, and then sweeps
	d.join(page("home"))
	d.Kill()
	eventually(t, "the fields of the third node are gone, and the one that somebody else has set is there", func() bool {
		all := redistest.Do(t, c, "HKEYS", hash)
		fields, _ := all.AsStrSlice()
		return len(fields) == 2 && (fields[0] == "7" || fields[1] == "7")
	})
	b.stop(t)
}

// TestNodesAreForgotten: where the set of nodes was lost, whoever begins to reap finds the fields of those that are gone.
func TestNodesAreForgotten(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	redistest.Do(t, c, "HSET", hash, "9.1", `{"fd":"9.1","node":9,"app":"default","since":"2026-03-04T04:06:07Z","labels":{}}`)
	n := start(t, s.URL(), 1)
	n.join(page("home"))
	settles(t, c, n)
	n.stop(t)
}

// TestLastNodeDies: the hash expires.
func TestLastNodeDies(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	n := start(t, s.URL(), 1)
	n.join(page("home"))
	settles(t, c, n)
	n.Kill()
	eventually(t, "no key is left", func() bool { return keysOf(t, c) == "[]" })
}

// TestRedisLosesWhatItHad: flushed, restarted empty, only the hash deleted with the lease, or promoted without the newest write, it has
// all of the node's connections again.
func TestRedisLosesWhatItHad(t *testing.T) {
	s := redistest.Start(t)
	for name, lose := range map[string]func(c rueidis.Client){
		"flushed":         func(c rueidis.Client) { redistest.Do(t, c, "FLUSHALL") },
		"restarted empty": func(rueidis.Client) { s.Kill(); s.Restart() },
		"all connections closed": func(c rueidis.Client) {
			redistest.Do(t, c, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		},
		"the hash alone deleted": func(c rueidis.Client) { redistest.Do(t, c, "DEL", hash) },
		"scripts flushed":        func(c rueidis.Client) { redistest.Do(t, c, "SCRIPT", "FLUSH") },
		"promoted without the newest write": func(c rueidis.Client) {
			redistest.Do(t, c, "DEL", hash)
			redistest.Do(t, c, "SET", hash+":node:1", "1", "PX", "600")
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, s.URL(), 1)
			defer n.stop(t)
			first := n.join(page("home"))
			n.join(page("list"))
			c := s.Client()
			settles(t, c, n)
			lose(c)
			n.leave(first)
			n.join(page("order"))
			settles(t, s.Client(), n)
		})
	}
}

// TestStopBehindABrokenConnection: a registry that is closed just when its connection has broken leaves no field behind.
func TestStopBehindABrokenConnection(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	for range 20 {
		n := start(t, s.URL(), 1, patient(s))
		n.join(page("home"))
		settles(t, c, n)
		redistest.Do(t, c, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		n.stop(t)
		if all := read(t, c, hash); len(all) > 0 {
			t.Fatalf("ghosts: %v", all)
		}
	}
}

// TestRedisIsAway: nothing piles up (see TestTable as well), and all is well when it comes; also where it was not there at the start, and where it hangs.
func TestRedisIsAway(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	n := start(t, s.URL(), 1)
	defer n.stop(t)
	churn := func() {
		for range 3000 {
			n.leave(n.join(page("home")))
		}
		m := n.join(page("home"))
		for range 3000 {
			m = n.relabel(m, page("list"))
		}
	}
	isTakenOver := func() bool { return !n.Stats().Up && n.HandedOver() == 0 && n.Stats().Connections == len(n.members) }
	churn()
	eventually(t, "the list of what was handed over is empty", isTakenOver)
	s.Restart()
	c := s.Client()
	settles(t, c, n)

	s.Stop()
	churn()
	eventually(t, "the list of what was handed over is empty", isTakenOver)
	s.Continue()
	settles(t, s.Client(), n)
	eventually(t, "the figures say so", func() bool { f := n.Stats(); return f.Up && f.Connections == 2 && f.Rebuilds > 0 })
}

// TestKeyIsNoHash: it is told, and nothing else happens, until it is none any more.
func TestKeyIsNoHash(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	redistest.Do(t, c, "SET", hash, "x")
	var log strings.Builder
	n := start(t, s.URL(), 1, patient(s), func(o *registry.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	n.join(page("home"))
	eventually(t, "the script was refused", func() bool {
		answer := redistest.Do(t, c, "INFO", "errorstats")
		text, _ := answer.ToString()
		return strings.Contains(text, "errorstat_WRONGTYPE")
	})
	redistest.Do(t, c, "DEL", hash)
	settles(t, c, n)
	n.stop(t)
	if got := log.String(); strings.Count(got, "registry: Redis cannot be used") != 1 || !strings.Contains(got, "WRONGTYPE") {
		t.Errorf("the log is\n%s", got)
	}
}

// TestKeyInCluster: the tutorial's key, which has no hash tag, in a Redis Cluster.
func TestKeyInCluster(t *testing.T) {
	var servers []*redistest.Server
	for range 3 {
		servers = append(servers, redistest.Start(t, "--cluster-enabled", "yes"))
	}
	redistest.Join(t, servers)
	const key = "swoole:fds"
	c := start(t, "redis://"+servers[0].Addr+","+servers[1].Addr, 1, func(o *registry.Options) { o.Key = key })
	d := start(t, "redis://"+servers[2].Addr, 2, func(o *registry.Options) { o.Key = key })
	c.join(page("home"))
	d.join(page("list"))
	client := clusterClient(t, servers)
	eventually(t, "both are there", func() bool { return len(read(t, client, key)) == 2 })
	c.Kill()
	eventually(t, "one is there", func() bool { return len(read(t, client, key)) == 1 })
	d.stop(t)
	eventually(t, "none is there", func() bool { return len(read(t, client, key)) == 0 })
}

func clusterClient(t *testing.T, servers []*redistest.Server) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{servers[0].Addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
