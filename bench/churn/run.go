package churn

import (
	"context"
	"crypto/rand"
	"errors"
	randv2 "math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"scenecast/bench/load"
	"scenecast/language"
)

// ErrFaults is the end of a run in which something was lost, doubled or out of order, or that had another fault; the report says which.
var ErrFaults = language.NewError("the cluster has made mistakes")

// labelRun is the label that all pages of a run have, and no others.
const labelRun = "run"

// run is a run that goes on.
type run struct {
	options  Options
	name     string
	clock    time.Time
	envelope load.Envelope
	ledger   ledger
	nodes    []node
	pages    []*page
	http     *http.Client

	resumes, left atomic.Int64
	connecting    chan struct{} // a place for each page that connects at the start; a value is one that is free
	connected     atomic.Int64  // pages that were, once

	mu      sync.Mutex
	reasons []language.Text
}

// connectAtOnce is how many pages connect at a time when a run begins.
const connectAtOnce = 64

// Run opens the pages, pushes for the duration, waits until everything has come, and closes the pages. With an error the report holds what
// was found until then; it is nil if nothing was.
func Run(ctx context.Context, options Options) (*Report, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := load.RaiseFileLimit(o.Pages); err != nil {
		return nil, err
	}
	r := &run{
		options: o, name: strings.ToLower(rand.Text()[:8]), clock: time.Now(), nodes: make([]node, len(o.URLs)),
		connecting: make(chan struct{}, connectAtOnce),
		http:       &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callsPerNode * len(o.URLs)}},
	}
	defer r.http.CloseIdleConnections()
	r.envelope = load.NewEnvelope(r.name, o.Size)
	for i := range r.nodes {
		r.nodes[i].url, r.nodes[i].latencies = o.URLs[i], load.NewHistogram()
		if len(o.PIDs) > 0 {
			if r.nodes[i].process, err = load.Watch(o.PIDs[i]); err != nil {
				return nil, err
			}
		}
	}
	return r.run(ctx)
}

func (r *run) run(ctx context.Context) (*Report, error) {
	living, end := context.WithCancel(ctx)
	defer end()
	var pages sync.WaitGroup
	for i := range r.options.Pages {
		p := &page{run: r, number: i, next: i, leave: make(chan struct{}, 1)}
		r.pages = append(r.pages, p)
	}
	go r.open(living, &pages)
	if err := r.awaitAll(ctx); err != nil {
		end()
		pages.Wait()
		return nil, errors.Join(err, r.whyLost())
	}
	before := r.cpu()
	begun := time.Now()
	pushing, stop := context.WithCancel(ctx)
	defer stop()
	var beside sync.WaitGroup
	beside.Go(func() { r.churn(pushing) })
	beside.Go(func() {
		r.last(ctx, begun)
		stop()
	})
	r.publish(ctx, pushing)
	elapsed := time.Since(begun)
	beside.Wait()
	after := r.cpu()
	r.settle(ctx)
	end()
	pages.Wait()
	report := r.report(elapsed, before, after)
	err := ctx.Err()
	report.Complete = err == nil
	if err == nil && report.Faults.Any() {
		err = ErrFaults
	}
	return report, err
}

// open has the pages connect, some at a time.
func (r *run) open(ctx context.Context, pages *sync.WaitGroup) {
	pages.Add(1) // until all are there to be waited for
	defer pages.Done()
	for range connectAtOnce {
		r.connecting <- struct{}{}
	}
	for _, p := range r.pages {
		select {
		case <-r.connecting:
			pages.Go(func() { p.live(ctx) })
		case <-ctx.Done():
			return
		}
	}
}

// welcomed notes that a page is connected.
func (r *run) welcomed(p *page) {
	if p.came {
		return
	}
	p.came = true
	r.connected.Add(1)
	select {
	case r.connecting <- struct{}{}:
	default:
	}
}

