package hub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
)

// newQueued is a hub with so many shards, each on a queue.
func newQueued(shards int) (*hub.Hub, []*queue) {
	h := hub.New(hub.Options{Number: counted, Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}})
	var queues []*queue
	for range shards {
		q := &queue{sockets: make(map[scenecast.Slot]*socket)}
		q.shard = h.AddShard(q)
		queues = append(queues, q)
	}
	return h, queues
}

// sceneName spells a scene as the key of a map.
func sceneName(by, values []string) string {
	var name []string
	for i, key := range by {
		name = append(name, fmt.Sprintf("%s=%q", key, values[i]))
	}
	return strings.Join(name, " ")
}

const noValue = "(none)"

// nameOfScene is the sceneName of a scene's labels.
func nameOfScene(by []string, labels label.Set) string {
	values := make([]string, len(by))
	for i, key := range by {
		values[i] = noValue
		if v := labels.Values(key); len(v) == 1 {
			values[i] = v[0]
		}
	}
	return sceneName(by, values)
}

// countNaively counts page by page, in a map without a bound.
func countNaively(by []string, pages []label.Set, to audience.Expr) (count map[string]int, matched int) {
	count = make(map[string]int)
	for _, labels := range pages {
		if !to.Match(labels) {
			continue
		}
		matched++
		names := [][]string{nil}
		for _, key := range by {
			values := labels.Values(key)
			if len(values) == 0 {
				values = []string{noValue}
			}
			var longer [][]string
			for _, name := range names {
				for _, v := range values {
					longer = append(longer, append(slices.Clone(name), v))
				}
			}
			names = longer
		}
		for _, name := range names {
			count[sceneName(by, name)]++
		}
	}
	return count, matched
}

// TestScenes compares the counts of hubs of one to three shards with those of countNaively: of keys that pages lack, of keys with several
// values, of fewer scenes than the limit and of more.
func TestScenes(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		h, queues := newQueued(1 + r.IntN(3))
		var pages []label.Set
		for range r.IntN(1500) {
			var labels []string
			for _, key := range []struct {
				name     string
				distinct int
			}{{"page", 3}, {"order", 700}, {"tag", 4}} {
				for range []int{0, 1, 1, 1, 1, 1, 2}[r.IntN(7)] {
					labels = append(labels, fmt.Sprintf("%s=%d", key.name, r.IntN(1+r.IntN(key.distinct))))
				}
			}
			a := scenecast.Admission{App: "a", Labels: set(labels...), Protocol: lines{}}
			pages = append(pages, a.Labels)
			queues[r.IntN(len(queues))].open(a)
		}
		queues[0].open(scenecast.Admission{App: "b", Labels: set("page=0"), Protocol: lines{}})
		for range 6 {
			by := [][]string{{"page"}, {"tag"}, {"order"}, {"nothing"}, {"tag", "page"}, {"order", "tag", "page"}}[r.IntN(6)]
			expr := to([]string{"*", "*", `page == "1"`, `has(order) && tag != "0"`, `page == "nowhere"`}[r.IntN(5)])
			limit := []int{5, 100, 10_000}[r.IntN(3)]
			told := make(chan scenecast.Reply, 1)
			h.Answer(scenecast.Query{App: "a", To: expr, Scenes: &scenecast.Scenes{By: by, Limit: limit}}, func(r scenecast.Reply) { told <- r })
			for more := true; more; {
				more = false
				for _, q := range queues {
					more = q.run(1) || more
				}
			}
			reply := <-told
			want, matched := countNaively(by, pages, expr)
			checkScenes(t, fmt.Sprintf("seed %d, by %q of %s, %d", seed, by, expr, limit), reply, want, matched, limit)
		}
	}
}

func checkScenes(t *testing.T, what string, reply scenecast.Reply, want map[string]int, matched, limit int) {
	t.Helper()
	counts, sum, least := reply.Scenes, 0, 1<<30
	for _, s := range counts.Scenes {
		name := nameOfScene(counts.By, s.Labels)
		if s.Matched != want[name] || s.More != 0 {
			t.Fatalf("%s: %s has %+v, want %d", what, name, s, want[name])
		}
		least = min(least, s.Matched)
		delete(want, name)
		sum += s.Matched
	}
	for name, n := range want {
		if n > least || n > counts.Unlisted || len(counts.Scenes) < limit {
			t.Fatalf("%s: %s has %d and is not listed; the least that is has %d, and others are told to have at most %d", what, name, n, least, counts.Unlisted)
		}
		sum += n
	}
	if reply.Tally.Matched != matched || counts.Counted != sum || reply.Tally.Nodes != 1 || len(reply.ByNode) != 1 {
		t.Fatalf("%s: %+v, %d counted, want %d and %d", what, reply.Tally, counts.Counted, matched, sum)
	}
}

