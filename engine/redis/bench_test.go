package redis_test

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/redis"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// BenchmarkPublish is the engine alone, three nodes without pages on one server: so many publishers at a time, and what a push costs Redis.
func BenchmarkPublish(b *testing.B) {
	for _, publishers := range []int{1, 16, 1536} {
		b.Run(strconv.Itoa(publishers), func(b *testing.B) {
			s := redistest.Start(b)
			o, err := redisclient.Option(redisclient.Options{URL: "redis://" + s.Addr})
			if err != nil {
				b.Fatal(err)
			}
			var engines []*cluster.Engine
			for range 3 {
				e := cluster.New(redis.New(redis.Options{Client: o, Logger: logger()}), cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
				if err := e.Start(b.Context(), quietNode{}); err != nil {
					b.Fatal(err)
				}
				defer e.Close()
				engines = append(engines, e)
			}
			time.Sleep(time.Second) // they hear of each other
			before := cpu(b, s)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for publisher := range publishers {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						pending, err := engines[publisher%3].Submit(push(""))
						if err == nil {
							_, err = pending.Wait(b.Context())
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
			b.ReportMetric((cpu(b, s)-before)*1e6/float64(b.N), "redis-µs/push")
		})
	}
}

// cpu is how many seconds of a core a server has taken.
func cpu(b *testing.B, s *redistest.Server) (seconds float64) {
	answer := redistest.Do(b, s.Client(), "INFO", "cpu")
	text, _ := answer.ToString()
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			v, _ := strconv.ParseFloat(value, 64)
			seconds += v
		}
	}
	return seconds
}

// quietNode is a node without connections, which keeps nothing.
type quietNode struct{}

func (quietNode) Deliver(_ *scenecast.Push, report func(scenecast.Tally, bool)) {
	report(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, true)
}

func (quietNode) Answer(_ scenecast.Query, report func(scenecast.Reply)) {
	report(scenecast.Reply{Tally: scenecast.Tally{Nodes: 1}})
}
func (quietNode) Skip(scenecast.GapNotice) {}
func (quietNode) Received([]byte)          {}
