package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"scenecast/client"
)

const shipped = `{orderShipped: {params: {order: string}, to: 'page == "order" && order == $order', message: {order: $order}}}`

// TestCalls makes each call of the API by its method.
func TestCalls(t *testing.T) {
	address := start(t, map[string]string{"triggers": shipped, "presence": "[{key: order, show: [name]}]"})
	b := newBackend(t, address)
	ctx := t.Context()
	p := run(t, client.PageOptions{URL: address, Labels: client.Labels{"page": {"order"}, "order": {"7"}}})
	id := expectTold[client.Welcome](p).ID
	check := func(what string, ok bool, got any, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}

	pushed, err := b.PushBatch(ctx, []client.PushRequest{
		{To: client.Labels{"order": {"7", "8"}}, Message: map[string]int{"n": 1}, TTL: time.Minute, Coalesce: "c", Retain: "r", Event: "e", Receipt: "written", Timeout: 30 * time.Second},
		{To: "order = 7", Message: 2},
		{To: map[string]string{"order": "7"}, Except: id, Message: 3},
	})
	if err != nil || len(pushed) != 3 {
		t.Fatalf("the batch: %+v, %v", pushed, err)
	}
	check("the first of a batch", pushed[0].Written == 1, pushed[0], pushed[0].Err)
	var e *client.Error
	if !errors.As(pushed[1].Err, &e) || e.Kind != client.KindInvalid || e.Where != "to.column 7" {
		t.Errorf("the one that is wrong: %v", pushed[1].Err)
	}
	check("the one but for the page", pushed[2].Matched == 0, pushed[2], pushed[2].Err)
	p.expect(`{"n":1}`)

	result, err := b.Trigger(ctx, client.TriggerRequest{Name: "orderShipped", Params: map[string]int{"order": 7}, IdempotencyKey: "k"})
	check("the trigger", result.Matched == 1, result, err)
	p.expect(`{"order":"7"}`)
	result, err = b.Trigger(ctx, client.TriggerRequest{Name: "orderShipped", Params: map[string]int{"order": 7}, IdempotencyKey: "k"})
	check("the trigger again", result.Replayed, result, err)
	if _, err = b.Trigger(ctx, client.TriggerRequest{Name: "no/such"}); !errors.As(err, &e) || e.Kind != client.KindNotFound {
		t.Errorf("no trigger: %v", err)
	}

	count, err := b.Count(ctx, client.CountRequest{To: `page == "order"`, Except: `order == "8"`, Sample: 1})
	check("the count", count.Matched == 1 && len(count.ByNode) == 1 && len(count.Sample) == 1 && count.Sample[0].Labels.Get("plan") == "free", count, err)
	one, err := b.Connection(ctx, id)
	check("the connection", one.ID == id && one.Labels.Get("order") == "7" && one.Sources["order"] == "page" && one.Wire == "native" && time.Since(one.Since) < time.Hour &&
		one.Remote == "127.0.0.1" && one.Nodes == 1, one, err)
	if _, err := b.Connection(ctx, "1.99"); !errors.As(err, &e) || e.Kind != client.KindNotFound {
		t.Errorf("no connection: %v", err)
	}
	why, err := b.Explain(ctx, client.ExplainRequest{To: `page == "order" && plan == "pro"`, Except: `order == "8"`, Connection: id})
	check("why not", !why.Matches && len(why.Explanation.Of) == 3 && why.Explanation.Of[1].Why == "plan = free, not pro" && why.Labels.Get("@id") == id && why.Nodes == 1, why, err)
	why, err = b.Explain(ctx, client.ExplainRequest{To: client.Labels{"plan": {"pro"}}, Labels: client.Labels{"plan": {"pro"}}})
	check("why", why.Matches && why.Explanation.Why == "plan = pro" && why.Nodes == 0, why, err)
	values, err := b.LabelValues(ctx, "order", "*", 10)
	check("the values", values.Distinct == 1 && values.Values[0] == client.LabelValue{Value: "7", Connections: 1}, values, err)
	keys, err := b.LabelKeys(ctx, client.Labels{"page": {"order"}}, 100)
	check("the keys", keys.Distinct == len(keys.Keys) && slices.Contains(keys.Keys, client.LabelKey{Key: "plan", Connections: 1}) && keys.Nodes == 1, keys, err)
	for from, want := range map[string]int{"127.0.0.0/8": 1, "127.0.0.1": 1, "192.0.2.0/24": 0} {
		found := 0
		for c, err := range b.ConnectionsFrom(ctx, from, "*") {
			found++
			check("a connection from "+from, c.ID == id, c, err)
		}
		check("from "+from, found == want, found, nil)
	}
	for _, err := range b.ConnectionsFrom(ctx, "localhost", "*") {
		if !errors.As(err, &e) || e.Kind != client.KindInvalid || e.Where != "address" {
			t.Errorf("from a name: %v", err)
		}
	}
	table, err := b.CountScenes(ctx, []string{"page", "order", "nothing"}, client.Labels{"page": {"order"}}, 10)
	check("the scenes by keys", table.Matched == 1 && len(table.Scenes) == 1 && table.Scenes[0].Labels.Get("order") == "7" && len(table.Scenes[0].Labels) == 2 &&
		table.Scenes[0].PushesPerMinute != nil && *table.Scenes[0].PushesPerMinute >= 2 && table.Rest == client.RestOfScenes{} && table.Nodes == 1, table, err)
	if _, err := b.CountScenes(ctx, []string{"a", "b", "c", "d"}, "*", 10); !errors.As(err, &e) || e.Kind != client.KindInvalid || e.Where != "by" {
		t.Errorf("by four keys: %v", err)
	}

	managed, err := b.SetLabels(ctx, client.Labels{"order": {"7"}}, client.Labels{"tag": {"a", "b"}, "page": nil})
	check("the labels", managed.Changed == 1, managed, err)
	one, err = b.Connection(ctx, id)
	check("the connection with them", slices.Equal(one.Labels["tag"], []string{"a", "b"}) && !hasKey(one.Labels, "page"), one, err)

	scene := client.SceneCount{}
	for err == nil && scene.Anonymous == 0 { // presence comes behind the connection
		scene, err = b.Scene(ctx, "order", "7")
	}
	check("one scene", scene == client.SceneCount{Value: "7", Anonymous: 1, Connections: 1}, scene, err)
	for of, err := range b.Scenes(ctx, "order") {
		check("the scenes", of == scene, of, err)
	}
	for member, err := range b.Members(ctx, "colour", "red") {
		if !errors.As(err, &e) || e.Setting != "presence" {
			t.Errorf("a key that is not declared: %+v, %v", member, err)
		}
	}

	logged, err := b.LoggedPush(ctx, pushed[0].ID)
	check("the push", logged.Tally != nil && logged.Tally.Done && logged.TTL == "1m0s" && string(logged.Message) == `{"n":1}`, logged, err)
	history, err := b.History(ctx, client.HistoryRequest{Limit: 1})
	check("the history", len(history.Pushes) == 1 && history.Pushes[0].ID == logged.ID && history.More, history, err)
	history, err = b.History(ctx, client.HistoryRequest{To: client.Labels{"order": {"7"}, "page": {"order"}}, Since: history.Next})
	check("the rest of it", len(history.Pushes) == 2 && !history.More && history.Gap == nil, history, err)
	newest, err := b.History(ctx, client.HistoryRequest{Newest: true, Connection: id})
	check("what the page would have got", len(newest.Pushes) == 1 && newest.Pushes[0].ID == logged.ID, newest, err)
	newest, err = b.History(ctx, client.HistoryRequest{Newest: true, Limit: 2})
	check("the newest", len(newest.Pushes) == 2 && newest.Pushes[0].Position > newest.Pushes[1].Position && newest.Pushes[0].Tally.Nodes == 1, newest, err)
	newest, err = b.History(ctx, client.HistoryRequest{Newest: true, Before: newest.Pushes[1].Position})
	check("what is older", len(newest.Pushes) >= 1 && newest.Pushes[0].ID == logged.ID && !newest.More, newest, err)
	history, err = b.History(ctx, client.HistoryRequest{Since: "k3x9a-17"})
	check("a gap", history.Gap != nil && history.Gap.Reason == "epoch", history, err)

	self, err := b.Self(ctx)
	check("the key", self.App == "default" && self.Key == "backend" && slices.Contains(self.Scopes, "read") && self.Within == "" && self.Triggers == nil &&
		self.Node != nil && self.Node.ID != 0 && slices.Equal(self.Presence, []string{"order"}) && !self.Time.IsZero(), self, err)
	stats, err := b.Stats(ctx, time.Minute)
	check("the figures", stats.StepMS == 5000 && !stats.From.IsZero() && len(stats.ByNode) == 1 && stats.ByNode[0].Node == self.Node.ID && len(stats.Series.Pages) == len(stats.Series.Pushes) &&
		stats.Nodes == 1 && stats.NodesKnown == 1, stats, err)
	if _, err := b.Stats(ctx, 0); !errors.As(err, &e) || e.Kind != client.KindInvalid || e.Where != "window" {
		t.Errorf("of no time: %v", err)
	}
	nodes, err := b.Nodes(ctx)
	check("the nodes", len(nodes.Nodes) == 1 && nodes.Nodes[0].Self && nodes.Nodes[0].Connections == 1 && nodes.Nodes[0].Engine == "memory" && nodes.Nodes[0].Draining == "" && nodes.Log == nil, nodes, err)
	hooks, err := b.Hooks(ctx)
	check("the hooks", len(hooks) == 0, hooks, err)
	if err := b.RetryHook(ctx, "none"); !errors.As(err, &e) || e.Kind != client.KindNotFound {
		t.Errorf("no hook: %v", err)
	}
	if _, err := b.Revoke(ctx, client.RevokeRequest{}); !errors.As(err, &e) || e.Kind != client.KindInvalid {
		t.Errorf("a revocation of nothing: %v", err)
	}
	if _, err := b.Reload(ctx); !errors.As(err, &e) || e.Kind != client.KindForbidden {
		t.Errorf("a reload without the scope: %v", err)
	}
	operator := client.Backend{URL: address, Key: operatorKey}
	settings, err := operator.Settings(ctx, "http.max_body")
	check("a setting", string(settings.Settings) == `{"http":{"max_body":"256KiB"}}` && len(settings.Changed) == 0 && settings.Problem == nil, settings, err)
	managed, err = b.Disconnect(ctx, "*", 4403, "logged out")
	check("goodbye", managed.Matched == 1, managed, err)
	if err := p.end(); !errors.As(err, &e) || e.Code != 4403 || e.Detail != "logged out" {
		t.Errorf("the page ended by %v", err)
	}
}

