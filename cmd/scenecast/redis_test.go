package main_test

import (
	"fmt"
	"strings"
	"testing"

	"scenecast/redisclient/redistest"
)

// TestRedisDocument runs the commands of docs/cluster.md: a page on one node gets what is pushed on the other.
func TestRedisDocument(t *testing.T) {
	redis := redistest.Start(t, "--requirepass", "PASSWORD")
	commands, ports := commandsOf(t, "../../docs/cluster.md", "## On Redis")
	if len(commands) != 4 {
		t.Fatalf("the document has the commands %q", commands)
	}
	dir := t.TempDir()
	for i := range commands {
		commands[i] = strings.ReplaceAll(commands[i], ports["127.0.0.1:6379"], redis.Addr)
	}
	for _, command := range commands[:2] {
		line(t, follow(t, shell(t, dir, command)).stderr, `msg=listening addr=`)
	}
	page := follow(t, shell(t, dir, commands[2]))
	line(t, page.stderr, `^connected at `)
	if out, err := shell(t, dir, commands[3]).Output(); err != nil || !strings.Contains(string(out), `"matched":1,"queued":1,"dropped":0,"nodes":2,"nodes_known":2`) {
		t.Errorf("%s: %v, %s", commands[3], err, out)
	}
	line(t, page.stdout, `^"hello from another node"$`)
}

// TestStopWhileStarting: an end that is asked for while the server waits for Redis is a clean one.
func TestStopWhileStarting(t *testing.T) {
	redis := redistest.Start(t)
	redis.Kill()
	d := launch(t, nil, "serve", "--listen", "127.0.0.1:0", "--engine", "redis", "--redis-url", redis.URL())
	line(t, d.stderr, `msg="the port is open, and pages and backends are let in when the engine has started"`)
	d.terminate()
}

// TestRedis: nodes whose log is in a Redis carry each other's pushes, know each other, and leave a log that can be checked and printed.
func TestRedis(t *testing.T) {
	redis := redistest.Start(t, "--requirepass", "s3cret")
	url := "redis://:s3cret@" + redis.Addr + "/1"
	env := []string{"SCENECAST_API_KEYS=[{name: test, key: backend-key}]"}
	var urls []string
	var nodes []*daemon
	for i := range 2 {
		n := launch(t, env, "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--engine", "redis", "--redis-url", url,
			"--cluster-node", fmt.Sprint("node-", i))
		nodes = append(nodes, n)
		urls = append(urls, "SCENECAST_URL=http://"+line(t, n.stderr, `msg=listening addr=(\S+)`))
	}
	page := launch(t, []string{urls[1], "SCENECAST_CLIENT_TOKEN=page-token"}, "listen", "--label", "page=home")
	line(t, page.stderr, `^connected at [0-9a-z]+-`)
	out, errs, code := run(t, "", []string{urls[0], "SCENECAST_API_KEY=backend-key"}, "push", "--to", `{"page":"home"}`, `{"from":"another node"}`)
	if code != 0 || !strings.Contains(out, `"matched":1`) || !strings.Contains(out, `"nodes":2,"nodes_known":2`) {
		t.Errorf("push: exit %d, %s%s", code, out, errs)
	}
	line(t, page.stdout, `from.*another node`)
	out, errs, code = run(t, "", []string{urls[0], "SCENECAST_API_KEY=backend-key"}, "nodes")
	if code != 0 || !strings.Contains(out, "node-1 ") || !strings.Contains(out, "The log is led by "+redis.Addr+"; 1 of 1 copies are in sync.") {
		t.Errorf("nodes: exit %d, %s%s", code, out, errs)
	}
	page.terminate()
	for _, n := range nodes {
		n.terminate()
	}

	out, errs, code = run(t, "", nil, "log", "verify", "--redis-url", url)
	if code != 0 || !strings.HasPrefix(out, "1 records, ") || !strings.Contains(out, "\n1 pushes, from ") || strings.Contains(out, "damage") {
		t.Errorf("verify: exit %d, %s%s", code, out, errs)
	}
	out, errs, code = run(t, "", nil, "log", "export", "--redis-url", url)
	if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"message":{"from":"another node"}`) {
		t.Errorf("export: exit %d, %s%s", code, out, errs)
	}
	out, errs, code = run(t, "", nil, "log", "verify", "--redis-url", url, "--cluster-name", "other")
	if code != 1 || !strings.Contains(errs, "there is no log at the key {scenecast:other}:log") {
		t.Errorf("verify of no log: exit %d, %s%s", code, out, errs)
	}
	out, errs, code = run(t, "", env, "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--engine", "redis", "--redis-url", "redis://:wr0ng@"+redis.Addr)
	if code != 1 || !strings.Contains(errs, "WRONGPASS") || strings.Contains(errs, "wr0ng") {
		t.Errorf("serve with a wrong password: exit %d, %s%s", code, out, errs)
	}
}
