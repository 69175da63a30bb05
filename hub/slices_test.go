package hub_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
)

// counter is an observer that counts.
type counter struct{ relabelled, left int }

func (c *counter) Joined(hub.Member)                 {}
func (c *counter) Relabelled(hub.Member, label.Set)  { c.relabelled++ }
func (c *counter) Left(hub.Member, scenecast.Ending) { c.left++ }
func (c *counter) work() int                         { return c.relabelled + c.left }

// newCounted is a hub on one queue with so many pages at home.
func newCounted(pages int) (*hub.Hub, *queue, *counter, []*socket) {
	c := new(counter)
	h := hub.New(hub.Options{Number: counted, Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}, Observers: []hub.Observer{c}})
	q := &queue{sockets: make(map[scenecast.Slot]*socket)}
	q.shard = h.AddShard(q)
	var all []*socket
	for range pages {
		all = append(all, q.open(admit(lines{}, "home")))
	}
	return h, q, c, all
}

// TestChangeOfAllInSlices: between the slices of a query about many pages the loop does other things, among them what the pages say;
// what the hub is told meanwhile waits for its turn.
func TestChangeOfAllInSlices(t *testing.T) {
	const pages = 1000
	for _, c := range []struct {
		name   string
		query  scenecast.Query
		most   int // pages in a slice
		queued int // pages that a push to the list then has
	}{
		{"relabel", scenecast.Query{Relabel: &scenecast.Relabel{Change: label.Change{"page": {"list"}}}}, 20, pages - 1},
		{"disconnect", scenecast.Query{Disconnect: &scenecast.Disconnect{}}, 20, 0},
	} {
		h, q, count, sockets := newCounted(pages)
		c.query.App, c.query.To = "a", to("*")
		var reply *scenecast.Reply
		var tally *scenecast.Tally
		h.Answer(c.query, func(r scenecast.Reply) { reply = &r })
		h.Deliver(&scenecast.Push{App: "a", To: to(`page == "list"`)}, func(t scenecast.Tally, _ bool) { tally = &t })
		slices := 0
		for ; reply == nil; slices++ {
			before := count.work()
			if !q.run(1) {
				t.Fatalf("%s: nothing is left to do", c.name)
			}
			if n := count.work() - before; n > c.most {
				t.Fatalf("%s: %d pages in one slice", c.name, n)
			}
			if slices == 3 {
				if tally != nil {
					t.Fatalf("%s: the push has passed the query: %+v", c.name, tally)
				}
				q.leave(sockets[pages-1]) // whose turn has not come
				q.open(admit(lines{}, "home"))
			}
		}
		q.run(10)
		if want := c.query.Relabel; want != nil && reply.Changed != pages-1 {
			t.Errorf("%s: %+v", c.name, reply)
		}
		if reply.Tally.Matched != pages || slices < pages/c.most || count.work() != pages-1+1 {
			t.Errorf("%s: %+v in %d slices, %d pages were changed", c.name, reply, slices, count.work())
		}
		if tally == nil || tally.Queued != c.queued {
			t.Errorf("%s: the push behind it has %+v, want %d", c.name, tally, c.queued)
		}
	}
}

// TestOrderOfTurns: pushes and queries keep their order while a long one is in the middle, and each is answered once.
func TestOrderOfTurns(t *testing.T) {
	h, q, _, _ := newCounted(100)
	var order []string
	for i := range 4 {
		h.Answer(scenecast.Query{App: "a", To: to("*"), Relabel: &scenecast.Relabel{Change: label.Change{"page": {fmt.Sprint("p", i)}}}},
			func(r scenecast.Reply) { order = append(order, fmt.Sprint("relabel ", r.Changed)) })
		q.run(i)
		h.Deliver(&scenecast.Push{App: "a", To: to(fmt.Sprintf("page == %q", fmt.Sprint("p", i)))},
			func(t scenecast.Tally, _ bool) { order = append(order, fmt.Sprint("push ", t.Queued)) })
		h.Answer(scenecast.Query{App: "a", To: to(fmt.Sprintf("page == %q", fmt.Sprint("p", i)))},
			func(r scenecast.Reply) { order = append(order, fmt.Sprint("count ", r.Tally.Matched)) })
	}
	for q.run(1) {
	}
	if want := slices.Repeat([]string{"relabel 100", "push 100", "count 100"}, 4); !slices.Equal(order, want) {
		t.Errorf("%q", order)
	}
}

