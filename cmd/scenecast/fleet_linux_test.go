package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scenecast/freeport"
)

// fleet is processes of the program that are one cluster, or a single node with a log that lasts.
type fleet struct {
	t     *testing.T
	nodes []*member
}

// member is a node, which dies and comes back at the same addresses and with the same directory.
type member struct {
	t      *testing.T
	name   string
	before []string // of the arguments
	args   []string
	dir    string
	url    string
	http   *http.Client
	cmd    *exec.Cmd
	log    lockedBuffer

	mu      sync.Mutex
	stopped bool // by SIGSTOP, or dead
}

// lockedBuffer is what a process logs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	fleetKey      = "backend-key"
	fleetOperator = "operator-key"
	fleetToken    = "page-token"
)

// newFleet starts one node, or three that are a cluster, and waits until they are ready.
func newFleet(t *testing.T, n int, flags ...string) *fleet {
	t.Helper()
	return newFleetAt(t, freeport.Addrs(t, n), freeport.Addrs(t, n), nil, flags...)
}

// newFleetAt starts nodes at these addresses, for pages and for each other, each by a command of its own before the program's name.
func newFleetAt(t *testing.T, ports, routes []string, before [][]string, flags ...string) *fleet {
	t.Helper()
	f := prepareFleet(t, ports, routes, before, flags...)
	f.start()
	return f
}

// prepareFleet is newFleetAt, with nodes that have not started.
func prepareFleet(t *testing.T, ports, routes []string, before [][]string, flags ...string) *fleet {
	t.Helper()
	f := prepareNodes(t, ports, before)
	for i, m := range f.nodes {
		m.args = append(append(m.args, "--data-dir", filepath.Join(m.dir, "data")), flags...)
		if len(ports) > 1 {
			var peers []string
			for j, addr := range routes {
				if j != i {
					peers = append(peers, addr)
				}
			}
			m.args = append(m.args, "--cluster-node", m.name, "--cluster-listen", routes[i], "--cluster-peers", strings.Join(peers, ","), "--cluster-secret", "between nodes")
		}
	}
	return f
}

// prepareNodes are nodes that have not started, and know nothing of an engine.
func prepareNodes(t *testing.T, ports []string, before [][]string) *fleet {
	t.Helper()
	f := &fleet{t: t}
	for i, port := range ports {
		m := &member{t: t, name: fmt.Sprint("n", i), dir: t.TempDir(), url: "http://" + port, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: publishers}}}
		m.before = append(m.before, binary)
		if before != nil {
			m.before = append(slices.Clone(before[i]), binary)
		}
		m.args = []string{"serve", "--listen", port}
		f.nodes = append(f.nodes, m)
	}
	t.Cleanup(func() {
		for _, m := range f.nodes {
			m.kill()
			m.http.CloseIdleConnections()
			if t.Failed() {
				text := m.log.String()
				t.Logf("node %s:\n%s", m.name, text[max(0, len(text)-6000):])
			}
		}
	})
	return f
}

// start starts all nodes, and waits until they are ready.
func (f *fleet) start() {
	f.t.Helper()
	var starting sync.WaitGroup
	for _, m := range f.nodes {
		m.start()
		starting.Go(func() { m.awaitReady() })
	}
	starting.Wait()
	if f.t.Failed() {
		f.t.FailNow()
	}
}

func (m *member) start() {
	m.t.Helper()
	m.cmd = exec.Command(m.before[0], append(slices.Clone(m.before[1:]), m.args...)...)
	m.cmd.Dir = m.dir
	m.cmd.Env = []string{
		"HOME=" + m.dir, "PATH=" + os.Getenv("PATH"), "SCENECAST_CLIENT_TOKENS=" + fleetToken, "SCENECAST_DRAIN=1s",
		"SCENECAST_API_KEYS=[{name: test, key: " + fleetKey + "}, {name: operator, key: " + fleetOperator + ", allow: [admin]}]",
	}
	m.cmd.Stderr = &m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Error(err)
	}
	m.set(false)
}

func (m *member) set(stopped bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = stopped
}

// isUp reports whether anything can be expected of the node.
func (m *member) isUp() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.stopped
}

// awaitReady waits until the node takes pushes.
func (m *member) awaitReady() {
	m.t.Helper()
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, m.url+"/readyz", nil)
		response, err := m.http.Do(r)
		if err == nil {
			response.Body.Close()
		}
		cancel()
		if err == nil && response.StatusCode == http.StatusOK {
			return
		}
	}
	m.t.Errorf("node %s is not ready within %v", m.name, 2*patience)
}

// kill is kill -9.
func (m *member) kill() {
	m.set(true)
	if m.cmd != nil && m.cmd.Process != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
	}
}

// terminate is what an operator does: SIGTERM, and the node ends by itself.
func (m *member) terminate() {
	m.set(true)
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	killed := time.AfterFunc(2*patience, func() { _ = m.cmd.Process.Kill() })
	if err := m.cmd.Wait(); err != nil {
		m.t.Errorf("node %s: %v", m.name, err)
	}
	killed.Stop()
}

// freeze has the process hang for a while, and everybody who waits for it.
func (m *member) freeze(d time.Duration) {
	m.set(true)
	if m.cmd.Process.Signal(syscall.SIGSTOP) == nil {
		awaitStopped(m.t, m.cmd.Process.Pid)
	}
	time.Sleep(d)
	_ = m.cmd.Process.Signal(syscall.SIGCONT)
	m.set(false)
}
