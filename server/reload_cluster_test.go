package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// startReloadableNodes is startNodes with a configuration that each node can read anew.
func startReloadableNodes(t *testing.T, n int, settings map[string]string) []*reloadable {
	t.Helper()
	nodes, failed := make([]*reloadable, n), make([]error, n)
	var starting sync.WaitGroup
	for i, own := range clusterSettings(t, n) {
		maps.Copy(own, settings)
		r := &reloadable{settings: harnessSettings(own)}
		nodes[i] = r
		starting.Go(func() { r.running, failed[i] = newRunning(t, own, func(o *options) { o.Load = r.load }) })
	}
	starting.Wait()
	for i, err := range failed {
		if err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
	}
	for _, r := range nodes {
		r.run()
	}
	return nodes
}

// TestReloadNodeByNode: an app that nodes learn of one after another is served where it is known, the others pass over it, and nobody of another
// app notices; where it is taken away, its pages there are closed, and those elsewhere stay.
func TestReloadNodeByNode(t *testing.T) {
	t.Parallel()
	const (
		blog = `blog: {client_tokens: [blog-page], api_keys: [{name: b, key: blog-key}]}`
		both = blog + `, shop: {client_tokens: [shop-page], api_keys: [{name: s, key: shop-key}]}`
	)
	nodes := startReloadableNodes(t, 3, map[string]string{"apps": "{" + blog + "}"})
	page := func(node int, token string) *websocket.Conn {
		c := nodes[node].native("page=home&token=" + token)
		if welcome := nodes[node].read(c); !strings.Contains(welcome, `"welcome"`) {
			t.Fatalf("a page with %s at node %d: %s", token, node, welcome)
		}
		return c
	}
	push := func(node int, key string, n int) string {
		status, answer := nodes[node].call(http.MethodPost, "/v1/push", key, "application/json", fmt.Sprintf(`{"to":{"page":"home"},"message":%d}`, n))
		return fmt.Sprint(status, " ", answer)
	}
	gets := func(node int, c *websocket.Conn, n int) {
		t.Helper()
		if got := nodes[node].read(c); !strings.Contains(got, fmt.Sprintf(`"data":%d}`, n)) {
			t.Errorf("a page at node %d gets %s, want push %d", node, got, n)
		}
	}
	var blogs []*websocket.Conn
	for node := range nodes {
		blogs = append(blogs, page(node, "blog-page"))
	}

	nodes[0].reload(map[string]string{"apps": "{" + both + "}"})
	first := page(0, "shop-page")
	if got := push(0, "shop-key", 1); !strings.HasPrefix(got, "200 ") {
		t.Errorf("a push to the new app where it is known: %s", got)
	}
	gets(0, first, 1)
	if got := push(1, "shop-key", 2); !strings.HasPrefix(got, "401 ") {
		t.Errorf("a push to the new app where it is not known: %s", got)
	}

	nodes[1].reload(map[string]string{"apps": "{" + both + "}"})
	second := page(1, "shop-page")
	if got := push(1, "shop-key", 3); !strings.HasPrefix(got, "200 ") {
		t.Errorf("a push to the new app at the second node: %s", got)
	}
	gets(0, first, 3)
	gets(1, second, 3)
	if got := push(2, "blog-key", 4); !strings.HasPrefix(got, "200 ") { // by the node that has passed over all of it
		t.Errorf("a push to another app: %s", got)
	}
	for node, c := range blogs {
		gets(node, c, 4)
	}

	done := nodes[0].reload(map[string]string{"apps": "{" + blog + "}"})
	if done.Closed != 1 {
		t.Errorf("the reload that takes the app away: %+v, want 1 page closed", done)
	}
	if code := nodes[0].closeCode(first); code != 4401 {
		t.Errorf("its page there is closed with %d, want 4401", code)
	}
	if got := push(1, "shop-key", 5); !strings.HasPrefix(got, "200 ") {
		t.Errorf("a push to it where it is still known: %s", got)
	}
	gets(1, second, 5)
	if got := push(0, "blog-key", 6); !strings.HasPrefix(got, "200 ") {
		t.Errorf("a push to the app that stays: %s", got)
	}
	for node, c := range blogs {
		gets(node, c, 6)
	}
}
