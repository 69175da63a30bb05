package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"scenecast/bench/load"
	"scenecast/client"
)

const (
	groupSize    = 100              // pages that a push is for
	connectTime  = 20 * time.Second // of one page
	connecting   = 64               // pages at a time, when the crowd opens
	callsAtATime = 64
	remembered   = 1 << 14               // pushes whose times are known
	late         = 2 * time.Millisecond  // how much behind its time a push may begin without that being latency: what a sleeping program oversleeps
	tick         = 10 * time.Millisecond // after which it is looked how many pages are to leave
	pageShards   = 16                    // of latencies
	receiptTime  = 10 * time.Second
)

// The labels of pages: a page of a shop, and the group that gets a push.
const (
	keyPage  = "page"
	keyGroup = "group"
	keyOrder = "order"
)

var pageNames = []string{"home", "list", "order", "back"}

// crowd is the pages, and the backend that pushes to them.
type crowd struct {
	options options
	url     *url.URL // where pages connect
	token   string
	backend client.Backend
	clock   time.Time
	pages   []*page
	living  sync.WaitGroup

	sent     [remembered]atomic.Int64 // when, by number; ns after clock
	visits   [pageShards]latencies
	answers  latencies
	joined   atomic.Int64
	lost     atomic.Int64
	why      atomic.Pointer[error] // of the last that was lost
	pushes   atomic.Int64
	failed   atomic.Int64
	timedOut atomic.Int64
}

// latencies are counted under a lock.
type latencies struct {
	mu sync.Mutex
	h  *hdrhistogram.Histogram
}

func (l *latencies) record(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	load.Record(l.h, took)
}

// drain moves what was recorded to a histogram.
func (l *latencies) drain(to *hdrhistogram.Histogram) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to.Merge(l.h)
	l.h.Reset()
}

func newCrowd(o options, server *url.URL, token, key string) *crowd {
	c := &crowd{options: o, url: server, token: token, backend: client.Backend{URL: server.String(), Key: key}, clock: time.Now()}
	c.answers.h = load.NewHistogram()
	for i := range c.visits {
		c.visits[i].h = load.NewHistogram()
	}
	for n := range o.pages {
		c.pages = append(c.pages, &page{crowd: c, number: n})
	}
	return c
}

// groupOf is the group of a page.
func groupOf(page int) string { return "g" + strconv.Itoa(page/groupSize) }

// open connects all pages, which live until ctx ends.
func (c *crowd) open(ctx context.Context) error {
	places := make(chan struct{}, connecting)
	welcomed := make(chan error)
	go func() {
		for _, p := range c.pages {
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			first := sync.OnceFunc(func() { <-places })
			c.living.Go(func() {
				p.live(ctx, func(err error) {
					first()
					select {
					case welcomed <- err:
					case <-ctx.Done():
					}
				})
			})
		}
	}()
	for range c.pages {
		select {
		case err := <-welcomed:
			if err != nil {
				return fmt.Errorf("a page was refused: %w", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// start has pages leave and be pushed to until ctx ends.
func (c *crowd) start(ctx context.Context) {
	c.living.Go(func() { c.churn(ctx) })
	c.living.Go(func() { c.publish(ctx) })
}

// wait returns when nothing of the crowd is left; its context has ended.
func (c *crowd) wait() { c.living.Wait() }

// churn has pages leave by the clock, drawn by lot. A page that has left joins anew at once.
func (c *crowd) churn(ctx context.Context) {
	every := time.NewTicker(tick)
	defer every.Stop()
	for begun, told := time.Now(), 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		due := int(time.Since(begun).Seconds() * float64(c.options.joins))
		if due-told > c.options.joins { // what could not leave in time does not leave all at once
			told = due - c.options.joins
		}
		for told < due {
			if c.pages[rand.IntN(len(c.pages))].leave() {
				told++
			}
		}
	}
}

// publish pushes to one group after the other, by the clock.
func (c *crowd) publish(ctx context.Context) {
	places := make(chan struct{}, callsAtATime)
	begun := time.Now()
	for n := 0; ; n++ {
		due := begun.Add(time.Duration(n) * time.Second / time.Duration(c.options.rate))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		c.living.Go(func() {
			defer func() { <-places }()
			c.push(ctx, n, due)
		})
	}
}

func (c *crowd) push(ctx context.Context, n int, due time.Time) {
	at := time.Now()
	if at.Sub(due) > late {
		at = due
	}
	c.sent[n%remembered].Store(int64(at.Sub(c.clock)))
	group := groupOf(n % (len(c.pages) / groupSize) * groupSize)
	result, err := c.backend.Push(ctx, client.PushRequest{
		To: client.Labels{keyGroup: {group}}, Message: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)),
		Receipt: "written", Timeout: receiptTime,
	})
	if ctx.Err() != nil {
		return
	}
	c.pushes.Add(1)
	if err != nil {
		c.failed.Add(1)
		c.why.Store(&err)
		return
	}
	c.answers.record(time.Since(at))
	c.timedOut.Add(int64(result.TimedOut))
}

// got counts a delivery.
func (c *crowd) got(page, n int) {
	c.visits[page%pageShards].record(time.Since(c.clock) - time.Duration(c.sent[n%remembered].Load()))
}

// take moves what was counted to a report, and returns the latencies.
func (c *crowd) take(r *report) latenciesOf {
	l := latenciesOf{load.NewHistogram(), load.NewHistogram()}
	for i := range c.visits {
		c.visits[i].drain(l.page)
	}
	c.answers.drain(l.answer)
	r.Deliveries, r.Page, r.Answer = l.page.TotalCount(), load.LatencyOf(l.page), load.LatencyOf(l.answer)
	r.Joined, r.Lost, r.Pushes, r.Failed, r.TimedOut = c.joined.Swap(0), c.lost.Swap(0), c.pushes.Swap(0), c.failed.Swap(0), c.timedOut.Swap(0)
	if why := c.why.Swap(nil); why != nil {
		r.Why = (*why).Error()
	}
	return l
}
