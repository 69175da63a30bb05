// Replay measures what it costs the pages that are there when others come back: it has 1,000 healthy pages, each of which gets
// pushes of its own by the clock, and measures their latency in turns with and without 1,000 pages that come back and get 1,000
// missed pushes each. It reports both, their ratio, and the memory that the server took per returning page.
//
// A million frames cost a small machine a good part of its time wherever they come from. So the pages that come back run only
// when nobody else wants a core, and there is a third turn, in which they come back to another server on the same machine: what is
// worse than that is this server's own doing. The flag within says over how long pages are spread, as they are by their waits
// (docs/client.md).
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"scenecast/bench/load"
)

// setup is what is measured.
type setup struct {
	pages, returning, missed int
	size                     int
	rate                     int           // pushes per second to healthy pages, one at a time
	within                   time.Duration // over which returning pages are spread
	rounds                   int
	idle                     bool // returning pages get the cores that nobody else wants
}

func main() {
	beCrowd()
	s := setup{idle: true}
	flag.IntVar(&s.pages, "pages", 1000, "healthy `pages`")
	flag.IntVar(&s.returning, "returning", 1000, "`pages` that come back in a round")
	flag.IntVar(&s.missed, "missed", 1000, "`pushes` that each has missed")
	flag.IntVar(&s.size, "size", 128, "`bytes` of a message")
	flag.IntVar(&s.rate, "rate", 500, "`pushes` per second to healthy pages")
	flag.DurationVar(&s.within, "within", 10*time.Second, "`time` over which pages come back")
	flag.IntVar(&s.rounds, "rounds", 3, "`times` that each is measured")
	binary := flag.String("binary", "", "the `program` to measure (default: the one that this source builds)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, *binary, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s setup, binary string, out io.Writer) error {
	if binary == "" {
		dir, err := os.MkdirTemp("", "replay")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "scenecast")
		build := exec.CommandContext(ctx, "go", "build", "-o", binary, "scenecast/cmd/scenecast")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return err
		}
	}
	server, err := load.StartServer(ctx, []string{binary})
	if err != nil {
		return err
	}
	defer server.Close()
	other, err := load.StartServer(ctx, []string{binary})
	if err != nil {
		return err
	}
	defer other.Close()
	healthy, err := load.Open(ctx, load.Options{URL: server.URL, Token: server.Token, Key: server.Key, Pages: s.pages, Size: s.size})
	if err != nil {
		return err
	}
	defer healthy.Close()
	return measure(ctx, s, healthy, newCrowd(s, other), newCrowd(s, server), out)
}

// measure takes rounds in turns: without pages that come back, with pages that come back to another server, and to this one.
func measure(ctx context.Context, s setup, healthy *load.Session, elsewhere, here *crowd, out io.Writer) error {
	if err := healthy.Settle(ctx); err != nil {
		return err
	}
	var without, there, with, memory []float64
	for range s.rounds {
		for _, m := range []struct {
			crowd *crowd
			p99   *[]float64
		}{{nil, &without}, {elsewhere, &there}, {here, &with}} {
			p99, peak, err := round(ctx, s, healthy, m.crowd)
			if err != nil {
				return err
			}
			if *m.p99 = append(*m.p99, p99); m.crowd == here {
				memory = append(memory, peak/float64(s.returning))
			}
		}
		last := len(with) - 1
		fmt.Fprintf(out, "p99 of healthy pages: %.0f µs; %.0f µs while others come back to another server; %.0f µs while they come back to this one, which takes %.0f KiB for each\n",
			without[last], there[last], with[last], memory[last]/1024)
	}
	fmt.Fprintf(out, "medians: %.0f, %.0f and %.0f µs; of the ratios in a round: this one / none %.2f, another / none %.2f; most memory %.0f KiB\n",
		median(without), median(there), median(with), median(ratios(with, without)), median(ratios(there, without)), slices.Max(memory)/1024)
	return nil
}

// round is the p99 of healthy pages while a crowd, if there is one, comes back, and what the server's memory grew by.
func round(ctx context.Context, s setup, healthy *load.Session, c *crowd) (p99, grown float64, err error) {
	came := make(chan error, 1)
	before := 0
	var server load.Process
	if c == nil {
		came <- nil
	} else {
		if err := c.miss(ctx); err != nil {
			return 0, 0, err
		}
		if server, err = load.Watch(c.server.PID); err != nil {
			return 0, 0, err
		}
		if _, err = server.Peak(); err != nil {
			return 0, 0, err
		}
		if before, err = server.Memory(); err != nil {
			return 0, 0, err
		}
		go func() { came <- c.start(ctx) }()
	}
	r, err := healthy.Round(ctx, load.Manner{To: load.One, Rate: s.rate, Pushes: int(s.within.Seconds() * float64(s.rate))})
	if err = errors.Join(err, <-came); err != nil || c == nil {
		return r.Latency.P99, 0, err
	}
	after, err := server.Peak()
	return r.Latency.P99, float64(after - before), err
}

func median(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }

// ratios are those of the same round.
func ratios(of, to []float64) []float64 {
	var r []float64
	for i := range of {
		r = append(r, of[i]/to[i])
	}
	return r
}

// push pushes by HTTP and returns the answer.
func push(ctx context.Context, server *load.Server, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL.JoinPath("/v1/push").String(), bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+server.Key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		err = cmp.Or(err, fmt.Errorf("push: %s: %s", response.Status, answer))
	}
	return answer, err
}
