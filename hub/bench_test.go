package hub_test

import (
	"fmt"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
)

// sinkLoop is a loop that takes every frame and keeps none, so that a benchmark sees the hub alone.
type sinkLoop struct{ loop }

func (l *sinkLoop) Send(scenecast.Slot, []byte) bool                 { return true }
func (l *sinkLoop) SendShared(scenecast.Slot, *scenecast.Frame) bool { return true }

// BenchmarkPush is what the hub does for one push to 100 of the connections: choosing them and handing each the frame.
func BenchmarkPush(b *testing.B) {
	for _, connections := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("100of%d", connections), func(b *testing.B) {
			h := newBenchHub()
			l := &sinkLoop{}
			l.shard = h.AddShard(l)
			p := newProtocol("plain")
			for i := range connections {
				page := "list"
				if i%(connections/100) == 0 {
					page = "home"
				}
				l.open(scenecast.Admission{App: "a", Protocol: p, Labels: label.FromMap(map[string][]string{
					"page": {page}, "user": {fmt.Sprint(i)}, "plan": {"free"}, "locale": {"zh-CN"}, "order": {fmt.Sprint(i % 1000)},
				})})
			}
			to, err := audience.Parse(`page == "home"`)
			if err != nil {
				b.Fatal(err)
			}
			push := &scenecast.Push{App: "a", To: to, Message: scenecast.Message{Data: []byte(`{"code":200,"message":"hello"}`)}}
			var tally scenecast.Tally
			b.ReportAllocs()
			for b.Loop() {
				h.Deliver(push, func(t scenecast.Tally, _ bool) { tally = t })
			}
			if tally.Queued != 100 {
				b.Fatalf("tally %+v", tally)
			}
		})
	}
}

// BenchmarkOpen is a page that joins with five labels, and leaves.
func BenchmarkOpen(b *testing.B) {
	h := newBenchHub()
	l := &sinkLoop{}
	l.shard = h.AddShard(l)
	admission := scenecast.Admission{App: "a", Protocol: newProtocol("plain"), Labels: label.FromMap(map[string][]string{
		"page": {"home"}, "user": {"42"}, "plan": {"free"}, "locale": {"zh-CN"}, "order": {"7"},
	})}
	l.open(admission) // stays: an app without connections has no index
	slot := scenecast.Slot{Index: 1}
	b.ReportAllocs()
	for b.Loop() {
		l.shard.Opened(slot, admission)
		l.shard.Closed(slot, scenecast.Ending{})
	}
}
