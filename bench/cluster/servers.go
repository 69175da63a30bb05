package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"scenecast/freeport"
)

// dataDir stands for a directory of the server's own.
const dataDir = "DIR"

const (
	token = "a token for the pages of this run"
	key   = "a key for the publishers of this run"
)

// servers are those of a round.
type servers struct {
	dir   string
	ports []*freeport.Port // of all of them, also when they are started again
	urls  []string
	cmds  []*exec.Cmd
	// redis are those that were started for them.
	redis []*redis
	ctx   context.Context //nolint:containedctx // of the commands
	// debug has the addresses at which the servers tell their profiles.
	debug []string
}

// start starts the servers of a setup and waits until they are ready.
func start(ctx context.Context, binary string, s setup) (_ *servers, err error) {
	dir, err := os.MkdirTemp("", "scenecast-bench-")
	if err != nil {
		return nil, err
	}
	r := &servers{dir: dir}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	ports, err := reservePorts(3*s.nodes + 1)
	if err != nil {
		return nil, err
	}
	r.ports = ports
	if s.redis {
		own, err := startData(ctx, dir, ports[3*s.nodes].Addr())
		if own != nil {
			r.redis = append(r.redis, own)
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range s.nodes {
		addr := ports[i].Addr()
		args := []string{"serve", "--listen", addr, "--client-token", token, "--api-key", key, "--log-level", "warn"}
		for _, a := range s.args {
			if a == dataDir {
				a = filepath.Join(dir, strconv.Itoa(i))
			}
			args = append(args, a)
		}
		switch {
		case slices.Contains(s.args, "redis"):
			args = append(args, "--cluster-node", fmt.Sprint("n", i))
			if s.redis {
				args = append(args, "--redis-url", "redis://"+r.redis[0].addr)
			}
		case s.nodes > 1:
			var peers []string
			for j := range s.nodes {
				if j != i {
					peers = append(peers, ports[s.nodes+j].Addr())
				}
			}
			args = append(args, "--data-dir", filepath.Join(dir, strconv.Itoa(i)), "--cluster-node", fmt.Sprint("n", i),
				"--cluster-listen", ports[s.nodes+i].Addr(), "--cluster-peers", strings.Join(peers, ","), "--cluster-secret", key)
		}
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Stderr = os.Stderr
		// The page that reads shares the machine with all servers: what it cannot read for a moment is no gap here.
		cmd.Env = append(os.Environ(), "SCENECAST_OUTBOX_MAX_BYTES=64MiB", "SCENECAST_OUTBOX_MAX_TOTAL=1GiB", "SCENECAST_OUTBOX_MAX_FRAMES=1000000")
		cmd.Env = append(cmd.Env, s.env...)
		if profiles != "" {
			r.debug = append(r.debug, ports[2*s.nodes+i].Addr())
			cmd.Env = append(cmd.Env, "SCENECAST_DEBUG_LISTEN="+r.debug[i])
		}
		if strings.Contains(s.name, "fsync") {
			cmd.Env = append(cmd.Env, "SCENECAST_NATS_SYNC=always")
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		r.ctx = ctx
		r.cmds = append(r.cmds, cmd)
		r.urls = append(r.urls, "http://"+addr)
	}
	for _, url := range r.urls {
		if err := awaitReady(ctx, url); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// kill kills a server.
func (r *servers) kill(i int) {
	_ = r.cmds[i].Process.Kill()
	_ = r.cmds[i].Wait()
}

// restart starts a server again that was killed, as it was, and waits until it is ready.
func (r *servers) restart(i int) error {
	old := r.cmds[i]
	cmd := exec.CommandContext(r.ctx, old.Path, old.Args[1:]...)
	cmd.Env, cmd.Stderr = old.Env, old.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	r.cmds[i] = cmd
	return awaitReady(r.ctx, r.urls[i])
}

// reservePorts reserves so many ports. releasePorts releases them.
func reservePorts(n int) (ports []*freeport.Port, err error) {
	for range n {
		p, err := freeport.Reserve()
		if err != nil {
			releasePorts(ports)
			return nil, err
		}
		ports = append(ports, p)
	}
	return ports, nil
}

func releasePorts(ports []*freeport.Port) {
	for _, p := range ports {
		p.Release()
	}
}

func awaitReady(ctx context.Context, url string) error {
	for range 3000 {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New(url + " is not ready after 30 s")
}

// profile has each server write down where its time goes for so long, into the directory of profiles.
func (r *servers) profile(name string, duration time.Duration) {
	name = strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(name)
	for i, addr := range r.debug {
		go func() {
			answer, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", addr, duration.Seconds()))
			if err != nil {
				fmt.Fprintln(os.Stderr, "cluster: no profile:", err)
				return
			}
			defer answer.Body.Close()
			file, err := os.Create(filepath.Join(profiles, fmt.Sprintf("%s-%d.pprof", name, i)))
			if err == nil {
				_, err = io.Copy(file, answer.Body)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "cluster: no profile:", err)
			}
		}()
	}
}

func (r *servers) stop() {
	for _, cmd := range r.cmds {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for _, s := range r.redis {
		s.kill()
	}
	releasePorts(r.ports)
	_ = os.RemoveAll(r.dir)
}

// ticksPerSecond is USER_HZ, which is 100 on every Linux that Go runs on (proc(5)).
const ticksPerSecond = 100

// cpu is the time that all servers have used.
func (r *servers) cpu() (used time.Duration) {
	for _, cmd := range r.cmds {
		used += cpuOf(cmd)
	}
	return used
}

// redisCPU is that of what was started for them.
func (r *servers) redisCPU() (used time.Duration) {
	for _, s := range r.redis {
		used += cpuOf(s.cmd)
	}
	return used
}

func cpuOf(cmd *exec.Cmd) time.Duration {
	return time.Duration(stat(cmd, 11)+stat(cmd, 12)) * time.Second / ticksPerSecond
}

// memory is the resident memory of all servers, in MiB.
func (r *servers) memory() (mib float64) {
	for _, cmd := range r.cmds {
		mib += float64(stat(cmd, 21)*os.Getpagesize()) / (1 << 20)
	}
	return mib
}

// stat is a field of /proc/PID/stat behind the name, the first being 0.
func stat(cmd *exec.Cmd, field int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	n, _ := strconv.Atoi(strings.Fields(rest)[field])
	return n
}
