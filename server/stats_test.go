package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// statsAnswer is the answer to GET /v1/stats, as far as the tests read it.
type statsAnswer struct {
	Series map[string][]int64
	ByNode []struct {
		Node   uint64
		Series map[string][]int64
	} `json:"by_node"`
	Nodes      int
	NodesKnown int `json:"nodes_known"`
}

func (r *running) stats(key string) (a statsAnswer) {
	r.t.Helper()
	status, answer := r.call(http.MethodGet, "/v1/stats?window=1h", key, "", "")
	if err := json.Unmarshal([]byte(answer), &a); status != http.StatusOK || err != nil {
		r.t.Fatalf("stats: %d %s", status, answer)
	}
	return a
}

func sumOf(list []int64) (sum int64) {
	for _, n := range list {
		sum += n
	}
	return sum
}

// TestStats: what was counted while time goes by, for the operator's key of all apps, for another app's of that.
func TestStats(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{
		"apps": "{shop: {client_tokens: [page-token-of-shop], api_keys: [{name: shop, key: secret-of-shop}, {name: confined, key: secret-of-tenant, within: 'tenant == \"7\"'}]}}",
	}, nil)
	s.page("page=home")
	gone := s.page("page=list")
	s.pageAs("page-token-of-shop", "page=home")
	for key, pushes := range map[string]int{apiKey: 2, "secret-of-shop": 3} {
		for range pushes {
			if status, answer := s.call(http.MethodPost, "/v1/push", key, "", `{"to":"*","message":1}`); status != http.StatusOK {
				t.Fatalf("push: %d %s", status, answer)
			}
		}
	}
	_ = gone.CloseNow()
	for begun := time.Now(); s.Connections() != 2 && time.Since(begun) < patience; {
		time.Sleep(time.Millisecond)
	}
	var all, shop statsAnswer
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(50 * time.Millisecond) { // until the step has ended
		all, shop = s.stats(apiKey), s.stats("secret-of-shop")
		if sumOf(all.Series["pushes"]) == 5 && sumOf(all.Series["closed"]) == 1 {
			break
		}
	}
	for name, want := range map[string]int64{"opened": 3, "closed": 1, "pushes": 5, "deliveries": 2*2 + 3, "dropped": 0} {
		if got := sumOf(all.Series[name]); got != want {
			t.Errorf("%s of all apps are %v, want %d together", name, all.Series[name], want)
		}
	}
	if pages := all.Series["pages"]; len(pages) == 0 || pages[len(pages)-1] != 2 || all.Nodes != 1 || all.NodesKnown != 1 || len(all.ByNode) != 1 {
		t.Errorf("of all apps: %+v", all)
	}
	if pages := shop.Series["pages"]; len(pages) == 0 || pages[len(pages)-1] != 1 || sumOf(shop.Series["pushes"]) != 3 || len(shop.Series) != 2 {
		t.Errorf("of the app: %+v", shop)
	}
	if status, answer := s.call(http.MethodGet, "/v1/stats", "secret-of-tenant", "", ""); status != http.StatusForbidden || !strings.Contains(answer, "confined") {
		t.Errorf("a confined key: %d %s", status, answer)
	}
}

// TestFiguresOfSeveralNodes: the figures of three nodes add up, and so do their scenes; how a node is, and that it drains, the others know.
func TestFiguresOfSeveralNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, nil)
	for i, s := range nodes {
		for range 1 + i {
			s.page("page=home&order=" + string(rune('7'+i)))
		}
	}
	if status, answer := nodes[1].push(`{"to":"*","message":1}`); status != http.StatusOK || !strings.Contains(answer, `"matched":6`) {
		t.Fatalf("push: %d %s", status, answer)
	}
	var answer string
	for begun := time.Now(); !strings.Contains(answer, `"nodes":3,`) && time.Since(begun) < patience; { // a node that is busy answers late
		_, answer = nodes[2].call(http.MethodGet, "/v1/scenes?by=page,order", apiKey, "", "")
	}
	const want = `{"by":["page","order"],"scenes":[{"labels":{"order":"9","page":"home"},"matched":3,"pushes_per_minute":1},` +
		`{"labels":{"order":"8","page":"home"},"matched":2,"pushes_per_minute":1},{"labels":{"order":"7","page":"home"},"matched":1,"pushes_per_minute":1}],` +
		`"rest":{"scenes":0,"matched":0},"matched":6,"nodes":3,"nodes_known":3}`
	if answer != want {
		t.Errorf("the scenes are %s, want %s", answer, want)
	}
	var told statsAnswer
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(50 * time.Millisecond) {
		if told = nodes[0].stats(apiKey); told.Nodes == 3 && sumOf(told.Series["deliveries"]) == 6 {
			break
		}
	}
	if len(told.ByNode) != 3 || told.NodesKnown != 3 || sumOf(told.Series["opened"]) != 6 || sumOf(told.Series["deliveries"]) != 6 {
		t.Errorf("of three nodes: %+v", told)
	}
	if pushes := sumOf(told.Series["pushes"]); pushes < 1 || pushes > 3 { // each node may have delivered it in another step
		t.Errorf("one push counts as %d", pushes)
	}
	if status, answer := nodes[1].call(http.MethodPost, "/v1/drain", adminKey, "", `{"delay":"1h"}`); status != http.StatusOK {
		t.Fatalf("drain: %d %s", status, answer)
	}
	for begun := time.Now(); !strings.Contains(answer, `"draining":"waiting"`) && time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) { // until it has beaten
		_, answer = nodes[0].call(http.MethodGet, "/v1/nodes", apiKey, "", "")
	}
	if strings.Count(answer, `"engine":"nats"`) != 3 || strings.Count(answer, `"loop_lag_ms":`) != 3 || strings.Count(answer, `"draining":"waiting"`) != 1 {
		t.Errorf("the nodes are %s", answer)
	}
}
