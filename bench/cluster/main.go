// Command cluster measures what several nodes cost beside one: it starts servers, publishes to some of them, and reads as pages of
// another one.
//
//	go run ./bench/cluster --binary bin/scenecast
//
// Each round starts fresh servers, and the rounds of all cases go in turns, so that a machine whose speed changes changes it for all
// alike. A case is a way of publishing: calls at a rate, or batches as fast as they are answered. With --events it measures what does not
// depend on a load: starting, being idle, nodes that die or hang, and a Redis that does. It runs redis-server, which has to be installed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

// setup is servers that are measured.
type setup struct {
	name  string
	nodes int
	args  []string // beside those that every server has
	redis bool     // they are on a Redis of their own
	env   []string // of theirs
}

var setups = []setup{
	{"memory, one node", 1, []string{"--engine", "memory"}, false, nil},
	{"nats, one node, fsync", 1, []string{"--data-dir", dataDir}, false, nil},
	{"nats, three nodes", 3, nil, false, nil},
	{"nats, three nodes, fsync", 3, nil, false, nil},
	{"redis, three nodes", 3, []string{"--engine", "redis"}, true, nil},
}

// load is a way of publishing.
type load struct {
	name       string
	publishers int // on each of the nodes that are published to
	everywhere bool
	rate       int // pushes per second of all publishers; 0: as fast as they are answered
	batch      int // pushes per call
}

var loads = []load{
	{"1,000/s to one node", 4, false, 1000, 1},
	{"21,000/s to all nodes, in batches", 2, true, 21_000, 100},
	{"closed loop, in batches", 4, true, 0, 256},
}

// profiles is a directory for the servers' CPU profiles, or empty.
var profiles string

func main() {
	binary := flag.String("binary", "bin/scenecast", "the server")
	rounds := flag.Int("rounds", 3, "of each case")
	duration := flag.Duration("duration", 5*time.Second, "of each round")
	load := flag.String("load", "", "the load to measure; empty: all")
	only := flag.String("only", "", "the setup to measure, or with --events nats or redis; empty: all")
	happen := flag.Bool("events", false, "measure starting, being idle, and nodes that die, and no loads")
	flag.StringVar(&profiles, "profiles", "", "a directory for the servers' CPU profiles; empty: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := func() error { return measure(ctx, *binary, *rounds, *duration, *only, *load) }
	if *happen {
		run = func() error { return events(ctx, *binary, *rounds, *only) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, binary string, rounds int, duration time.Duration, only, load string) error {
	results := make(map[string][]result)
	for range rounds {
		for _, s := range setups {
			if only != "" && only != s.name {
				continue
			}
			for _, l := range loads {
				if load != "" && load != l.name {
					continue
				}
				r, err := round(ctx, binary, s, l, duration)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, l.name, err)
				}
				results[s.name+l.name] = append(results[s.name+l.name], r)
				fmt.Fprintf(os.Stderr, "%s, %s: %.0f/s, page %.2f / %.1f ms, answer %.2f / %.1f ms, %.0f µs, Redis %.1f µs\n", s.name, l.name,
					r.perSecond, r.page.p50, r.page.p99, r.answer.p50, r.answer.p99, r.cpu, r.redisCPU)
			}
		}
	}
	fmt.Println("| servers | load | pushes/s | call to page p50 / p99 ms | answer p50 / p99 ms | CPU µs per push, all nodes | of Redis | not on every node |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, s := range setups {
		for _, l := range loads {
			if rs := results[s.name+l.name]; len(rs) > 0 {
				fmt.Printf("| %s | %s | %.0f | %.2f / %.1f | %.2f / %.1f | %.0f | %.1f | %.0f |\n", s.name, l.name,
					median(rs, func(r result) float64 { return r.perSecond }),
					median(rs, func(r result) float64 { return r.page.p50 }), median(rs, func(r result) float64 { return r.page.p99 }),
					median(rs, func(r result) float64 { return r.answer.p50 }), median(rs, func(r result) float64 { return r.answer.p99 }),
					median(rs, func(r result) float64 { return r.cpu }), median(rs, func(r result) float64 { return r.redisCPU }),
					median(rs, func(r result) float64 { return float64(r.partial) }))
			}
		}
	}
	return nil
}

func median(rs []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range rs {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
