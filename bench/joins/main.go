// Joins runs a server with pages of which some leave each second while others join, and pushes with receipts to a hundred of them at a time by
// the clock. It measures when it is told to, so that whoever tells it can do something else with the server meanwhile, and compare.
//
// On standard output it writes an object of JSON a line: first where the server is and its API key, when all pages are there, then one for each
// line of its standard input, which has how long to measure, and may have the processes to watch besides: "20s 1234 1235". It ends with its
// standard input.
//
// With -replay it compares by itself, and prints a table: in turns without a viewer of the dashboard, and with one whose calls are made by this
// program instead of a browser (package viewer). What differs is then the server's cost of a viewer.
//
// Latency runs from before the HTTP call, or from when that was due if it begins late, to when the page's bytes were read; the answer is there
// when the kernel has taken the message for each page (the receipt written). This program's reading is in it: compare within a run.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"scenecast/bench/load"
)

func main() {
	var o options
	flag.IntVar(&o.pages, "pages", 19_000, "`pages` that are there at a time")
	flag.IntVar(&o.joins, "joins", 500, "`pages` that join each second, in the place of others that leave")
	flag.IntVar(&o.rate, "rate", 50, "`pushes` each second")
	replay := replayOptions{settle: 3 * time.Second}
	flag.BoolVar(&replay.on, "replay", false, "compare without and with a viewer, and print a table")
	flag.IntVar(&replay.blocks, "blocks", 8, "with -replay: `blocks` of four phases for each screen: without, with, with, without a viewer, or the other way round")
	flag.DurationVar(&replay.phase, "phase", 5*time.Second, "with -replay: how long each phase is measured")
	flag.StringVar(&replay.screens, "screens", "nothing,now,feed,pages,push", "with -replay: what the viewer looks at; nothing is a control")
	flag.BoolVar(&replay.pin, "pin", false, "with -replay: the server has a core, and all else another one")
	binary := flag.String("binary", "", "the `program` to measure (default: the one that this source builds)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := error(nil)
	if replay.on {
		err = runReplay(ctx, o, replay, *binary, os.Stdout)
	} else {
		err = run(ctx, o, *binary, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are what the server has to do.
type options struct{ pages, joins, rate int }

// ready is what is said when all pages are there.
type ready struct {
	URL string `json:"url"`
	Key string `json:"key"`
	PID int    `json:"pid"` // of the server
}

func run(ctx context.Context, o options, binary string, in io.Reader, out io.Writer) error {
	return withCrowd(ctx, o, binary, load.Cores{}, func(ctx context.Context, c *crowd, server *load.Server) error {
		answers := json.NewEncoder(out)
		if err := answers.Encode(ready{server.URL.String(), key, server.PID}); err != nil {
			return err
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			report, err := measure(ctx, c, server, lines.Text())
			if err == nil {
				err = answers.Encode(report)
			}
			if err != nil {
				return err
			}
		}
		return lines.Err()
	})
}

// key is the API key by which everything may be done.
const key = "key-of-the-measurement"

// withCrowd runs a server and its pages for as long as the function takes.
func withCrowd(ctx context.Context, o options, binary string, cores load.Cores, do func(context.Context, *crowd, *load.Server) error) error {
	if o.pages < groupSize || o.joins < 0 || o.rate < 1 {
		return fmt.Errorf("it takes %d pages, one push a second and no negative joins at least", groupSize)
	}
	if binary == "" {
		dir, err := os.MkdirTemp("", "joins")
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
	if err := load.RaiseFileLimit(o.pages); err != nil {
		return err
	}
	// Events are kept for as long as that behind the last viewer: so two seconds after one has gone, nothing is done for any.
	const keep = "SCENECAST_FEED_MAX_AGE=1s"
	server, err := load.StartServer(ctx, cores.OnServersCore(binary), "SCENECAST_DASHBOARD_ENABLED=true", keep,
		"SCENECAST_API_KEYS=[{name: figures, key: "+key+", allow: [read, push, manage, admin]}]")
	if err != nil {
		return err
	}
	defer server.Close()
	c := newCrowd(o, server.URL, server.Token, key)
	ctx, cancel := context.WithCancel(ctx)
	defer c.wait()
	defer cancel()
	if err := c.open(ctx); err != nil {
		return err
	}
	c.start(ctx)
	return do(ctx, c, server)
}

// report is what was measured.
type report struct {
	Seconds    float64      `json:"seconds"`
	Joined     int64        `json:"joined"`
	Lost       int64        `json:"lost"`          // connections that ended otherwise than by the page, or were refused
	Why        string       `json:"why,omitempty"` // the last one was lost, or the last push failed
	Pushes     int64        `json:"pushes"`
	Failed     int64        `json:"failed"` // pushes
	Deliveries int64        `json:"deliveries"`
	TimedOut   int64        `json:"timed_out"` // receipts
	Page       load.Latency `json:"page_us"`   // from the call to the page
	Answer     load.Latency `json:"answer_us"` // from the call to the answer, with receipts
	Server     float64      `json:"server_cores"`
	Watched    []float64    `json:"watched_cores,omitempty"` // of the processes that were named, in their order
	Load       string       `json:"load"`                    // average of the machine, when it ended
}

var errAsk = errors.New(`a line is how long to measure, and processes to watch: "20s 1234"`)

func measure(ctx context.Context, c *crowd, server *load.Server, line string) (r report, err error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return r, errAsk
	}
	length, err := time.ParseDuration(words[0])
	if err != nil || length <= 0 {
		return r, errAsk
	}
	var pids []int
	for _, word := range words[1:] {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return r, errAsk
		}
		pids = append(pids, pid)
	}
	r, _, err = measureFor(ctx, c, server, length, pids)
	return r, err
}

// latenciesOf are those of a phase.
type latenciesOf struct{ page, answer *hdrhistogram.Histogram }

// measureFor measures for so long what the server does, and which CPU processes use besides.
func measureFor(ctx context.Context, c *crowd, server *load.Server, length time.Duration, pids []int) (r report, l latenciesOf, err error) {
	pids = append([]int{server.PID}, pids...)
	defer holdCollector()()
	c.take(&report{}) // and forget what was before
	begun := time.Now()
	before, err := cpuOf(pids)
	if err != nil {
		return r, l, err
	}
	select {
	case <-time.After(length):
	case <-server.Ended():
		return r, l, fmt.Errorf("the server has ended: %s", server.LastWords())
	case <-ctx.Done():
		return r, l, ctx.Err()
	}
	after, err := cpuOf(pids)
	if err != nil {
		return r, l, err
	}
	r.Seconds = time.Since(begun).Seconds()
	l = c.take(&r)
	for i := range after {
		after[i] = (after[i] - before[i]) / r.Seconds
	}
	r.Server, r.Watched = after[0], after[1:]
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		r.Load, _, _ = strings.Cut(string(text), " ")
	}
	return r, l, nil
}

// maxHeap is the heap from which this program's collector runs even while it is held.
const maxHeap = 4 << 30

// holdCollector has this program collect its garbage now, and not again until it is let go: with 19,000 pages that takes it 100 to 200 ms of a
// core every half a minute, so that p99 was twice as high in the phases which that fell into, with a viewer or without.
func holdCollector() (letGo func()) {
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(maxHeap)
	runtime.GC()
	time.Sleep(collected) // until what has come meanwhile is read
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// collected is how long after a collection what it held up is still read.
const collected = 500 * time.Millisecond

// cpuOf is what processes have used so far, in seconds.
func cpuOf(pids []int) (used []float64, err error) {
	for _, pid := range pids {
		process, err := load.Watch(pid)
		if err != nil {
			return nil, err
		}
		cpu, err := process.CPU()
		if err != nil {
			return nil, err
		}
		used = append(used, cpu.Total().Seconds())
	}
	return used, nil
}