// TestLoopThatIsAboutToStop: what has begun is done to its end at once, and everybody is answered.
func TestLoopThatIsAboutToStop(t *testing.T) {
	h, q, _, _ := newCounted(100)
	var order []string
	relabel := scenecast.Query{App: "a", To: to("*"), Relabel: &scenecast.Relabel{Change: label.Change{"page": {"list"}}}}
	h.Answer(relabel, func(r scenecast.Reply) { order = append(order, fmt.Sprint("relabel ", r.Changed)) })
	h.Deliver(&scenecast.Push{App: "a", To: to(`page == "list"`)}, func(t scenecast.Tally, _ bool) { order = append(order, fmt.Sprint("push ", t.Queued)) })
	q.stops = true
	for q.run(1) {
	}
	if !slices.Equal(order, []string{"relabel 100", "push 100"}) {
		t.Errorf("%q", order)
	}
}

// TestList: the connections behind the cursor in order, whatever else there is, also when they come in slices.
func TestList(t *testing.T) {
	h, q, _, sockets := newCounted(3000)
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 { // the slots of later ones are not in the order of their IDs
		i := r.IntN(len(sockets))
		q.leave(sockets[i])
		sockets[i] = q.open(admit(lines{}, []string{"home", "list"}[r.IntN(2)]))
	}
	list := func(text string, after scenecast.ConnID, limit int) (reply scenecast.Reply) {
		h.Answer(scenecast.Query{App: "a", To: to(text), List: &scenecast.List{After: after, Limit: limit}}, func(r scenecast.Reply) { reply = r })
		for q.run(1) {
		}
		return reply
	}
	for _, text := range []string{"*", `page == "list"`, `page == "nowhere"`} {
		all := list(text, scenecast.ConnID{}, 1<<20).Connections
		if !slices.IsSortedFunc(all, func(a, b scenecast.Connection) int { return a.ID.Compare(b.ID) }) {
			t.Fatalf("%s: the list of %d is not in order", text, len(all))
		}
		for _, limit := range []int{0, 1, 2, 7, 100, 1000, len(all)} {
			var after scenecast.ConnID
			for rest, n := all, 0; n < 5; n++ { // of small pages, the first five
				reply := list(text, after, limit)
				want := rest[:min(limit, len(rest))]
				if reply.Tally.Matched != len(all) || !slices.EqualFunc(reply.Connections, want, sameConnection) {
					t.Fatalf("%s behind %v, %d: %d of %d, want %d of %d", text, after, limit,
						len(reply.Connections), reply.Tally.Matched, len(want), len(all))
				}
				if len(want) > 0 {
					after, rest = want[len(want)-1].ID, rest[len(want):]
				}
			}
		}
	}
}

func sameConnection(a, b scenecast.Connection) bool { return a.ID == b.ID && a.Labels.Equal(b.Labels) }

// TestListAllocates for what is told, and not for each page that there is.
func TestListAllocates(t *testing.T) {
	var allocated [2]float64
	for i, pages := range []int{1000, 10_000} {
		h, q, _, _ := newCounted(pages)
		query := scenecast.Query{App: "a", To: to("*"), List: &scenecast.List{Limit: 10}}
		allocated[i] = testing.AllocsPerRun(10, func() {
			h.Answer(query, func(scenecast.Reply) {})
			for q.run(1) {
			}
		})
	}
	if allocated[1] > allocated[0]+2 {
		t.Errorf("a list of 10 allocates %.0f times for 1,000 pages, and %.0f times for 10,000", allocated[0], allocated[1])
	}
}

