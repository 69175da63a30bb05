package churn

import (
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"scenecast/bench/load"
)

// node is what was seen at one address.
type node struct {
	url     *url.URL
	process load.Process

	welcomes atomic.Int64 // connections of pages
	lost     atomic.Int64 // of those, and attempts, the ones that ended otherwise than by the page
	taken    atomic.Int64 // pushes
	failed   atomic.Int64 // calls

	mu         sync.Mutex
	latencies  *hdrhistogram.Histogram
	deliveries int
	caughtUp   int // of those, pushes that were made while the page was away
}

// deliver counts a push that a page was given.
func (n *node) deliver(after time.Duration, caughtUp bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deliveries++
	if caughtUp {
		n.caughtUp++
		return
	}
	load.Record(n.latencies, after)
}

// result is what the report says of the node.
func (n *node) result(elapsed time.Duration, cpu time.Duration, all *hdrhistogram.Histogram) Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := Node{
		URL: n.url.Redacted(), Connections: int(n.welcomes.Load()), Lost: int(n.lost.Load()), Pushes: int(n.taken.Load()), FailedCalls: int(n.failed.Load()),
		Deliveries: n.deliveries, PerSecond: float64(n.deliveries) / elapsed.Seconds(), CaughtUp: n.caughtUp, Latency: load.LatencyOf(n.latencies),
	}
	if cpu != unknown && n.deliveries > 0 {
		r.CPUPerDelivery = new(float64(cpu.Nanoseconds()) / float64(n.deliveries))
	}
	all.Merge(n.latencies)
	return r
}

// delivered is how many pushes pages were given.
func (n *node) delivered() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.deliveries
}
