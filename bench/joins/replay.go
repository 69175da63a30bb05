package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"scenecast/bench/load"
	"scenecast/bench/viewer"
)

// replayOptions say how a comparison is made.
type replayOptions struct {
	on, pin bool
	blocks  int
	phase   time.Duration
	settle  time.Duration // how long a phase goes on before it is measured: a screen that opens is none of it, or one that was closed and what was kept for it
	screens string
}

// nothing is the control: its viewer has logged in and makes no calls, so whatever differs is not due to it.
const nothing = "nothing"

// phase is what was measured in one.
type phase struct {
	report
	latenciesOf
	loops  float64                                    // seconds a second that the rounds of all loops took
	slow   float64                                    // rounds a second that took longer than a millisecond
	viewer struct{ calls, kilobytes, events float64 } // a second
}

// block is phases without and with a viewer, in the order A B B A or B A A B, so that whatever drifts is in both.
type block struct{ without, with [2]phase }

func runReplay(ctx context.Context, o options, replay replayOptions, binary string, out io.Writer) error {
	var screens []string
	for _, name := range strings.Split(replay.screens, ",") {
		if name != nothing && viewer.Named(name) == nil {
			return fmt.Errorf("-screens: %q is no screen that can be replayed", name)
		}
		screens = append(screens, name)
	}
	if replay.blocks < 1 || replay.phase <= 0 {
		return errors.New("a comparison has one block at least, and phases that take some time")
	}
	var cores load.Cores
	if replay.pin {
		var err error
		if cores, err = load.Pin(); err != nil {
			return err
		}
	}
	blocks := make(map[string][]block)
	err := withCrowd(ctx, o, binary, cores, func(ctx context.Context, c *crowd, server *load.Server) error {
		v, err := viewer.LogIn(ctx, server.URL.String(), key)
		if err != nil {
			return err
		}
		defer v.Close()
		for n := range replay.blocks {
			for _, name := range screens {
				var b block
				for _, p := range order(n, &b) {
					looks := ""
					if p == &b.with[0] || p == &b.with[1] {
						looks = name
					}
					if err := p.measure(ctx, c, server, v, looks, replay); err != nil {
						return err
					}
					fmt.Fprintf(os.Stderr, "%2d %-7s %s\n", n+1, looks, p)
				}
				blocks[name] = append(blocks[name], b)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	where := "server, pages and viewer share the machine's cores"
	if replay.pin {
		where = cores.String()
	}
	_, err = fmt.Fprintf(out, "%d pages, %d join and leave each second; %d pushes a second to %d pages each, with receipts; %d blocks of four phases of %v; %s\n\n%s",
		o.pages, o.joins, o.rate, groupSize, replay.blocks, replay.phase, where, table(screens, blocks))
	return err
}

// order is that of a block's phases.
func order(n int, b *block) []*phase {
	if n%2 == 0 {
		return []*phase{&b.without[0], &b.with[0], &b.with[1], &b.without[1]}
	}
	return []*phase{&b.with[0], &b.without[0], &b.without[1], &b.with[1]}
}

// measure measures while the viewer looks at a screen; with none, while nobody does.
func (p *phase) measure(ctx context.Context, c *crowd, server *load.Server, v *viewer.Viewer, name string, o replayOptions) error {
	looking, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	begun := make(chan struct{})
	s := viewer.Named(name)
	if s == nil {
		s = new(viewer.Screen)
	}
	go func() { ended <- v.Look(looking, s, func() { close(begun) }) }()
	var err error
	select {
	case <-begun:
		err = p.settleAndMeasure(ctx, c, server, v, o)
	case err = <-ended:
		stop()
		return cmp.Or(err, errors.New("the viewer has ended"))
	}
	stop()
	return errors.Join(err, <-ended)
}

func (p *phase) settleAndMeasure(ctx context.Context, c *crowd, server *load.Server, v *viewer.Viewer, o replayOptions) error {
	select {
	case <-time.After(o.settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	before, err := readRounds(ctx, server)
	if err != nil {
		return err
	}
	read := v.Totals()
	if p.report, p.latenciesOf, err = measureFor(ctx, c, server, o.phase, nil); err != nil {
		return err
	}
	now := v.Totals()
	after, err := readRounds(ctx, server)
	if err != nil {
		return err
	}
	p.loops = (after.seconds - before.seconds) / p.Seconds
	p.slow = (after.slow - before.slow) / p.Seconds
	p.viewer.calls = float64(now.Calls-read.Calls) / p.Seconds
	p.viewer.kilobytes = float64(now.Bytes-read.Bytes) / 1000 / p.Seconds
	p.viewer.events = float64(now.Events-read.Events) / p.Seconds
	return nil
}

func (p *phase) String() string {
	return fmt.Sprintf("page p50 %.2f p99 %.2f ms, answer p99 %.2f ms, server %.3f cores, loops %.1f ms/s, %.1f rounds/s over 1 ms; %d joined, %d lost, %d pushes failed %s; viewer: %.1f calls, %.1f kB, %.0f events a second; load %s",
		p.Page.P50/1000, p.Page.P99/1000, p.Answer.P99/1000, p.Server, 1000*p.loops, p.slow, p.Joined, p.Lost, p.Failed, p.Why, p.viewer.calls, p.viewer.kilobytes, p.viewer.events, p.Load)
}

// rounds are those of all loops since the server's start.
type rounds struct{ seconds, slow float64 }

// readRounds reads them from the server's metrics.
func readRounds(ctx context.Context, server *load.Server) (sum rounds, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL.JoinPath("/metrics").String(), nil)
	if err != nil {
		return sum, err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return sum, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return sum, fmt.Errorf("GET /metrics: %s", answer.Status)
	}
	return roundsIn(answer.Body)
}

// roundsIn reads the histograms of all loops' rounds.
func roundsIn(text io.Reader) (sum rounds, err error) {
	const name = "scenecast_loop_round_seconds"
	lines := bufio.NewScanner(text)
	var count, quick float64
	for lines.Scan() {
		of, number, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasPrefix(of, name+"_") {
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		switch {
		case err != nil:
			return sum, fmt.Errorf("a metric is no number: %q", lines.Text())
		case strings.HasPrefix(of, name+"_sum"):
			sum.seconds += value
		case strings.HasPrefix(of, name+"_count"):
			count += value
		case strings.Contains(of, `le="0.001"`):
			quick += value
		}
	}
	if sum.slow = count - quick; count == 0 || quick == 0 {
		return sum, fmt.Errorf("the metrics have no %s", name)
	}
	return sum, lines.Err()
}