// TestValues are those of the pages that the audience chooses, few or many.
func TestValues(t *testing.T) {
	h, q, _, _ := newCounted(0)
	for i := range 2000 {
		a := admit(lines{}, []string{"home", "list"}[i%2])
		a.Labels = a.Labels.Union(set(fmt.Sprint("user=", i/2), "tag=a", fmt.Sprint("tag=b", i%3)))
		q.open(a)
	}
	values := func(to audience.Expr, key string) (reply scenecast.Reply) {
		h.Answer(scenecast.Query{App: "a", To: to, Values: &scenecast.Values{Key: key}}, func(r scenecast.Reply) { reply = r })
		for q.run(1) {
		}
		return reply
	}
	for _, c := range []struct {
		to, key string
		want    map[string]int // of more than 10 values, of some
		values  int
		matched int
	}{
		{"*", "page", map[string]int{"home": 1000, "list": 1000}, 2, 2000},
		{`page == "home"`, "page", map[string]int{"home": 1000}, 1, 1000},
		{`page == "home"`, "tag", map[string]int{"a": 1000, "b0": 334, "b1": 333, "b2": 333}, 4, 1000},
		{`page == "nowhere"`, "tag", map[string]int{}, 0, 0},
		{"*", "nothing", map[string]int{}, 0, 2000},
		{"*", "user", map[string]int{"0": 2, "999": 2}, 1000, 2000},
		{`page == "list"`, "user", map[string]int{"0": 1, "999": 1}, 1000, 1000},
	} {
		got := values(to(c.to), c.key)
		if len(got.Values) != c.values || got.Tally.Matched != c.matched {
			t.Errorf("%s of %s: %d values of %d pages, want %d of %d", c.key, c.to, len(got.Values), got.Tally.Matched, c.values, c.matched)
		}
		maps.DeleteFunc(got.Values, func(value string, _ int) bool { _, ok := c.want[value]; return !ok })
		if !maps.Equal(got.Values, c.want) {
			t.Errorf("%s of %s: %v, want %v", c.key, c.to, got.Values, c.want)
		}
	}
}

// TestPositionOfAReply is that of the newest push before which it was given; of several shards, the oldest.
func TestPositionOfAReply(t *testing.T) {
	withFixture(t, "", func(t *testing.T, s *fixture, a, b *queue) {
		for range 3 {
			s.publish(scenecast.Push{To: to("*")}, ignore)
		}
		a.run(1)
		var positions []uint64
		s.Answer(scenecast.Query{App: "a", To: to("*")}, func(r scenecast.Reply) { positions = append(positions, r.Position.Seq) })
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		s.Answer(scenecast.Query{App: "nobody's", To: to("*")}, func(r scenecast.Reply) { positions = append(positions, r.Position.Seq) })
		if s.runAll(); !slices.Equal(positions, []uint64{3, 4}) {
			t.Errorf("answered at %v, want 3 and 4", positions)
		}
	})
}

// lastingFor publishes pushes that last for an hour, for the audiences of these numbers.
func (s *fixture) lastingFor(n int, audience func(i int) string) {
	for i := range n {
		s.publish(scenecast.Push{To: to(audience(i)), TTL: time.Hour}, ignore)
	}
	s.runAll()
}

