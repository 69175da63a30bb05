package registry_test

import (
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/label"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
	"scenecast/registry"
)

// BenchmarkHandOver is what a loop pays for a join, a change and a leave.
func BenchmarkHandOver(b *testing.B) {
	s := redistest.Start(b)
	n := registry.New(registry.Options{
		Connect: func() (rueidis.Client, error) { return redisclient.New(redisclient.Options{URL: s.URL()}) },
		Key:     hash, Node: 1, Logger: slog.New(slog.DiscardHandler),
	})
	n.Start()
	defer n.Close(b.Context())
	var seq uint64
	for b.Loop() {
		seq++
		m := member{id: scenecast.ConnID{Node: 1, Seq: seq}, app: scenecast.DefaultApp, labels: label.New(page("home"))}
		n.Joined(m)
		n.Relabelled(m, label.Set{})
		n.Left(m, scenecast.Ending{})
	}
}

// BenchmarkReap: of three nodes with 100,000 connections each one dies, and another reaps. It reports for how long a step of that has
// blocked Redis at most and in the middle, as its own slow log has it: at most is also how long others have kept it from its core.
func BenchmarkReap(b *testing.B) {
	const each = 100_000
	for range b.N {
		b.StopTimer()
		s := redistest.Start(b, "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000")
		c := s.Client()
		have := func(what string, want int64) {
			eventually(b, what, func() bool {
				answer := redistest.Do(b, c, "HLEN", hash)
				n, _ := answer.AsInt64()
				return n == want
			})
		}
		nodes := []*node{start(b, s.URL(), 1, unhurried), start(b, s.URL(), 2, unhurried), start(b, s.URL(), 3, unhurried)}
		for _, n := range nodes {
			for range each {
				n.join(page("home"), label.Label{Key: "@user", Value: strconv.FormatUint(n.lastSeq, 10)}, label.Label{Key: "@protocol", Value: "tutorial"})
			}
		}
		have("all connections are there", 3*each)
		redistest.Do(b, c, "SLOWLOG", "RESET")
		nodes[0].Kill()
		b.StartTimer()
		began := time.Now()
		have("the fields of the dead node are gone", 2*each)
		b.StopTimer()
		b.ReportMetric(time.Since(began).Seconds(), "s-to-vanish")
		for command, took := range steps(b, c) {
			slices.Sort(took)
			b.ReportMetric(took[len(took)-1].Seconds()*1000, "ms-worst-"+command)
			b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-median-"+command)
			b.ReportMetric(float64(len(took)), command)
		}
		for _, n := range nodes[1:] {
			n.Kill()
		}
	}
}

// unhurried has a registry do everything as often as it does for users.
func unhurried(o *registry.Options) { *o = o.Unhurried() }

// steps are how long those commands in the slow log of a Redis have taken that scan and delete.
func steps(b *testing.B, c rueidis.Client) map[string][]time.Duration {
	b.Helper()
	answer := redistest.Do(b, c, "SLOWLOG", "GET", "-1")
	entries, err := answer.ToArray()
	if err != nil {
		b.Fatal(err)
	}
	took := make(map[string][]time.Duration)
	for _, e := range entries {
		fields, _ := e.ToArray()
		us, _ := fields[2].AsInt64()
		words, _ := fields[3].AsStrSlice()
		if command := words[0]; command == "HSCAN" || command == "HDEL" {
			took[command] = append(took[command], time.Duration(us)*time.Microsecond)
		}
	}
	return took
}
