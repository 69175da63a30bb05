package hub_test

import (
	"fmt"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
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

// BenchmarkEndings is a page with five labels whose connection breaks off, among 20,000 that all do; what it takes them to join is not measured.
func BenchmarkEndings(b *testing.B) {
	const pages = 20_000
	for _, c := range []struct {
		name   string
		pageID func(i int) string
	}{
		{"without a page ID", func(int) string { return "" }},
		{"with a page ID", func(i int) string { return fmt.Sprint("p", i) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := newBenchHub()
			l := &sinkLoop{}
			l.shard = h.AddShard(l)
			plain := newProtocol("plain")
			admissions := make([]scenecast.Admission, pages)
			for i := range admissions {
				admissions[i] = scenecast.Admission{App: "a", Protocol: plain, PageID: c.pageID(i), Labels: label.FromMap(map[string][]string{
					"page": {"home"}, "plan": {"free"}, "locale": {"zh-CN"}, "order": {fmt.Sprint(i % 100)},
				}), Trusted: label.New(label.Label{Key: scenecast.LabelUser, Value: fmt.Sprint(i)})}
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				at := n % pages
				if at == 0 {
					b.StopTimer()
					for i, a := range admissions {
						l.shard.Opened(scenecast.Slot{Index: uint32(i)}, a)
					}
					b.StartTimer()
				}
				l.shard.Closed(scenecast.Slot{Index: uint32(at)}, scenecast.EndingBy(scenecast.CauseReset, ""))
			}
		})
	}
}

// BenchmarkOpenKnown is a page that joins with a page ID, of a user, and leaves: where nothing is remembered of any page, and where much
// is, of this one too.
func BenchmarkOpenKnown(b *testing.B) {
	for _, remembered := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("among%d", remembered), func(b *testing.B) {
			h := hub.New(hub.Options{Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}, KeepLabels: time.Hour})
			l := &sinkLoop{}
			l.shard = h.AddShard(l)
			admission := scenecast.Admission{App: "a", Protocol: newProtocol("plain"), PageID: "p0", Labels: label.FromMap(map[string][]string{
				"page": {"home"}, "plan": {"free"}, "locale": {"zh-CN"},
			}), Trusted: label.New(label.Label{Key: scenecast.LabelUser, Value: "42"})}
			for i := range 1 + remembered {
				admission.PageID = fmt.Sprint("p", i)
				l.open(admission)
			}
			admission.PageID = "p0"
			if remembered > 0 {
				h.Answer(scenecast.Query{App: "a", To: audience.Everybody(), Relabel: &scenecast.Relabel{Change: label.Change{"order": {"7"}}}},
					func(scenecast.Reply) {})
			}
			slot := scenecast.Slot{Index: uint32(1 + remembered)}
			b.ReportAllocs()
			for b.Loop() {
				l.shard.Opened(slot, admission)
				l.shard.Closed(slot, scenecast.Ending{})
			}
		})
	}
}
