package api_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/api"
	"scenecast/auth"
	"scenecast/language"
)

// TestNodes: what is known of each node, and how the log stands; for keys of the operator's app alone.
func TestNodes(t *testing.T) {
	keys := new(auth.Keys)
	keys.Add(auth.Key{App: scenecast.DefaultApp, Scopes: []auth.Scope{auth.Read}}, "operator")
	keys.Add(auth.Key{App: scenecast.DefaultApp, Scopes: []auth.Scope{auth.Push}}, "pushes")
	keys.Add(auth.Key{App: "shop", Scopes: auth.Scopes}, "shop")
	at := time.Date(2026, 1, 2, 15, 4, 5, 678_900_000, time.UTC)
	known := scenecast.Nodes{
		Log: scenecast.LogInfo{Leader: "b", Replicas: 3, InSync: 2},
		Nodes: []scenecast.NodeInfo{
			{ID: 7, Name: "a", Version: "1.2", Self: true, Since: at, Started: at, Connections: 5, Newest: scenecast.Position{Epoch: 36, Seq: 2048},
				Condition: scenecast.Condition{Engine: "nats", LoopLag: 25 * time.Millisecond, Draining: "closing", DrainingSince: at, Problems: []string{"the hook orders is failing"}}},
			{ID: 9, Late: true, Since: at.Add(time.Second), Started: at, Newest: scenecast.Position{Epoch: 36, Seq: 1024}, Lag: scenecast.Lag{Records: 1, Time: 480 * time.Millisecond}, Problem: language.Message{Text: "no room"}},
		},
	}
	a := api.New(api.Options{FindKey: keys.Find, Nodes: func() scenecast.Nodes { return known }})
	call := func(key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v1/nodes", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	spoken := func(text language.Text) language.Message { return text.Message() }
	known.Nodes[0].Condition.Texts = []language.Message{spoken(language.Textf("the hook %s of the app %s is failing; events waiting: %d", "orders", "shop", 7))}
	const nodes = `"nodes":[{"id":7,"name":"a","version":"1.2","self":true,"state":"up","since":"2026-01-02T15:04:05.678Z","started":"2026-01-02T15:04:05.678Z",` +
		`"connections":5,"position":"10-2048","lag":0,"lag_ms":0,"engine":"nats","loop_lag_ms":25,"draining":"closing","draining_since":"2026-01-02T15:04:05.678Z","problems":["the hook orders is failing"]},` +
		`{"id":9,"self":false,"state":"late","since":"2026-01-02T15:04:06.678Z","started":"2026-01-02T15:04:05.678Z","connections":0,"position":"10-1024","lag":1,"lag_ms":480,"problem":"no room","problems":["no room"]}]}`
	checkAnswer(t, "three replicas", call("operator"), 200, `{"log":{"leader":"b","replicas":3,"in_sync":2},`+nodes)
	inChinese := httptest.NewRequest("GET", "/v1/nodes", nil)
	inChinese.Header.Set("Authorization", "Bearer operator")
	inChinese.Header.Set("Accept-Language", "zh-CN,zh;q=0.9")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, inChinese)
	if got := w.Body.String(); !strings.Contains(got, `"problems":["hook orders（应用 shop）调用失败；7 个事件在等待"]`) || !strings.Contains(got, `"problems":["no room"]`) {
		t.Errorf("in Chinese, also of a node that tells English alone: %s", got)
	}
	if h := w.Header(); h.Get("Content-Language") != "zh-CN" || h.Get("Vary") != "Accept-Language" {
		t.Errorf("in Chinese: %v", h)
	}
	known.Gone = []scenecast.GoneNode{{ID: 11, Name: "c", Version: "1.1", Heard: at}, {ID: 12, Heard: at.Add(-time.Hour)}}
	checkAnswer(t, "two that are gone", call("operator"), 200, `{"log":{"leader":"b","replicas":3,"in_sync":2},`+strings.TrimSuffix(nodes, "}")+
		`,"gone":[{"id":11,"name":"c","version":"1.1","last_heard":"2026-01-02T15:04:05.678Z"},{"id":12,"last_heard":"2026-01-02T14:04:05.678Z"}]}`)
	known.Log, known.Gone = scenecast.LogInfo{}, nil
	checkAnswer(t, "a log in memory", call("operator"), 200, `{`+nodes)
	checkAnswer(t, "a key that may not read", call("pushes"), 403,
		`{"title":"Forbidden","status":403,"kind":"forbidden","detail":"this API key lacks the scope \"read\"","setting":"api_keys"}`)
	checkAnswer(t, "a key of another app", call("shop"), 403,
		`{"title":"Forbidden","status":403,"kind":"forbidden","detail":"the nodes are of all apps, and for keys of the app named default alone","setting":"api_keys"}`)
}