// awaitAll waits until all pages are connected, as long as any page still connects.
func (r *run) awaitAll(ctx context.Context) error {
	last, since := int64(-1), time.Now()
	for {
		connected := r.connected.Load()
		r.options.Progress(language.Textf("%d of %d pages are connected", connected, len(r.pages)))
		switch {
		case connected == int64(len(r.pages)):
			return nil
		case connected > last:
			last, since = connected, time.Now()
		case time.Since(since) > r.options.Patience:
			return language.Errorf("%d of %d pages are connected, and no more", connected, len(r.pages))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

// lookEvery is how often is looked whether all is there.
const lookEvery = 20 * time.Millisecond

// last waits as long as pushes are to go on.
func (r *run) last(ctx context.Context, begun time.Time) {
	wait := r.options.Duration
	for ctx.Err() == nil && (wait > 0 || r.options.more(r)) {
		select {
		case <-ctx.Done():
		case <-time.After(max(wait, lookEvery)):
		}
		wait = r.options.Duration - time.Since(begun)
	}
}

// churn has pages leave by the clock, drawn by lot.
func (r *run) churn(ctx context.Context) {
	if r.options.Leave == 0 {
		return
	}
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	begun, told := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		for due := int(time.Since(begun).Seconds() * float64(r.options.Leave)); told < due; told++ {
			select {
			case r.pages[randv2.IntN(len(r.pages))].leave <- struct{}{}:
			default: // it is on its way
			}
		}
	}
}

// settle waits until all pages are connected and have all pushes, as long as anything still comes.
func (r *run) settle(ctx context.Context) {
	for _, p := range r.pages { // whoever was told to leave and has not, stays
		select {
		case <-p.leave:
		default:
		}
	}
	newest := r.ledger.newest()
	last, since := -1, time.Now()
	for ctx.Err() == nil && time.Since(since) < r.options.Patience {
		waiting, came := 0, 0
		for _, p := range r.pages {
			if !p.here.Load() || p.seen.Load() < newest {
				waiting++
			}
		}
		for i := range r.nodes {
			came += r.nodes[i].delivered() + int(r.nodes[i].welcomes.Load())
		}
		if waiting == 0 {
			return
		}
		if came != last {
			last, since = came, time.Now()
		}
		r.options.Progress(language.Textf("waiting for %d pages", waiting))
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
	for _, p := range r.pages {
		if !p.here.Load() {
			r.ledger.count(func(f *Faults) {
				f.Stranded++
				f.example("page %d was not connected at the end", p.number)
			})
		}
	}
}

// maxReasons is how many lost connections are told in words.
const maxReasons = 5

// tellLost notes why a page has no connection.
func (r *run) tellLost(n *node, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reasons) < maxReasons {
		r.reasons = append(r.reasons, language.Textf("%s: %v", n.url.Host, err))
	}
}

func (r *run) whyLost() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reasons) == 0 {
		return nil
	}
	return language.Errorf("%s", r.reasons[0])
}

// unknown is the CPU of a node that is not watched, or whose process has ended.
const unknown = time.Duration(-1)

// cpu is what each node has used.
func (r *run) cpu() (used []time.Duration) {
	for i := range r.nodes {
		c, err := r.nodes[i].process.CPU()
		if err != nil || len(r.options.PIDs) == 0 || r.options.PIDs[i] == 0 || runtime.GOOS != "linux" {
			used = append(used, unknown)
			continue
		}
		used = append(used, c.Total())
	}
	return used
}

func (r *run) report(elapsed time.Duration, before, after []time.Duration) *Report {
	o := r.options
	report := &Report{
		Run: r.name, Pages: o.Pages, Leave: o.Leave, Resume: o.Resume, Size: o.Size, Seconds: elapsed.Seconds(),
		Left: int(r.left.Load()), Resumed: int(r.resumes.Load()), Faults: r.ledger.settle(), Reasons: r.reasons,
	}
	all := &report.All
	latencies := load.NewHistogram()
	total, known := time.Duration(0), 0
	for i := range r.nodes {
		cpu := unknown
		if before[i] != unknown && after[i] != unknown {
			cpu = after[i] - before[i]
			total, known = total+cpu, known+1
		}
		n := r.nodes[i].result(elapsed, cpu, latencies)
		report.Nodes = append(report.Nodes, n)
		all.Connections, all.Lost, all.Pushes, all.FailedCalls = all.Connections+n.Connections, all.Lost+n.Lost, all.Pushes+n.Pushes, all.FailedCalls+n.FailedCalls
		all.Deliveries, all.PerSecond, all.CaughtUp = all.Deliveries+n.Deliveries, all.PerSecond+n.PerSecond, all.CaughtUp+n.CaughtUp
	}
	if known == len(r.nodes) && all.Deliveries > 0 {
		all.CPUPerDelivery = new(float64(total.Nanoseconds()) / float64(all.Deliveries))
	}
	all.Latency = load.LatencyOf(latencies)
	report.Pushes, report.PerSec = all.Pushes, float64(all.Pushes)/elapsed.Seconds()
	return report
}