// TestScenesDoNotDelayPushes: a push that is posted behind a count of scenes is delivered before the count ends, since a slice of the count
// visits few pages. Pages that leave before the count has visited them are not counted. Two counts run one behind the other.
func TestScenesDoNotDelayPushes(t *testing.T) {
	h, queues := newQueued(1)
	q := queues[0]
	var sockets []*socket
	const pages = 2000
	for i := range pages {
		sockets = append(sockets, q.open(scenecast.Admission{App: "a", Labels: set(fmt.Sprint("order=", i)), Protocol: lines{}}))
	}
	told := make(chan int, 2)
	for range 2 {
		h.Answer(scenecast.Query{App: "a", To: to("*"), Scenes: &scenecast.Scenes{By: []string{"order"}, Limit: 10}}, func(r scenecast.Reply) {
			if r.Tally.Matched != pages {
				t.Errorf("%+v", r.Tally)
			}
			told <- r.Scenes.Counted
		})
	}
	q.run(3)
	var tally *scenecast.Tally
	h.Deliver(&scenecast.Push{App: "a", To: to("*")}, func(t scenecast.Tally, _ bool) { tally = &t })
	q.run(2)
	if tally == nil || tally.Queued != pages {
		t.Fatalf("the push behind the count has %+v", tally)
	}
	select {
	case <-told:
		t.Fatal("all were counted in few slices")
	default:
	}
	for _, s := range sockets[pages/2:] {
		q.leave(s)
	}
	for q.run(1) {
	}
	for range 2 {
		if n := <-told; n != pages/2 {
			t.Errorf("%d are counted, want %d", n, pages/2)
		}
	}
}

// TestScenesOfALoopThatStops: a count whose loops stop is answered all the same.
func TestScenesOfALoopThatStops(t *testing.T) {
	h, queues := newQueued(2)
	for _, q := range queues {
		for range 500 {
			q.open(admit(lines{}, "home"))
		}
		q.stops = true
	}
	told := make(chan scenecast.Reply, 1)
	h.Answer(scenecast.Query{App: "a", To: to(`page == "home"`), Scenes: &scenecast.Scenes{By: []string{"page"}, Limit: 10}}, func(r scenecast.Reply) { told <- r })
	for _, q := range queues {
		q.run(1)
	}
	if r := <-told; len(r.Scenes.Scenes) != 1 || r.Scenes.Scenes[0].Matched != 1000 {
		t.Errorf("%+v", r.Scenes)
	}
}

// TestScenesOverTheTablesLimit: of more scenes than a table has room for, the largest one is listed, though its pages come behind those that
// have a scene of their own.
func TestScenesOverTheTablesLimit(t *testing.T) {
	const shards = 64 // which share the limit of scenes
	h, queues := newQueued(shards)
	const pages, large = 10_000, 1000
	for i := range pages {
		order := fmt.Sprint(i)
		if i >= pages-large {
			order = "large"
		}
		queues[0].open(scenecast.Admission{App: "a", Labels: label.New(label.Label{Key: "order", Value: order}), Protocol: lines{}})
	}
	told := make(chan scenecast.Reply, 1)
	h.Answer(scenecast.Query{App: "a", To: to("*"), Scenes: &scenecast.Scenes{By: []string{"order"}, Limit: 10}}, func(r scenecast.Reply) { told <- r })
	for _, q := range queues {
		for q.run(1) {
		}
	}
	r := <-told
	c := r.Scenes
	if c.Counted != pages || c.Scenes[0].Matched != large || c.Scenes[0].More != 0 || !c.Scenes[0].Labels.Equal(set("order=large")) {
		t.Errorf("%d are counted; the largest is %+v", c.Counted, c.Scenes[0])
	}
	if n, estimated := c.Distinct(); !estimated || n < 3500 || c.Unlisted == 0 {
		t.Errorf("%d scenes (%v), of which one that is not listed has at most %d", n, estimated, c.Unlisted)
	}
}
