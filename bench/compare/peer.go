package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"scenecast/bench/load"
	"scenecast/freeport"
)

// The names of the peers that others are compared with.
const (
	peerFloor      = "floor"
	peerCoalescing = "floor-coalescing"
	peerScenecast  = "scenecast"
)

// startWithin is how long a server may take until it answers.
const startWithin = 20 * time.Second

// peer is a kind of server.
type peer struct {
	name  string // on the command line
	title string
	note  string // what readers of its figures must know; prepare may set it
	// prepare builds it or finds it, and says its version. An error means that it is not to be had on this machine.
	prepare func(ctx context.Context, p *place) (version string, err error)
	// start runs it. It comes after prepare.
	start func(ctx context.Context, p *place) (*server, error)
}

// server is a peer that runs.
type server struct {
	*load.Child
	url     *url.URL
	options load.Options   // the dialect, or what a Scenecast server wants to be shown
	collect string         // the URL that is posted to for garbage to be collected; empty: there is none
	port    *freeport.Port // of what the server was told to listen on; nil: it has chosen by itself
}

// Close ends the server.
func (s *server) Close() {
	s.Child.Close()
	if s.port != nil {
		s.port.Release()
	}
}

// place is where servers are built and run.
type place struct {
	root  string // of the repository
	built string // where programs are put
	cores load.Cores
	files int // that nginx may open: it wants to be told
}

// source is a file or directory of bench/compare/servers.
func (p *place) source(path string) string {
	return filepath.Join(p.root, "bench", "compare", "servers", filepath.FromSlash(path))
}

func (p *place) program(name string) string { return filepath.Join(p.built, name) }

// run runs a command that builds something, and returns its output.
func (p *place) run(ctx context.Context, dir string, command ...string) (string, error) {
	if _, err := exec.LookPath(command[0]); err != nil {
		return "", fmt.Errorf("%s is not installed", command[0])
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	// The servers in Go are of a module that the workspace does not name, so that its versions are its own.
	cmd.Dir, cmd.Env = dir, append(load.WithoutSettings(os.Environ()), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, bytes.TrimSpace(out))
	}
	return string(bytes.TrimSpace(out)), nil
}

// serve runs a server on a free port, which the command gets, and returns when it answers.
func (p *place) serve(ctx context.Context, o load.Options, collect string, command func(port string) ([]string, error)) (*server, error) {
	port, err := freeport.Reserve()
	if err != nil {
		return nil, err
	}
	line, err := command(port.Number())
	if err != nil {
		port.Release()
		return nil, err
	}
	line = p.cores.OnServersCore(line...)
	child, err := load.StartChild(exec.Command(line[0], line[1:]...), nil)
	if err != nil {
		port.Release()
		return nil, err
	}
	s := &server{Child: child, url: &url.URL{Scheme: "http", Host: port.Addr()}, options: o, port: port}
	if collect != "" {
		s.collect = s.url.JoinPath(collect).String()
	}
	if err := s.await(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// await returns when the server takes connections.
func (s *server) await(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(startWithin)
	for {
		if c, err := net.Dial("tcp", s.url.Host); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-s.Ended():
			return fmt.Errorf("it ended at once: %s", s.LastWords())
		case <-end:
			return fmt.Errorf("it does not answer within %v: %s", startWithin, s.LastWords())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// findRoot is the directory of the repository that the working directory is in.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "bench", "compare", "servers")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("the comparison builds its servers from this repository: run it in there")
		}
		dir = parent
	}
}
