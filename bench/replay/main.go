// Replay measures what it costs the pages that are there when others come back: it has 1,000 healthy pages, each of which gets
// pushes of its own by the clock, and measures their latency in turns with and without 1,000 pages that come back and get 1,000
// missed pushes each. It reports both, their ratio, and the memory that the server took per returning page.
//
// The pages that come back are as cheap as can be: they count bytes, of which every one must get the same number. Still, on a
// small machine they take a good part of it: `--within` says over how long they are spread. Pages that have lost their
// connection to a server that lives come back within some seconds (docs/client.md); after a restart there is nothing to replay.
package main

import (
	"bytes"
	"cmp"
	"context"
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
}

func main() {
	var s setup
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
		defer os.RemoveAll(dir)
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
	healthy, err := load.Open(ctx, load.Options{URL: server.URL, Token: server.Token, Key: server.Key, Pages: s.pages, Size: s.size})
	if err != nil {
		return err
	}
	defer healthy.Close()
	crowd, err := newCrowd(ctx, s, server)
	if err != nil {
		return err
	}
	return measure(ctx, s, healthy, crowd, server, out)
}

// measure takes rounds in turns.
func measure(ctx context.Context, s setup, healthy *load.Session, c *crowd, server *load.Server, out io.Writer) error {
	manner := load.Manner{To: load.One, Rate: s.rate, Pushes: int(s.within.Seconds() * float64(s.rate))}
	if err := healthy.Settle(ctx); err != nil {
		return err
	}
	var quiet, busy, ratios, memory []float64
	for range s.rounds {
		without, err := healthy.Round(ctx, manner)
		if err != nil {
			return err
		}
		before, err := residentPeak(server.PID)
		if err != nil {
			return err
		}
		came := make(chan error, 1)
		begun := time.Now()
		go func() { came <- c.comeBack(ctx) }()
		with, err := healthy.Round(ctx, manner)
		if err != nil {
			return err
		}
		if err := <-came; err != nil {
			return err
		}
		took := time.Since(begun)
		after, err := residentPeak(server.PID)
		if err != nil {
			return err
		}
		per := float64(after-before) / float64(s.returning)
		fmt.Fprintf(out, "p50 and p99 of healthy pages: %.0f and %.0f µs without, %.0f and %.0f µs with pages that come back, %.2f times the p99; all were back after %.1f s; %.0f KiB of memory for each\n",
			without.Latency.P50, without.Latency.P99, with.Latency.P50, with.Latency.P99, with.Latency.P99/without.Latency.P99, took.Seconds(), per/1024)
		quiet, busy = append(quiet, without.Latency.P99), append(busy, with.Latency.P99)
		ratios, memory = append(ratios, with.Latency.P99/without.Latency.P99), append(memory, per)
	}
	fmt.Fprintf(out, "medians: %.0f µs without, %.0f µs with, ratio %.2f; most memory for one: %.0f KiB\n",
		median(quiet), median(busy), median(ratios), slices.Max(memory)/1024)
	return nil
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// residentPeak is the most resident memory that a process has had since it was asked last, in bytes.
func residentPeak(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory is known on Linux alone: %w", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kilobytes int
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		return 0, err
	}
	return kilobytes << 10, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // proc(5): the peak begins anew
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
