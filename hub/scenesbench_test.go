package hub_test

import (
	"fmt"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
)

// BenchmarkScenes is what a count of scenes takes of a loop with so many pages, in all and in its longest slice.
func BenchmarkScenes(b *testing.B) {
	for _, c := range []struct {
		pages, scenes int
		by            []string
	}{
		{10_000, 500, []string{"page"}},
		{10_000, 1000, []string{"page", "order"}},
		{10_000, 1000, []string{"page", "order", "locale"}},
		{10_000, 10_000, []string{"page", "order", "user"}},
		{100_000, 100_000, []string{"page", "order", "user"}},
		{200_000, 200_000, []string{"user"}},
	} {
		b.Run(fmt.Sprintf("%dpages/%dscenes/%dkeys", c.pages, c.scenes, len(c.by)), func(b *testing.B) {
			h := newBenchHub()
			l := &backgroundLoop{}
			l.shard = h.AddShard(l)
			p := newProtocol("plain")
			for i := range c.pages {
				l.open(scenecast.Admission{App: "a", Protocol: p, Labels: label.FromMap(map[string][]string{
					"page": {[]string{"home", "list"}[i%2]}, "user": {fmt.Sprint(i % c.scenes)}, "plan": {"free"}, "locale": {"zh-CN"}, "order": {fmt.Sprint(i % (c.scenes / 2))},
				})})
			}
			told := make(chan scenecast.Reply, 1)
			var loop, longest time.Duration
			b.ReportAllocs()
			for b.Loop() {
				begun := time.Now()
				h.Answer(scenecast.Query{App: "a", To: to("*"), Scenes: &scenecast.Scenes{By: c.by, Limit: 1000}}, func(r scenecast.Reply) { told <- r })
				took := time.Since(begun) // it has chosen
				for more := l.background != nil; more; {
					loop, longest = loop+took, max(longest, took)
					begun = time.Now()
					more = l.background()
					took = time.Since(begun)
				}
				loop, longest = loop+took, max(longest, took)
				l.background = nil
				if r := <-told; r.Scenes.Counted != c.pages {
					b.Fatalf("counted are %d", r.Scenes.Counted)
				}
			}
			b.ReportMetric(float64(loop.Microseconds())/float64(b.N), "µs-of-the-loop/op")
			b.ReportMetric(float64(longest.Microseconds()), "µs-longest-slice")
		})
	}
}

// backgroundLoop is a sinkLoop that leaves background tasks to the test.
type backgroundLoop struct {
	sinkLoop
	background func() bool
}

func (l *backgroundLoop) PostBackground(task func() (more bool)) bool {
	l.background = task
	return true
}
