package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"scenecast/client"
	"scenecast/freeport"
)

// smallDisk mounts a file system of 320 MiB.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=320m"); err != nil {
		t.Skipf("no small file system can be mounted here, so no disk was filled: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill writes a file beside the node's, so that only so many MiB are free.
func fill(t *testing.T, dir string, leave int) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for mib := make([]byte, 1<<20); free(t, dir) > leave; {
		if _, err := f.Write(mib); err != nil && leave > 0 {
			t.Fatal(err)
		}
	}
}

// makeRoom removes what fill has written.
func makeRoom(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
}

// free is how many MiB a directory's disk has free.
func free(t *testing.T, dir string) int {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int(s.Bavail * uint64(s.Bsize) >> 20)
}

// pushLarge pushes 100 kB to everybody, once.
func (m *member) pushLarge() error {
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	_, err := (&client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}).Push(ctx, client.PushRequest{
		To: client.Audience("*"), Message: json.RawMessage(strconv.Quote(strings.Repeat("x", 100_000))),
	})
	return err
}

// isNoRoom reports whether a push was refused because the disk of the log is full.
func isNoRoom(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status == http.StatusInsufficientStorage && refused.Setting == "data_dir"
}

// readiness is what the node answers to GET /readyz.
func (m *member) readiness() (status int, detail string) {
	m.t.Helper()
	response, err := m.http.Get(m.url + "/readyz")
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Detail string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		m.t.Fatal(err)
	}
	return response.StatusCode, answer.Detail
}

// awaitPushed pushes until a push is taken.
func (m *member) awaitPushed() {
	m.t.Helper()
	begun, err := time.Now(), errors.New("not tried")
	for ; err != nil && time.Since(begun) < 2*patience; time.Sleep(50 * time.Millisecond) {
		err = m.pushLarge()
	}
	if err != nil {
		m.t.Fatalf("node %s does not take pushes again: %v", m.name, err)
	}
	m.t.Logf("node %s takes pushes again after %v", m.name, time.Since(begun).Round(time.Millisecond))
}

const noRoom = "the disk of the log is full"

// TestDiskFull: a node whose disk is full refuses pushes within moments, is not ready, and says why; and when there is room again it goes
// on by itself.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	smallDisk(t, dir)
	fill(t, dir, 80)
	f := newFleet(t, 1, "--data-dir", filepath.Join(dir, "data"))
	m := f.nodes[0]
	taken := 0
	var err error
	for ; err == nil && taken < 500; taken++ {
		err = m.pushLarge()
	}
	if !isNoRoom(err) {
		t.Fatalf("after %d pushes: %v", taken, err)
	}
	t.Logf("the disk is full after %d pushes: %v", taken, err)
	if status, detail := m.readiness(); status != http.StatusServiceUnavailable || !strings.Contains(detail, noRoom) {
		t.Errorf("readiness: %d %q", status, detail)
	}
	makeRoom(t, dir)
	m.awaitPushed()
	m.awaitReady()
}

// TestDiskFullToTheLastByte: somebody else fills the disk at once. NATS gives up its files then, and keeps them again when there is room;
// what was taken is there still.
func TestDiskFullToTheLastByte(t *testing.T) {
	dir := t.TempDir()
	smallDisk(t, dir)
	f := newFleet(t, 1, "--data-dir", filepath.Join(dir, "data"))
	m := f.nodes[0]
	page := m.stay()
	taken := int64(0)
	fill(t, dir, 0)
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := m.pushLarge()
		if err == nil {
			taken++
		}
		if isNoRoom(err) {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("the disk is full, and the last answer is %v", err)
		}
	}
	makeRoom(t, dir)
	m.awaitPushed()
	m.awaitReady()
	page.await(taken + 1)
	m.kill()
	m.start()
	m.awaitReady()
	m.awaitPushed()
	page.await(taken + 2)
}

// stayer is a page on one node, which counts what it shows.
type stayer struct {
	m     *member
	shown atomic.Int64
	gaps  atomic.Int64
}

// stay connects a page, until the test ends.
func (m *member) stay() *stayer {
	m.t.Helper()
	s := &stayer{m: m}
	welcomed := make(chan struct{}, 1)
	page, err := client.NewPage(client.PageOptions{
		URL: m.url, Token: fleetToken, PageID: "stays",
		OnWelcome: func(client.Welcome) {
			select {
			case welcomed <- struct{}{}:
			default:
			}
		},
		OnGap: func(client.Gap) { s.gaps.Add(1) },
	})
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan struct{})
	go func() {
		defer close(left)
		_ = page.Run(ctx, func(client.Push) error { s.shown.Add(1); return nil })
	}()
	m.t.Cleanup(func() { leave(); <-left })
	select {
	case <-welcomed:
	case <-time.After(patience):
		m.t.Fatalf("no page gets on node %s", m.name)
	}
	return s
}

