package pusher_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/protocol/native"
	"scenecast/protocol/pusher"
	"scenecast/protocol/pusher/app"
)

// sinkLoop is a loop that takes every frame and keeps none, so that a benchmark sees hub and protocol alone.
type sinkLoop struct{ bytes int }

func (l *sinkLoop) Post(task func()) bool { task(); return true }
func (l *sinkLoop) PostBackground(task func() (more bool)) bool {
	for task() {
	}
	return true
}
func (l *sinkLoop) SendShared(_ scenecast.Slot, f *scenecast.Frame) bool {
	l.bytes += len(f.Data)
	return true
}
func (l *sinkLoop) Send(_ scenecast.Slot, frame []byte) bool { l.bytes += len(frame); return true }
func (l *sinkLoop) OnWritten(scenecast.Slot, func())         {}
func (l *sinkLoop) Lease(scenecast.Slot) scenecast.Lease     { return 0 }
func (l *sinkLoop) Close(scenecast.Slot, scenecast.Ending)   {}

type emptyLog struct{ scenecast.Log }

func (emptyLog) Newest() scenecast.Position { return scenecast.Position{Epoch: 1} }

// wires are the two of which the benchmarks compare the cost.
func wires() (ofNative, ofPusher scenecast.Protocol) {
	known := &app.App{Name: "a", MaxChannels: 1000, MaxChannelName: 200}
	rules := func(string) label.Rules { return label.Rules{Limits: label.DefaultLimits} }
	return native.New(&admission.Authenticator{Rules: rules}, nil),
		pusher.New(pusher.Options{FindApp: func(string) *app.App { return known }})
}

// shardOf is a hub of pages of one wire with a label.
func shardOf(p scenecast.Protocol, pages int, key, value string) (*hub.Hub, *hub.Shard) {
	h := hub.New(hub.Options{Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}})
	s := h.AddShard(&sinkLoop{})
	for i := range pages {
		s.Opened(scenecast.Slot{Index: uint32(i)}, scenecast.Admission{App: "a", Protocol: p, Labels: label.New(label.Label{Key: key, Value: value})})
	}
	return h, s
}

// compare runs one thing after the other, many times in turn, so that whatever else the machine does meets both, and reports the median of
// the ratios and what each takes.
func compare(b *testing.B, unit string, per float64, base, other func()) {
	var ratios, bases, others []float64
	timed := func(f func()) float64 {
		began := time.Now()
		f()
		return float64(time.Since(began).Nanoseconds()) / per
	}
	base()
	other()
	for b.Loop() {
		one, two := timed(base), timed(other)
		ratios, bases, others = append(ratios, two/one), append(bases, one), append(others, two)
	}
	for _, m := range []struct {
		unit string
		of   []float64
	}{{"ratio", ratios}, {"native-ns/" + unit, bases}, {"pusher-ns/" + unit, others}} {
		slices.Sort(m.of)
		b.ReportMetric(m.of[len(m.of)/2], m.unit)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFanOut is a push to 10,000 pages, of the native wire by a label, and to as many subscribers of a channel.
func BenchmarkFanOut(b *testing.B) {
	const pages = 10_000
	ofNative, ofPusher := wires()
	deliver := func(p scenecast.Protocol, key string) func() {
		h, _ := shardOf(p, pages, key, "news")
		to, err := audience.Parse(key + ` == "news"`)
		if err != nil {
			b.Fatal(err)
		}
		push := &scenecast.Push{App: "a", To: to, Message: scenecast.Message{Event: "e", Data: []byte(`{"code":200,"message":"hello"}`)}}
		return func() {
			h.Deliver(push, func(t scenecast.Tally, _ bool) {
				if t.Queued != pages {
					panic(t)
				}
			})
		}
	}
	compare(b, "delivery", pages, deliver(ofNative, "page"), deliver(ofPusher, "@channel"))
}

// BenchmarkSubscribe is a page that subscribes to a channel and leaves it, beside a page that changes its scene twice: message in, answer
// out, among 10,000 pages of which each is in a channel.
func BenchmarkSubscribe(b *testing.B) {
	const pages, rounds = 10_000, 1000
	ofNative, ofPusher := wires()
	say := func(p scenecast.Protocol, key string, messages ...string) func() {
		_, s := shardOf(p, pages, key, "home")
		var said [][]byte
		for _, m := range messages {
			said = append(said, []byte(m))
		}
		return func() {
			for i := range rounds {
				for _, m := range said {
					s.Received(scenecast.Slot{Index: uint32(i)}, scenecast.Inbound{Text: true, Data: m})
				}
			}
		}
	}
	compare(b, "message", 2*rounds,
		say(ofNative, "page", `{"type":"set","id":1,"labels":{"page":"list"}}`, `{"type":"set","id":2,"labels":{"page":"home"}}`),
		say(ofPusher, "@channel", `{"event":"pusher:subscribe","data":{"auth":"","channel":"list"}}`, `{"event":"pusher:unsubscribe","data":{"channel":"list"}}`))
}

// BenchmarkManyChannels is a page that subscribes to a thousand channels.
func BenchmarkManyChannels(b *testing.B) {
	_, ofPusher := wires()
	_, s := shardOf(ofPusher, 1, "@channel", "home")
	var subscribe, unsubscribe []scenecast.Inbound
	for i := range 999 {
		subscribe = append(subscribe, scenecast.Inbound{Text: true, Data: fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":"","channel":"c%d"}}`, i)})
		unsubscribe = append(unsubscribe, scenecast.Inbound{Text: true, Data: fmt.Appendf(nil, `{"event":"pusher:unsubscribe","data":{"channel":"c%d"}}`, i)})
	}
	for b.Loop() {
		for _, m := range slices.Concat(subscribe, unsubscribe) {
			s.Received(scenecast.Slot{}, m)
		}
	}
}
