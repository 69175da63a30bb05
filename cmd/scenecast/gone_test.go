package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast/client"
	"scenecast/redisclient/redistest"
)

// TestGoneNode: of three nodes one is killed: the others tell that it is gone, a node that comes later as well, until it is back under its name. Of a node
// that stops in order nobody tells that.
func TestGoneNode(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	serve := func(name string) (*daemon, string) {
		d := launch(t, []string{"SCENECAST_API_KEYS=[{name: test, key: backend-key}]", "SCENECAST_CLUSTER_FORGET_AFTER=2s"}, "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token",
			"--engine", "redis", "--redis-url", redis.URL(), "--cluster-node", name)
		return d, "http://" + line(t, d.stderr, `msg=listening addr=(\S+)`)
	}
	// await waits until a node knows these nodes, and tells that those are gone.
	await := func(url, nodes, gone string) []client.GoneNode {
		t.Helper()
		b := client.Backend{URL: url, Key: "backend-key"}
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			list, err := b.Nodes(t.Context())
			var known, silent []string
			for _, n := range list.Nodes {
				known = append(known, n.Name)
			}
			for _, n := range list.Gone {
				silent = append(silent, n.Name)
			}
			slices.Sort(known)
			got := fmt.Sprint(strings.Join(known, " "), ", gone: ", strings.Join(silent, " "))
			if err == nil && got == nodes+", gone: "+gone {
				return list.Gone
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q, %v; want %s, gone: %s", got, err, nodes, gone)
			}
		}
	}
	_, a := serve("a")
	_, b := serve("b")
	killed, c := serve("c")
	for _, url := range []string{a, b, c} {
		await(url, "a b c", "")
	}
	before := time.Now()
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await(b, "a b", "c")
	gone := await(a, "a b", "c")[0]
	if gone.ID == 0 || gone.LastHeard.After(time.Now()) || gone.LastHeard.Before(before.Add(-time.Minute)) {
		t.Errorf("%+v of a node that was killed at %v", gone, before)
	}
	when := gone.LastHeard.Local().Format(time.DateTime)
	for _, want := range []struct{ language, text string }{
		{"en_US", fmt.Sprintf("\nc is gone: nothing was heard of it since %s (ID %d, version ", when, gone.ID)},
		{"zh_CN", fmt.Sprintf("\nc 已失去音讯：自 %s 起没有收到它的任何消息（ID %d，版本 ", when, gone.ID)},
	} {
		if out, errs, code := run(t, "", []string{"LANG=" + want.language + ".UTF-8", "SCENECAST_URL=" + a, "SCENECAST_API_KEY=backend-key"}, "nodes"); code != 0 || !strings.Contains(out, want.text) {
			t.Errorf("nodes: exit %d, %s%s; want %s", code, out, errs, want.text)
		}
	}

	later, d := serve("d")
	await(d, "a b d", "c")
	await(a, "a b d", "c")
	later.terminate()
	await(a, "a b", "c")
	await(b, "a b", "c")
	_, c = serve("c")
	for _, url := range []string{a, b, c} {
		await(url, "a b c", "")
	}
}
