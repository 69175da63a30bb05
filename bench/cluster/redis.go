package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"scenecast/freeport"
)

// redis is a redis-server that keeps nothing over restarts, or a Sentinel.
type redis struct {
	addr string
	cmd  *exec.Cmd
}

// startRedis starts redis-server, of Debian's package of that name or whatever the path has, and waits until it answers.
func startRedis(ctx context.Context, addr string, args ...string) (*redis, error) {
	_, port, _ := net.SplitHostPort(addr)
	args = append(args, "--bind", "127.0.0.1", "--port", port)
	r := &redis{addr: addr, cmd: exec.CommandContext(ctx, "redis-server", args...)}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	return r, r.await("PING", "+PONG")
}

// startData starts one that keeps data, in memory.
func startData(ctx context.Context, dir, addr string, args ...string) (*redis, error) {
	return startRedis(ctx, addr, append([]string{"--dir", dir, "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}, args...)...)
}

// await waits until the answer to a command has these words.
func (r *redis) await(command, words string) error {
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(r.ask(command), words) {
			return nil
		}
	}
	return fmt.Errorf("redis-server at %s does not answer %s with %q in 30 s", r.addr, command, words)
}

// ask is the beginning of an answer, as it comes; empty: there was none.
func (r *redis) ask(command string) string {
	c, err := net.DialTimeout("tcp", r.addr, time.Second)
	if err != nil {
		return ""
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		return ""
	}
	answer := make([]byte, 4096)
	n, _ := c.Read(answer)
	return string(answer[:n])
}

func (r *redis) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// watchedMaster is the name by which the Sentinels know the master.
const watchedMaster = "bench"

// startWatched starts a master, a replica and three Sentinels, on five ports. The Sentinels take the master for dead after a second. The
// first two are the ones that keep data.
func startWatched(ctx context.Context, dir string, ports []*freeport.Port) (all []*redis, err error) {
	add := func(r *redis, failed error) {
		if r != nil {
			all = append(all, r)
		}
		if err == nil {
			err = failed
		}
	}
	at := func(i int) string { return ports[i].Addr() }
	add(startData(ctx, dir, at(0)))
	add(startData(ctx, dir, at(1), "--replicaof", "127.0.0.1 "+ports[0].Number()))
	for i := 2; i < 5; i++ {
		file := filepath.Join(dir, fmt.Sprint("sentinel", i, ".conf"))
		text := fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]s 2\nsentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 3000\nsentinel myid %040[3]d\n",
			watchedMaster, ports[0].Number(), i)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return all, err
		}
		add(startRedis(ctx, at(i), file, "--sentinel", "--dir", dir))
	}
	if err != nil {
		return all, err
	}
	for _, sentinel := range all[2:] {
		if err := sentinel.await("SENTINEL MASTER "+watchedMaster, "num-other-sentinels\r\n$1\r\n2"); err != nil {
			return all, err
		}
		if err := sentinel.await("SENTINEL MASTER "+watchedMaster, "num-slaves\r\n$1\r\n1"); err != nil {
			return all, err
		}
	}
	return all, all[0].await("INFO replication", "state=online")
}