// TestManySetsAreOnePass: a page that sends set as fast as it can, in an app with as many pushes that last as there can be, has one pass
// over them under way, and at most one more behind it.
func TestManySetsAreOnePass(t *testing.T) {
	for name, audience := range map[string]func(i int) string{
		"pushes for others":         func(i int) string { return fmt.Sprintf(`user == "%d"`, i) },
		"pushes for who is it":      func(i int) string { return fmt.Sprintf(`user != "%d" && page == "nowhere"`, i) },
		"pushes for all others":     func(i int) string { return fmt.Sprintf(`user != "x" && plan != "%d" && user == "%d"`, i, i) },
		"pushes to compare it with": func(int) string { return `user != "x" && !has(page)` },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(1)
			defer s.end()
			s.lastingFor(10_000, audience)
			q := s.queues[0]
			k, other := q.open(admit(lines{}, "home")), q.open(admit(lines{}, "home"))
			s.runAll()
			q.say(other, "page=list")
			for i := range 1500 {
				q.say(k, fmt.Sprint("page=", i))
				if all, ready := hub.LatePasses(q.shard); all != 2 || ready != 2 || len(q.tasks) != 1 {
					t.Fatalf("%s: %d passes are under way, %d can go on, and %d tasks are posted", name, all, ready, len(q.tasks))
				}
			}
			steps := 0
			for q.run(1) {
				steps++
			}
			if most := 4 * 10_000 * 20 / 2000; steps > most { // of four passes, each looks at 10,000 pushes for at most 20
				t.Errorf("%s: 1,500 sets take %d steps, want %d at most", name, steps, most)
			}
		})
	}
}

// TestLatePassesTakeTurns: a page whose pass is long does not keep others from theirs, and no step does much for one or for many.
func TestLatePassesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		s.lastingFor(9000, func(int) string { return `user == "long" && plan != "x" && plan != "y"` })
		s.lastingFor(10, func(int) string { return `user == "short"` })
		q := s.queues[0]
		open := func(user string) *socket {
			a := admit(lines{}, "home")
			a.Labels = set("user="+user, "plan=x")
			return q.open(a)
		}
		open("long")
		var short []*socket
		for range 300 {
			short = append(short, open("short"))
		}
		steps, got := 0, 0
		for got < len(short) && q.run(1) {
			steps++
			before := got
			got = 0
			for _, k := range short {
				got += len(k.pending)
			}
			if got-before > 10 {
				t.Fatalf("one step sends to %d pages", got-before)
			}
		}
		if all, _ := hub.LatePasses(q.shard); got != len(short) || steps > 200 || all != len(short)+1 {
			t.Errorf("after %d steps %d of %d pages have got theirs; %d passes", steps, got, len(short), all)
		}
		s.runAll()
		if all, ready := hub.LatePasses(q.shard); all != 0 || ready != 0 || len(short[0].got) != 10 {
			t.Errorf("in the end %d passes, %d can go on; a page got %d", all, ready, len(short[0].got))
		}
	})
}

// TestSetInTheMiddleOfAPass: a page whose labels change while it is given what lasts gets what it matches then, from the beginning.
func TestSetInTheMiddleOfAPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		q := s.queues[0]
		s.lastingFor(10, func(int) string { return `page == "list"` })
		s.lastingFor(10, func(int) string { return `page == "home"` })
		k := q.open(admit(long{}, "home"))
		q.run(1) // which sends what is for home, and waits until it is written
		q.say(k, "page=list")
		s.runAll()
		if len(k.got) != 20 {
			t.Errorf("got %d pushes, want all 20", len(k.got))
		}
	})
}

// TestLateIsNotClaimed: of what is on its way to a page that leaves, nobody knows whether it comes; so it comes again.
func TestLateIsNotClaimed(t *testing.T) {
	for _, written := range []bool{false, true} {
		withFixture(t, fmt.Sprint("written: ", written), func(t *testing.T, s *fixture, a, b *queue) {
			s.lasts(1)
			s.runAll()
			k := a.open(known(lines{}, "p"))
			a.run(1)
			if len(k.pending) != 1 {
				t.Fatalf("%d frames are on their way", len(k.pending))
			}
			if written {
				a.write(k)
				a.run(1)
			}
			a.leave(k)
			k = b.open(known(lines{}, "p"))
			if s.runAll(); len(k.got) == 1 == written {
				t.Errorf("the page that is back got %q", k.got)
			}
		})
	}
}