func hasKey(l client.Labels, key string) bool {
	_, has := l[key]
	return has
}

// TestConnections follows the pages of a list to its end, and stops when its reader does.
func TestConnections(t *testing.T) {
	const all = 2300
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if to := r.URL.Query().Get("to"); to != `{"page":["home"]}` || r.URL.Query().Get("limit") != "1000" {
			t.Errorf("the audience is %s of %s", to, r.URL)
		}
		var after int
		_, _ = fmt.Sscan(r.URL.Query().Get("after"), &after)
		var list []client.Connection
		for i := after + 1; i <= min(after+1000, all); i++ {
			list = append(list, client.Connection{ID: fmt.Sprint(i), Labels: client.Labels{"page": {"home"}}})
		}
		answer := map[string]any{"connections": list}
		if after+1000 < all {
			answer["next"] = fmt.Sprint(after + 1000)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer s.Close()
	b := client.Backend{URL: s.URL, HTTP: s.Client()}
	seen := 0
	for c, err := range b.Connections(t.Context(), client.Labels{"page": {"home"}}) {
		if seen++; err != nil || c.ID != fmt.Sprint(seen) || c.Labels.Get("page") != "home" {
			t.Fatalf("%d: %+v, %v", seen, c, err)
		}
	}
	if seen != all || calls.Load() != 3 {
		t.Errorf("%d connections by %d calls, want %d by 3", seen, calls.Load(), all)
	}
	for range b.Connections(t.Context(), client.Labels{"page": {"home"}}) {
		break
	}
	if calls.Load() != 4 {
		t.Errorf("%d calls, want one for who stops at once", calls.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range b.Connections(ctx, client.Labels{"page": {"home"}}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended: %v", err)
		}
	}
}

// unreliable is a proxy in front of a server that loses the answers of the first calls.
func unreliable(t *testing.T, address string, lose int32, how http.HandlerFunc) (proxied string, calls *atomic.Int32) {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport = &http.Transport{DisableKeepAlives: true}
	calls = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > lose {
			forward.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(httptest.NewRecorder(), r) // the server does what it is asked
		how(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

// TestRetry: what has got no answer is done once by two calls, and is then told as it was.
func TestRetry(t *testing.T) {
	t.Parallel()
	address := start(t, map[string]string{"triggers": shipped})
	p := run(t, client.PageOptions{URL: address, Labels: client.Labels{"page": {"order"}, "order": {"7"}}})
	expectTold[client.Welcome](p)
	breakOff := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
		panic(http.ErrAbortHandler)
	}
	badGateway := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	for name, how := range map[string]http.HandlerFunc{"break": breakOff, "502": badGateway} {
		for _, c := range []struct {
			lose    int32
			attempt int
			calls   int32
			fails   bool
		}{{1, 0, 2, false}, {2, 0, 2, true}, {1, 1, 1, true}} {
			proxied, calls := unreliable(t, address, c.lose, how)
			b := client.Backend{URL: proxied, Key: backendKey, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Attempts: c.attempt}
			for what, push := range map[string]func() (client.PushResult, error){
				"push": func() (client.PushResult, error) { return b.Push(t.Context(), client.PushRequest{To: "*", Message: 1}) },
				"trigger": func() (client.PushResult, error) {
					return b.Trigger(t.Context(), client.TriggerRequest{Name: "orderShipped", Params: map[string]string{"order": "7"}})
				},
				"batch": func() (client.PushResult, error) {
					all, err := b.PushBatch(t.Context(), []client.PushRequest{{To: "*", Message: 1}})
					if err != nil {
						return client.PushResult{}, err
					}
					return all[0].PushResult, all[0].Err
				},
			} {
				calls.Store(0)
				result, err := push()
				if (err != nil) != c.fails || calls.Load() != c.calls || !c.fails && (!result.Replayed || result.Matched != 1) {
					t.Errorf("%s of which %d answers are lost (%s): %+v, %v, by %d calls", what, c.lose, name, result, err, calls.Load())
				}
				within(t, p.pushes)
				if err != nil && strings.Contains(err.Error(), backendKey) {
					t.Errorf("the error shows the key: %v", err)
				}
			}
		}
	}
	newBackend(t, address).push("*", `"last"`)
	p.expect(`"last"`) // nothing came twice
	proxied, calls := unreliable(t, address, 1, badGateway)
	b := client.Backend{URL: proxied, Key: backendKey}
	if err := b.Call(t.Context(), "POST", "/v1/push", client.Labels{"to": {"*"}}, nil); err == nil || calls.Load() != 1 {
		t.Errorf("Call was made %d times: %v", calls.Load(), err)
	}
}

// TestSecrets: an address with a password is told without it.
func TestSecrets(t *testing.T) {
	for _, address := range []string{"ftp://user:secret@host", "http://user:secret@\x7f", "http://user:secret@127.0.0.1:1"} {
		b := client.Backend{URL: address, Key: "secret", Attempts: 1}
		if _, err := b.Nodes(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	p := run(t, client.PageOptions{URL: "http://127.0.0.1:1", Token: "secret"})
	if err := expectTold[error](p); strings.Contains(err.Error(), "secret") {
		t.Errorf("a page that is not connected: %v", err)
	}
	p.stop()
}

// TestConnectionReuse: calls one after the other use one connection, also where the server refuses them.
func TestConnectionReuse(t *testing.T) {
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/hooks" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	b := client.Backend{URL: s.URL}
	for range 5 {
		if _, err := b.Nodes(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := b.Hooks(t.Context()); err == nil {
			t.Error("a call that is refused succeeds")
		}
	}
	if opened.Load() != 1 {
		t.Errorf("%d connections were opened", opened.Load())
	}
}
