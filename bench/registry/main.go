// Command registry measures what the registry of connections (redis.registry) costs a server whose pages come and go: the CPU time of
// the server's process at a rate of joins, with the registry and without, in turns. It needs redis-server, and Linux.
//
//	go run ./bench/registry
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"scenecast/freeport"
)

// token lets the pages in.
const token = "a-token-for-the-pages-of-this-run"

// options are what the command line says.
type options struct {
	binary string
	joins  int           // per second
	stay   time.Duration // of each page
	time   time.Duration // that is measured, of each turn
	rounds int           // of two turns
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.binary, "binary", "", "the `program` to measure (default: the one that this source builds)")
	flag.IntVar(&o.joins, "joins", 1000, "joins per second")
	flag.DurationVar(&o.stay, "stay", 2*time.Second, "how long each page stays")
	flag.DurationVar(&o.time, "time", 10*time.Second, "how long each turn is measured")
	flag.IntVar(&o.rounds, "rounds", 5, "how many turns with, and without")
	flag.Parse()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "scenecast-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.binary == "" {
		o.binary = filepath.Join(dir, "scenecast")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.binary, "scenecast/cmd/scenecast")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return err
		}
	}
	port, err := freeport.Reserve()
	if err != nil {
		return err
	}
	defer port.Release()
	redis, err := startProcess(ctx, port.Addr(), nil, "redis-server", "--bind", "127.0.0.1", "--port", port.Number(), "--save", "", "--appendonly", "no", "--dir", dir)
	if err != nil {
		return err
	}
	defer redis.stop()
	var off, on, ofRedis, ratios []float64
	for range o.rounds {
		without, _, err := turn(ctx, o, redis, "SCENECAST_REDIS_REGISTRY=false")
		if err != nil {
			return err
		}
		with, redisUsed, err := turn(ctx, o, redis, "SCENECAST_REDIS_REGISTRY=true", "SCENECAST_REDIS_URL=redis://"+port.Addr())
		if err != nil {
			return err
		}
		off, on, ofRedis, ratios = append(off, without), append(on, with), append(ofRedis, redisUsed), append(ratios, with/without)
		fmt.Fprintf(out, "without %.1f, with %.1f µs of CPU a page; %.3f ×\n", without, with, with/without)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(out, "median of %d: without %.1f, with %.1f µs of the server's CPU a page, %.3f × (%.3f to %.3f); Redis %.1f µs a page; load %s",
		o.rounds, median(off), median(on), median(ratios), slices.Min(ratios), slices.Max(ratios), median(ofRedis), load)
	return nil
}

// turn is the CPU time of a server with these settings, and of Redis, in µs a page that has joined and left.
func turn(ctx context.Context, o options, redis *process, settings ...string) (server, ofRedis float64, err error) {
	port, err := freeport.Reserve()
	if err != nil {
		return 0, 0, err
	}
	defer port.Release()
	addr := port.Addr()
	s, err := startProcess(ctx, addr, settings, o.binary, "serve", "--listen", addr, "--client-token", token, "--log-level", "warn")
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	pages := make(chan net.Conn, o.joins*int(o.stay/time.Second+2))
	defer func() {
		for len(pages) > 0 {
			(<-pages).Close()
		}
	}()
	join := func(d time.Duration) (joined int, err error) {
		begun := time.Now()
		for ; time.Since(begun) < d; joined++ {
			time.Sleep(time.Until(begun.Add(time.Duration(joined) * time.Second / time.Duration(o.joins))))
			c, err := openPage(addr, joined)
			if err != nil {
				return joined, err
			}
			if pages <- c; len(pages) > o.joins*int(o.stay/time.Second) {
				(<-pages).Close()
			}
		}
		return joined, ctx.Err()
	}
	if _, err := join(o.stay + time.Second); err != nil { // until as many leave as come
		return 0, 0, err
	}
	used, usedByRedis := s.cpu(), redis.cpu()
	joined, err := join(o.time)
	each := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / float64(joined) }
	return each(s.cpu() - used), each(redis.cpu() - usedByRedis), err
}

// openPage connects a page as the tutorial's script does, and reads its welcome's beginning.
func openPage(addr string, n int) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(c, "GET /?page=home&order=%d&token="+token+" HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", n, addr)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReaderSize(c, 1024), nil)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, errors.New(answer.Status)
	}
	return c, nil
}

// process is a server under measurement.
type process struct{ cmd *exec.Cmd }

// startProcess starts a process and waits until it takes connections.
func startProcess(ctx context.Context, addr string, environ []string, name string, args ...string) (*process, error) {
	p := &process{exec.CommandContext(ctx, name, args...)}
	p.cmd.Env = append(os.Environ(), environ...)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
			return p, nil
		}
		if time.Now().After(deadline) {
			p.stop()
			return nil, fmt.Errorf("%s does not open %s: %w", name, addr, err)
		}
	}
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// cpu is the time that the threads of the process have used, in ns as the scheduler counts it (proc(5), /proc/pid/schedstat).
func (p *process) cpu() (used time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		first, _, _ := strings.Cut(string(text), " ")
		ns, _ := strconv.ParseInt(first, 10, 64)
		used += time.Duration(ns)
	}
	return used
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
