package api_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/api"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/series"
)

// TestStats: what is asked of the nodes, and told of what they answer, for whom; which windows there are.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 1, 2, 15, 4, 7, 0, time.UTC)))
		newest := series.Newest(time.Now())
		within, err := audience.Parse(`tenant == "7"`)
		if err != nil {
			t.Fatal(err)
		}
		keys := new(auth.Keys)
		keys.Add(auth.Key{App: scenecast.DefaultApp, Scopes: auth.Scopes}, "operator")
		keys.Add(auth.Key{App: scenecast.DefaultApp, Scopes: auth.Scopes, Within: within}, "confined")
		keys.Add(auth.Key{App: scenecast.DefaultApp, Scopes: []auth.Scope{auth.Push}}, "pushes")
		keys.Add(auth.Key{App: "shop", Scopes: auth.Scopes}, "shop")
		full := func() []scenecast.NodeStats {
			return []scenecast.NodeStats{
				{Node: 9, Series: series.Series{From: newest, Pages: []int64{3}, Pushes: []int64{2}, Opened: []int64{3}, Closed: []int64{0}, Deliveries: []int64{6}, Dropped: []int64{1}}},
				{Node: 7, Series: series.Series{From: newest - 1, Pages: []int64{4, 5}, Pushes: []int64{1, 1}, Opened: []int64{0, 1}, Closed: []int64{0, 0}, Deliveries: []int64{4, 5}, Dropped: []int64{0, 0}}},
			}
		}
		forbidden := `{"title":"Forbidden","status":403,"kind":"forbidden","detail":"`
		badWindow := `{"title":"Bad Request","status":400,"kind":"invalid","detail":"takes a length of time from \"5s\" to \"1h0m0s\", as in \"15m\"","where":"window"}`
		for name, c := range map[string]struct {
			key, query string
			reply      []scenecast.NodeStats
			asked      scenecast.Stats
			status     int
			want       string
		}{
			"of all apps": {"operator", "", full(), scenecast.Stats{All: true, UpTo: newest, Steps: 180}, 200,
				`{"from":"2026-01-02T15:03:55Z","step_ms":5000,"series":{"pages":[4,8],"pushes":[1,2],"opened":[0,4],"closed":[0,0],"deliveries":[4,11],"dropped":[0,1]},"by_node":[` +
					`{"node":7,"from":"2026-01-02T15:03:55Z","series":{"pages":[4,5],"pushes":[1,1],"opened":[0,1],"closed":[0,0],"deliveries":[4,5],"dropped":[0,0]}},` +
					`{"node":9,"from":"2026-01-02T15:04:00Z","series":{"pages":[3],"pushes":[2],"opened":[3],"closed":[0],"deliveries":[6],"dropped":[1]}}],"nodes":2,"nodes_known":3}`},
			"of one app": {"shop", "?window=5s", []scenecast.NodeStats{{Node: 7, Series: series.Series{From: newest, Pages: []int64{2}, Pushes: []int64{1}}}},
				scenecast.Stats{UpTo: newest, Steps: 1}, 200, `{"from":"2026-01-02T15:04:00Z","step_ms":5000,"series":{"pages":[2],"pushes":[1]},` +
					`"by_node":[{"node":7,"from":"2026-01-02T15:04:00Z","series":{"pages":[2],"pushes":[1]}}],"nodes":2,"nodes_known":3}`},
			"just started": {"operator", "?window=1h", []scenecast.NodeStats{{Node: 7, Series: series.Series{From: newest + 1}}}, scenecast.Stats{All: true, UpTo: newest, Steps: 720}, 200,
				`{"from":"2026-01-02T15:04:05Z","step_ms":5000,"series":{"pages":[],"pushes":[],"opened":[],"closed":[],"deliveries":[],"dropped":[]},` +
					`"by_node":[{"node":7,"from":"2026-01-02T15:04:05Z","series":{"pages":[],"pushes":[],"opened":[],"closed":[],"deliveries":[],"dropped":[]}}],"nodes":2,"nodes_known":3}`},
			"older nodes": {"operator", "", nil, scenecast.Stats{All: true, UpTo: newest, Steps: 180}, 503,
				`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"no node that has answered keeps these figures: they run an older version"}`},
			"confined":         {"confined", "", nil, scenecast.Stats{}, 403, forbidden + `the figures are of all pages of the app, and this API key is confined to an audience (within)","setting":"api_keys"}`},
			"without scope":    {"pushes", "", nil, scenecast.Stats{}, 403, forbidden + `this API key lacks the scope \"read\"","setting":"api_keys"}`},
			"no window":        {"operator", "?window=0", nil, scenecast.Stats{}, 400, badWindow},
			"a short window":   {"operator", "?window=4.9s", nil, scenecast.Stats{}, 400, badWindow},
			"a long window":    {"operator", "?window=61m", nil, scenecast.Stats{}, 400, badWindow},
			"a huge window":    {"operator", "?window=99999999999999h", nil, scenecast.Stats{}, 400, badWindow},
			"a window back":    {"operator", "?window=-15m", nil, scenecast.Stats{}, 400, badWindow},
			"none of a window": {"operator", "?window=soon", nil, scenecast.Stats{}, 400, badWindow},
		} {
			var asked scenecast.Stats
			asker := &asker{ask: func(_ context.Context, q scenecast.Query) (scenecast.Reply, error) {
				asked = *q.Stats
				return scenecast.Reply{Tally: scenecast.Tally{Nodes: 2}, Known: 3, Stats: c.reply}, nil
			}}
			a := api.New(api.Options{FindKey: keys.Find, Asker: asker})
			r := httptest.NewRequest("GET", "/v1/stats"+c.query, nil)
			r.Header.Set("Authorization", "Bearer "+c.key)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			api.ReadDescription(t).CheckAnswer(t, "GET", "/v1/stats"+c.query, w)
			checkAnswer(t, name, w, c.status, c.want)
			if asked != c.asked {
				t.Errorf("%s: asked is %+v, want %+v", name, asked, c.asked)
			}
		}
	})
}
