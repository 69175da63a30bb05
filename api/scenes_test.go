package api_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/api"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/scenes"
)

func labels(pairs ...string) label.Set {
	var all []label.Label
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		all = append(all, label.Label{Key: key, Value: value})
	}
	return label.New(all...)
}

// TestScenes: the largest scenes, the others summed, what is not exact marked as that; what is asked of the engine, and what is refused.
func TestScenes(t *testing.T) {
	var asked scenecast.Query
	counts := func() *scenes.Counts {
		return &scenes.Counts{By: []string{"page", "order"}, Counted: 20, Total: 4, Scenes: []scenes.Scene{
			{Labels: labels("page=home"), Matched: 2}, {Labels: labels("page=order", "order=7"), Matched: 7}, {Matched: 3, More: 2}, {Labels: labels("order=<script>"), Matched: 3},
		}}
	}
	for name, c := range map[string]struct {
		query  string
		change func(*scenecast.Reply)
		limit  int // that is asked for
		status int
		want   string
	}{
		"all": {"by=page,order", nil, 200, 200, `{"by":["page","order"],"scenes":[{"labels":{"order":"7","page":"order"},"matched":7,"pushes_per_minute":0},` +
			`{"labels":{},"matched":3,"at_most":5,"pushes_per_minute":0},{"labels":{"order":"\u003cscript\u003e"},"matched":3,"pushes_per_minute":0},` +
			`{"labels":{"page":"home"},"matched":2,"pushes_per_minute":0}],"rest":{"scenes":0,"matched":5},"matched":15,"nodes":2,"nodes_known":3}`},
		"the largest": {"by=page,order&limit=1&to=page==%22home%22", nil, 200, 200, `{"by":["page","order"],"scenes":[{"labels":{"order":"7","page":"order"},"matched":7,"pushes_per_minute":0}],` +
			`"rest":{"scenes":3,"matched":13},"matched":15,"nodes":2,"nodes_known":3}`},
		"an older node": {"by=page", func(r *scenecast.Reply) { r.Scenes = nil }, 200, 503,
			`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"no node that has answered can count scenes: they run an older version"}`},
		"no keys":       {"", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"missing: say by which keys, as in ?by=page or ?by=page,order","where":"by"}`},
		"an empty key":  {"by=page,", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"takes keys of labels, as in ?by=page,order; \"\" is none","where":"by"}`},
		"a bad key":     {"by=page%20", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"takes keys of labels, as in ?by=page,order; \"page \" is none","where":"by"}`},
		"a key twice":   {"by=page,page", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"has the key page twice","where":"by"}`},
		"four keys":     {"by=a,b,c,d", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"has 4 keys, and may have 3","where":"by"}`},
		"no limit":      {"by=page&limit=0", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"takes a number from 1 to 1000","where":"limit"}`},
		"a huge limit":  {"by=page&limit=1001", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"takes a number from 1 to 1000","where":"limit"}`},
		"a bad address": {"by=page&to=page", nil, 0, 400, `{"title":"Bad Request","status":400,"kind":"invalid","detail":"DETAIL","where":"to.column 5"}`},
	} {
		f := newFixture(t)
		asked = scenecast.Query{}
		f.asker.ask = func(_ context.Context, q scenecast.Query) (scenecast.Reply, error) {
			asked = q
			r := scenecast.Reply{Tally: scenecast.Tally{Matched: 15, Nodes: 2}, Known: 3, Scenes: counts()}
			if c.change != nil {
				c.change(&r)
			}
			return r, nil
		}
		w := f.call("GET", "/v1/scenes?"+c.query, "read", nil)
		if want, _, ok := strings.Cut(c.want, "DETAIL"); ok {
			if w.Code != c.status || !strings.HasPrefix(w.Body.String(), want) {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		} else {
			checkAnswer(t, name, w, c.status, c.want)
		}
		switch {
		case c.limit == 0 && asked.Scenes != nil:
			t.Errorf("%s: the engine was asked", name)
		case c.limit != 0 && (asked.Scenes.Limit != c.limit || asked.App != "shop"):
			t.Errorf("%s: asked is %+v", name, asked)
		}
	}
}

// recentLog is a log of some pushes to each of some audiences.
type recentLog struct {
	scenecast.Log
	pushes []*scenecast.Push
	reads  int
}

func (l *recentLog) Newest() scenecast.Position {
	return scenecast.Position{Epoch: 1, Seq: uint64(len(l.pushes))}
}

func (l *recentLog) After(_ context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	l.reads++
	return l.pushes[after.Seq:min(len(l.pushes), int(after.Seq)+limit)], nil
}

func (l *recentLog) push(t *testing.T, n int, to string) {
	t.Helper()
	e, err := audience.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		l.pushes = append(l.pushes, &scenecast.Push{App: "shop", To: e, At: time.Now(), Position: scenecast.Position{Epoch: 1, Seq: uint64(len(l.pushes) + 1)}})
	}
}

// TestPushesPerMinute: a push counts for the scenes of which a page can match it; that is read once in a while, and told to nobody confined.
func TestPushesPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(recentLog)
		log.push(t, 100, `page == "home"`)
		time.Sleep(50 * time.Second)
		log.push(t, 1, `*`)
		log.push(t, 2, `page == "home"`)
		log.push(t, 4, `page == "home" && plan == "pro"`)
		log.push(t, 8, `page == "list" || order == "7"`)
		log.push(t, 16, `page != "home"`)
		log.pushes = append(log.pushes, &scenecast.Push{App: "blog", To: audience.Everybody(), At: time.Now(), Position: scenecast.Position{Epoch: 1, Seq: uint64(len(log.pushes) + 1)}})
		time.Sleep(20 * time.Second)
		within, err := audience.Parse(`page == "home"`)
		if err != nil {
			t.Fatal(err)
		}
		keys := new(auth.Keys)
		keys.Add(auth.Key{App: "shop", Scopes: auth.Scopes}, "all")
		keys.Add(auth.Key{App: "shop", Scopes: auth.Scopes, Within: within}, "confined")
		asker := &asker{ask: func(_ context.Context, q scenecast.Query) (scenecast.Reply, error) {
			return scenecast.Reply{Scenes: &scenes.Counts{By: q.Scenes.By, Scenes: []scenes.Scene{{Labels: labels("page=home"), Matched: 3}, {Labels: labels("page=list"), Matched: 2}, {Matched: 1}}}}, nil
		}}
		a := api.New(api.Options{FindKey: keys.Find, Asker: asker, Log: log})
		call := func(key string) string {
			r := httptest.NewRequest("GET", "/v1/scenes?by=page", nil)
			r.Header.Set("Authorization", "Bearer "+key)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			return w.Body.String()
		}
		told := func(home, list, none int) string {
			return fmt.Sprintf(`"scenes":[{"labels":{"page":"home"},"matched":3,"pushes_per_minute":%d},{"labels":{"page":"list"},"matched":2,"pushes_per_minute":%d},{"labels":{},"matched":1,"pushes_per_minute":%d}]`, home, list, none)
		}
		if got, want := call("all"), told(1+2+4+8, 1+8+16, 1+8+16); !strings.Contains(got, want) {
			t.Errorf("told is %s, want %s", got, want)
		}
		reads := log.reads
		log.push(t, 500, `page == "home"`)
		if got, want := call("all"), told(1+2+4+8, 1+8+16, 1+8+16); !strings.Contains(got, want) || log.reads != reads {
			t.Errorf("at once again, told is %s by %d reads", got, log.reads-reads)
		}
		if got := call("confined"); strings.Contains(got, "minute") || log.reads != reads {
			t.Errorf("a confined key is told %s", got)
		}
		time.Sleep(5 * time.Second)
		if got, want := call("all"), told(500+1+2+4+8, 1+8+16, 1+8+16); !strings.Contains(got, want) {
			t.Errorf("later, told is %s, want %s", got, want)
		}
		// So many audiences that holding a thousand scenes against all of them would take long: the newest count.
		for i := range 1000 {
			log.push(t, 1, fmt.Sprintf(`page == "home" && order in ["%d"%s]`, i, strings.Repeat(`, "x"`, 100)))
		}
		time.Sleep(6 * time.Second)
		if got, want := call("all"), fmt.Sprintf(`"pushes_per_minute":%d}`, 78*10); !strings.Contains(got, want) {
			t.Errorf("of many audiences, told is %s, want %s", got, want)
		}
	})
}

// TestRatesOfALogThatWaits: while one call reads the log, another of the same app waits for it as long as a call may take, one of another app
// does not wait for it, and what is read serves all that wait.
func TestRatesOfALogThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &waitingLog{goOn: make(chan struct{})}
		log.push(t, 3, `page == "home"`)
		keys := new(auth.Keys)
		for _, app := range []string{"shop", "blog"} {
			keys.Add(auth.Key{App: app, Scopes: auth.Scopes}, app)
		}
		asker := &asker{ask: func(_ context.Context, q scenecast.Query) (scenecast.Reply, error) {
			return scenecast.Reply{Scenes: &scenes.Counts{By: q.Scenes.By, Scenes: []scenes.Scene{{Labels: labels("page=home"), Matched: 3}}}}, nil
		}}
		a := api.New(api.Options{FindKey: keys.Find, Asker: asker, Log: log, Timeout: 10 * time.Second})
		call := func(key string) chan string {
			answer := make(chan string, 1)
			go func() {
				r := httptest.NewRequest("GET", "/v1/scenes?by=page", nil)
				r.Header.Set("Authorization", "Bearer "+key)
				w := httptest.NewRecorder()
				a.ServeHTTP(w, r)
				answer <- w.Body.String()
			}()
			synctest.Wait()
			return answer
		}
		reads, waits := call("shop"), call("shop")
		time.Sleep(5 * time.Second)
		later, blog := call("shop"), call("blog")
		if log.waiting != 2 {
			t.Errorf("the log is read by %d calls, want one of each app", log.waiting)
		}
		time.Sleep(6 * time.Second)
		if len(waits) != 1 || !strings.Contains(<-waits, `"status":503`) || len(later)+len(blog) != 0 {
			t.Errorf("after 11 s, answered are %d, %d and %d", len(waits), len(later), len(blog))
		}
		close(log.goOn)
		if got := <-later; !strings.Contains(got, `"pushes_per_minute":3`) {
			t.Errorf("told is %s", got)
		}
		if got := <-blog; !strings.Contains(got, `"pushes_per_minute":0`) {
			t.Errorf("the other app is told %s", got)
		}
		<-reads
	})
}

// waitingLog is a log whose reads wait until they may go on.
type waitingLog struct {
	recentLog
	goOn    chan struct{}
	mu      sync.Mutex
	waiting int // reads that have begun to wait
}

func (l *waitingLog) After(ctx context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	select {
	case <-l.goOn:
	default:
		l.mu.Lock()
		l.waiting++
		l.mu.Unlock()
		<-l.goOn
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recentLog.After(ctx, after, limit)
}
