package hub_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/label"
)

// topical is a wire whose pages know pushes by their labels topic.
type topical struct {
	scenecast.Protocol
	topics  *scenecast.Topics
	encoded *int
}

func newTopical() topical {
	n := 0
	return topical{topics: &scenecast.Topics{Key: "topic", Encode: func(p *scenecast.Push, d scenecast.Delivery, topic string) []byte {
		n++
		return fmt.Appendf(nil, "%d %d %s\n", p.Position.Seq, d, topic)
	}}, encoded: &n}
}

func (topical) Name() string                               { return "topical" }
func (topical) Opened(scenecast.Conn)                      {}
func (topical) Closed(scenecast.Conn, scenecast.Ending)    {}
func (t topical) Traits() scenecast.Traits                 { return scenecast.Traits{Topics: t.topics} }
func (topical) Received(scenecast.Conn, scenecast.Inbound) {}

func (t topical) EncodePush(p *scenecast.Push, d scenecast.Delivery) []byte {
	return t.topics.Encode(p, d, "")
}

func onTopics(p scenecast.Protocol, page string, topics ...string) scenecast.Admission {
	a := admit(p, page)
	a.Labels = a.Labels.Union(label.FromMap(map[string][]string{"topic": topics}))
	return a
}

// TestTopics: each page is told the topic by which a push reaches it, whatever the way by which it comes, and pages of another wire are
// told none.
func TestTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(1)
		defer f.end()
		q, wire := f.queues[0], newTopical()
		both := q.open(onTopics(wire, "home", "a", "b"))
		one := q.open(onTopics(wire, "list", "b", "c"))
		none := q.open(onTopics(wire, "home"))
		plain := q.open(onTopics(lines{}, "home", "a"))
		f.publish(scenecast.Push{To: to(`topic == "b"`)}, ignore)
		f.publish(scenecast.Push{To: to(`topic in ["b", "a"]`)}, ignore)
		f.publish(scenecast.Push{To: to(`topic == "a" && page == "list" || topic == "b" && page == "home"`)}, ignore)
		f.publish(scenecast.Push{To: to(`page == "home" || topic == "c"`)}, ignore)
		f.publish(scenecast.Push{To: to(`has(topic) && page == "list"`)}, ignore)
		f.publish(scenecast.Push{To: to(`topic in ["d", "c"]`), TTL: time.Minute, Receipt: scenecast.ReceiptWritten, Timeout: time.Second}, ignore)
		f.runAll()
		late := q.open(onTopics(wire, "home", "a", "d"))
		again := q.open(back(onTopics(wire, "list", "b"), "p1", f.position(1)))
		f.runAll()
		for _, c := range []struct {
			of   *socket
			want []string
		}{
			{both, []string{"1 0 b", "2 0 a", "3 0 b", "4 0"}},
			{one, []string{"1 0 b", "2 0 b", "4 0 c", "5 0 b", "6 0 c"}},
			{none, []string{"4 0"}},
			{late, []string{"6 1 d"}},
			{again, []string{"2 2 b", "5 2 b"}},
		} {
			if !slices.Equal(c.of.got, c.want) {
				t.Errorf("a page got %q, want %q", c.of.got, c.want)
			}
		}
		if len(plain.got) != 2 {
			t.Errorf("a page of another wire got %q, want the pushes 2 and 4", plain.got)
		}
	})
}

// TestTopicsAllocate nothing for a page: a push is encoded once for each topic, and an audience of one topic costs what any other does.
func TestTopicsAllocate(t *testing.T) {
	for _, c := range []struct {
		to     string
		frames int
	}{{`topic == "t1"`, 1}, {`topic in ["t1", "t2", "t3"]`, 3}} {
		var allocated []float64
		for _, pages := range []int{30, 3000} {
			h := newBenchHub()
			l := &sinkLoop{}
			l.shard = h.AddShard(l)
			wire := newTopical()
			for i := range pages {
				l.open(onTopics(wire, "home", fmt.Sprint("t", 1+i%3)))
			}
			push := &scenecast.Push{App: "a", To: mustParse(t, c.to), Message: scenecast.Message{Data: []byte("1")}}
			var tally scenecast.Tally
			deliver := func() { h.Deliver(push, func(t scenecast.Tally, _ bool) { tally = t }) }
			deliver()
			if *wire.encoded != c.frames || tally.Queued != pages*c.frames/3 {
				t.Errorf("%s to %d pages: encoded %d times, %+v", c.to, pages, *wire.encoded, tally)
			}
			allocated = append(allocated, testing.AllocsPerRun(20, deliver))
		}
		if allocated[1] > allocated[0]+5 { // the race detector has pools lose a few
			t.Errorf("%s allocates %.0f times for 30 pages, and %.0f times for 3,000", c.to, allocated[0], allocated[1])
		}
	}
}

// TestManyTopics: pages that an audience reaches by topics of their own get a frame for each topic, encoded once, whether somebody waits for
// receipts or not.
func TestManyTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(1)
		defer f.end()
		wire := newTopical()
		const topics = 50
		var pages []*socket
		for i := range 2 * topics {
			pages = append(pages, f.queues[0].open(onTopics(wire, "home", fmt.Sprint("t", i%topics))))
		}
		f.publish(scenecast.Push{To: to(`has(topic)`)}, ignore)
		f.publish(scenecast.Push{To: to(`has(topic)`), Receipt: scenecast.ReceiptWritten, Timeout: time.Second}, ignore)
		f.runAll()
		for i, p := range pages {
			if want := []string{fmt.Sprintf("1 0 t%d", i%topics), fmt.Sprintf("2 0 t%d", i%topics)}; !slices.Equal(p.got, want) {
				t.Fatalf("page %d: %q, want %q", i, p.got, want)
			}
		}
		if *wire.encoded != 2*topics {
			t.Errorf("encoded %d times for %d topics and 2 pushes", *wire.encoded, topics)
		}
	})
}

// BenchmarkDeliverTopics: an audience that reaches each page by a topic of its own costs a page the same however many there are.
func BenchmarkDeliverTopics(b *testing.B) {
	for _, pages := range []int{100, 10_000} {
		b.Run(fmt.Sprint(pages), func(b *testing.B) {
			h := newBenchHub()
			l := &sinkLoop{}
			l.shard = h.AddShard(l)
			wire := newTopical()
			for i := range pages {
				l.open(onTopics(wire, "home", fmt.Sprint("t", i)))
			}
			push := &scenecast.Push{App: "a", To: to(`has(topic)`), Message: scenecast.Message{Data: []byte("1")}}
			for b.Loop() {
				h.Deliver(push, ignore)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pages), "ns/page")
		})
	}
}
