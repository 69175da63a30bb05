package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"scenecast/bench/load"
)

const (
	few      = 100   // pages of a group
	pipeline = 8     // pushes at a time
	rate     = 1_000 // pushes a second to one page

	// The visit in which pages stop reading: the kernel's buffers and a queue of 1 MiB must fill up in the round, the
	// server must have time to spare, and there must be more pushes than a hundred, or the slowest one alone would be the p99.
	stalledSize  = 12 << 10
	stalledCalls = 150
)

// effort is how much is done for a figure.
type effort struct {
	fanouts, bursts, choices, singles int           // of a round
	stalled, healthy                  int           // pages, where some stop reading
	stalledRate                       int           // calls a second
	settle                            time.Duration // how long a server has nothing to do before its memory is read
}

// fullEffort is enough for figures that a scheduler's hiccup does not decide.
var fullEffort = effort{fanouts: 10, bursts: 2, choices: 300, singles: 2 * rate, stalled: 100, healthy: 300, stalledRate: 40, settle: 500 * time.Millisecond}

// figures are what a visit has found, by row; a row that is none of the visit's is missing.
type figures map[string]float64

// visitor measures one server for one visit.
type visitor struct {
	server   *server
	effort   effort
	session  *load.Session
	wanted   func(row string) bool
	progress func(doing string)
	found    figures
}

// visit opens the pages and measures what is wanted. Any mistake of the server is an error, and there are no figures.
func visit(ctx context.Context, s *server, kind string, n sizes, e effort, wanted func(row string) bool, progress func(string)) (figures, error) {
	v := &visitor{server: s, effort: e, wanted: wanted, progress: progress, found: make(figures)}
	o := s.options
	o.URL, o.Few, o.Patience = s.url, few, 20*time.Second
	measure := v.choose
	switch kind {
	case visitPages:
		o.Pages, measure = n.pages, v.publish
	case visitMany:
		o.Pages = n.many
	case visitTenth:
		o.Pages = n.many / 10
	case visitStalled:
		o.Pages, o.Stalling, o.Size, measure = e.stalled+e.healthy, e.stalled, stalledSize, v.stall
	}
	o.Few = min(few, o.Pages)
	if err := v.open(ctx, kind, o); err != nil {
		return nil, err
	}
	defer v.session.Close()
	if err := v.session.Settle(ctx); err != nil { // warms up, too
		return nil, err
	}
	if err := measure(ctx, kind); err != nil {
		return nil, err
	}
	return v.found, v.session.Settle(ctx)
}

// open connects the pages, and measures what that costs.
func (v *visitor) open(ctx context.Context, kind string, o load.Options) (err error) {
	v.progress(fmt.Sprintf("connecting %s pages", thousands(o.Pages)))
	weigh := kind == visitMany && v.wanted("memory")
	var memory, grown int
	if weigh {
		if memory, err = v.weigh(ctx); err != nil {
			return err
		}
	}
	took, err := v.cpu(func() error {
		v.session, err = load.Open(ctx, o)
		return err
	})
	if err != nil {
		return err
	}
	if kind == visitPages {
		v.found["connect"] = took.Seconds() * 1e6 / float64(o.Pages)
	}
	if weigh {
		if grown, err = v.weigh(ctx); err != nil {
			v.session.Close()
			return err
		}
		v.found["memory"] = float64(grown-memory) / float64(o.Pages)
	}
	return nil
}

// publish measures the rows of a server with all its pages.
func (v *visitor) publish(ctx context.Context, _ string) error {
	for _, r := range []struct {
		row    string
		manner load.Manner
		figure func(cpu time.Duration, r load.Round) float64
	}{
		{"fanout", load.Manner{To: load.Everybody, Pushes: v.effort.fanouts}, perDelivery},
		{"pipelined", load.Manner{To: load.Everybody, Pushes: v.effort.bursts * pipeline, Pipeline: pipeline}, perDelivery},
		{"chosen", load.Manner{To: load.Few, Pushes: v.effort.choices}, v.perChoice},
		{"one", load.Manner{To: load.One, Pushes: v.effort.singles, Rate: rate}, p99},
	} {
		if err := v.row(ctx, r.row, r.row, r.manner, r.figure); err != nil {
			return err
		}
	}
	return nil
}

// choose measures the choice of a few; the row is formed by the visits of both sizes.
func (v *visitor) choose(ctx context.Context, kind string) error {
	return v.row(ctx, "growth", kind, load.Manner{To: load.Few, Pushes: v.effort.choices}, v.perChoice)
}

// stall measures the healthy pages before and while the others do not read.
func (v *visitor) stall(ctx context.Context, _ string) error {
	manner := load.Manner{To: load.Everybody, Pushes: stalledCalls, Rate: v.effort.stalledRate}
	if err := v.row(ctx, "stalled", "before", manner, p99); err != nil {
		return err
	}
	if err := v.session.Stall(); err != nil {
		return err
	}
	if err := v.row(ctx, "stalled", "while", manner, p99); err != nil {
		return err
	}
	v.found["stalled"] = v.found["while"] / v.found["before"]
	return nil
}

// row measures one figure of a row, and notes it under this name.
func (v *visitor) row(ctx context.Context, row, name string, m load.Manner, figure func(time.Duration, load.Round) float64) error {
	if !v.wanted(row) {
		return nil
	}
	v.progress(row)
	var round load.Round
	took, err := v.cpu(func() (err error) {
		round, err = v.session.Round(ctx, m)
		return err
	})
	if err == nil {
		err = v.session.Settle(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", row, err)
	}
	v.found[name] = figure(took, round)
	return nil
}

func perDelivery(cpu time.Duration, r load.Round) float64 {
	return float64(cpu.Nanoseconds()) / float64(r.Deliveries)
}
func (v *visitor) perChoice(cpu time.Duration, _ load.Round) float64 {
	return cpu.Seconds() * 1e6 / float64(v.effort.choices)
}
func p99(_ time.Duration, r load.Round) float64 { return r.Latency.P99 / 1e3 }

// cpu is what the server has used meanwhile.
func (v *visitor) cpu(doing func() error) (time.Duration, error) {
	before, err := cpuUsed(v.server.PID)
	if err != nil {
		return 0, err
	}
	if err := doing(); err != nil {
		return 0, err
	}
	after, err := cpuUsed(v.server.PID)
	return after - before, err
}

// weigh is the server's memory after it has had time to settle, and has collected its garbage if it can be asked to.
func (v *visitor) weigh(ctx context.Context) (int, error) {
	time.Sleep(v.effort.settle)
	if url := v.server.collect; url != "" {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if err != nil {
			return 0, err
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, fmt.Errorf("collecting garbage: %w", err)
		}
		response.Body.Close()
		if response.StatusCode >= 300 {
			return 0, fmt.Errorf("collecting garbage: POST %s answers %s", url, response.Status)
		}
	}
	return memoryOf(v.server.PID)
}