// await waits until the page has shown so many pushes, or more: a push whose publisher was told that its end is not known may be there.
func (s *stayer) await(n int64) {
	s.m.t.Helper()
	for begun := time.Now(); s.shown.Load() < n; time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 2*patience {
			s.m.t.Fatalf("the page on %s has shown %d pushes of %d", s.m.name, s.shown.Load(), n)
		}
	}
	if gaps := s.gaps.Load(); gaps > 0 {
		s.m.t.Errorf("the page on %s was told of %d gaps", s.m.name, gaps)
	}
}

// nodeProblem is what a node knows of why another one is not ready, and how many replicas of the log are in sync.
func (m *member) nodeProblem(of string) (problem string, inSync int) {
	m.t.Helper()
	var list struct {
		Log struct {
			InSync int `json:"in_sync"`
		}
		Nodes []struct{ Name, Problem string }
	}
	b := client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}
	if err := b.Call(m.t.Context(), http.MethodGet, "/v1/nodes", nil, &list); err != nil {
		m.t.Fatal(err)
	}
	for _, n := range list.Nodes {
		if n.Name == of {
			problem = n.Problem
		}
	}
	return problem, list.Log.InSync
}

// TestDiskOfOneNodeFull: one node of three has no room. It refuses pushes, is not ready, and all nodes know why; the others take pushes,
// and it does not fill its disk with them; its pages get all of them. When there is room again, it has its copy of the log again.
func TestDiskOfOneNodeFull(t *testing.T) {
	small := []string{"env", "SCENECAST_HISTORY_MAX_BYTES=16MiB"} // so the log takes 64 MiB
	f := prepareFleet(t, freeport.Addrs(t, 3), freeport.Addrs(t, 3), [][]string{small, small, small})
	full, other := f.nodes[0], f.nodes[1]
	smallDisk(t, full.dir)
	f.start()
	page := full.stay()
	taken := int64(0)
	pushMany := func(n int) {
		t.Helper()
		for range n {
			if err := other.pushLarge(); err != nil {
				t.Fatalf("after %d pushes, a node that has room: %v", taken, err)
			}
			if taken++; taken%4 == 0 {
				page.await(taken) // its outbox has room for ten
			}
		}
	}
	pushMany(20)
	fill(t, full.dir, 60)
	for begun := time.Now(); full.pushLarge() == nil; time.Sleep(50 * time.Millisecond) {
		if taken++; time.Since(begun) > patience {
			t.Fatalf("a push is taken with %d MiB free", free(t, full.dir))
		}
	}
	if err := full.pushLarge(); !isNoRoom(err) {
		t.Errorf("a push at the node that has no room: %v", err)
	}
	if status, detail := full.readiness(); status != http.StatusServiceUnavailable || !strings.Contains(detail, noRoom) {
		t.Errorf("readiness: %d %q", status, detail)
	}
	begun := time.Now()
	for problem := ""; !strings.Contains(problem, noRoom); time.Sleep(50 * time.Millisecond) {
		if problem, _ = other.nodeProblem(full.name); time.Since(begun) > patience {
			t.Fatalf("another node knows of %q", problem)
		}
	}
	fill(t, full.dir, 33)
	for begun := time.Now(); !strings.Contains(full.log.String(), "keeps no copy of the log"); {
		if pushMany(20); time.Since(begun) > patience {
			t.Fatalf("%d pushes were taken, and it keeps its copy with %d MiB free", taken, free(t, full.dir))
		}
		time.Sleep(20 * time.Millisecond)
	}
	pushMany(80)
	t.Logf("%d pushes were taken; it has %d MiB free", taken, free(t, full.dir))
	page.await(taken)
	makeRoom(t, full.dir)
	full.awaitPushed()
	full.awaitReady()
	page.await(taken + 1)
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		problem, inSync := other.nodeProblem(full.name)
		if problem == "" && inSync == 3 {
			break
		}
		if time.Since(begun) > 2*patience {
			t.Fatalf("there is room again, the node has %q, and %d replicas are in sync", problem, inSync)
		}
	}
	// Its copy counts again: without another node there is a majority.
	f.nodes[2].kill()
	other.awaitPushed()
	full.awaitPushed()
}
