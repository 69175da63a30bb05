package powerloss

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scenecast"
	"scenecast/client"
	"scenecast/freeport"
)

// patience ends what would hang; nothing is asserted about it.
const patience = time.Minute

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scenecast")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "scenecast")
	build := exec.Command("go", "build", "-o", binary, "scenecast/cmd/scenecast")
	build.Stderr = os.Stderr
	code := 1
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const (
	pageToken = "token-of-all-pages"
	apiKey    = "the-backends-secret-key"
)

// machine is one that loses power: a disk, and a process of the program.
type machine struct {
	t    *testing.T
	disk *disk
	args []string
	url  string
	cmd  *exec.Cmd
	log  bytes.Buffer // of the process that runs, or ran last
}

// machines are one node, or three of a cluster, which have not started.
func machines(t *testing.T, n int, sync string) (all []*machine) {
	t.Helper()
	ports, routes := freeport.Addrs(t, n), freeport.Addrs(t, n)
	for i := range n {
		m := &machine{t: t, disk: newDisk(t), url: "http://" + ports[i]}
		m.args = []string{"serve", "--listen", ports[i], "--data-dir", filepath.Join(m.disk.path, "data")}
		if n > 1 {
			peers := slices.Delete(slices.Clone(routes), i, i+1)
			m.args = append(m.args, "--cluster-node", fmt.Sprint("n", i), "--cluster-listen", routes[i], "--cluster-peers", strings.Join(peers, ","),
				"--cluster-secret", "between-the-nodes")
		}
		m.args = append([]string{"SCENECAST_NATS_SYNC=" + sync, binary}, m.args...)
		all = append(all, m)
		t.Cleanup(func() {
			m.kill()
			if t.Failed() {
				t.Logf("machine %d:\n%s", i, m.log.String())
			}
		})
	}
	return all
}

func (m *machine) start() {
	m.t.Helper()
	m.log.Reset()
	m.cmd = exec.Command("env", m.args...)
	m.cmd.Env = []string{
		"HOME=" + m.t.TempDir(), "PATH=" + os.Getenv("PATH"), "SCENECAST_CLIENT_TOKENS=" + pageToken,
		"SCENECAST_API_KEYS=[{name: test, key: " + apiKey + "}]",
	}
	m.cmd.Stderr = &m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) kill() {
	if m.cmd != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
		m.cmd = nil
	}
}

// startAll starts machines, and waits until they take pushes.
func startAll(t *testing.T, all []*machine) {
	t.Helper()
	for _, m := range all {
		m.start()
	}
	for _, m := range all {
		for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			response, err := http.Get(m.url + "/readyz")
			if err == nil {
				response.Body.Close()
				if response.StatusCode == http.StatusOK {
					break
				}
			}
			if time.Since(begun) > patience {
				t.Fatalf("%s is not ready", m.url)
			}
		}
	}
}

// cutPower has all machines lose power at once.
func cutPower(all []*machine) {
	for _, m := range all {
		_ = m.cmd.Process.Kill()
	}
	for _, m := range all {
		m.kill()
		m.disk.cutPower()
	}
}

// publishers push numbered texts at machines until stop, and note which were acknowledged.
type publishers struct {
	ending atomic.Bool
	all    sync.WaitGroup
	mu     sync.Mutex
	acked  []string
}

func publish(all []*machine, round int) *publishers {
	p := new(publishers)
	for n := range 8 {
		m := all[n%len(all)]
		p.all.Go(func() {
			for i := 0; !p.ending.Load(); i++ {
				text := fmt.Sprintf("%d.%d.%d", round, n, i)
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				_, err := (&client.Backend{URL: m.url, Key: apiKey}).Push(ctx, client.PushRequest{To: client.Audience("*"), Message: json.RawMessage(strconv.Quote(text))})
				cancel()
				if err != nil {
					continue
				}
				p.mu.Lock()
				p.acked = append(p.acked, text)
				p.mu.Unlock()
			}
		})
	}
	return p
}

// count is how many pushes were acknowledged so far.
func (p *publishers) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acked)
}

// stop returns what was acknowledged.
func (p *publishers) stop() []string {
	p.ending.Store(true)
	p.all.Wait()
	return p.acked
}

// read is what a page gets that comes back from a position, up to a text that is pushed now; gaps is how many it is told of. A gap reaches up
// to the moment when it is told, and a page of a lost log waits for that: so the text is pushed behind it again.
func read(t *testing.T, m *machine, since scenecast.Position, last string) (texts []string, gaps int) {
	t.Helper()
	ctx, leave := context.WithTimeout(t.Context(), patience)
	defer leave()
	defer func() {
		if ctx.Err() == context.DeadlineExceeded {
			t.Errorf("the page has not got %q: after %d pushes and %d gaps it waits", last, len(texts), gaps)
		}
	}()
	push := func() {
		_, err := (&client.Backend{URL: m.url, Key: apiKey}).Push(ctx, client.PushRequest{To: client.Audience("*"), Message: json.RawMessage(strconv.Quote(last))})
		if err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
	page, err := client.NewPage(client.PageOptions{
		URL: m.url, Token: pageToken, Since: since,
		OnGap: func(client.Gap) {
			gaps++
			go push()
		},
		OnWelcome: func(client.Welcome) { go push() },
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Run(ctx, func(p client.Push) error {
		text, err := strconv.Unquote(string(p.Data))
		if err != nil {
			t.Errorf("a page got %q", p.Data)
		}
		if text == last {
			leave()
		} else {
			texts = append(texts, text)
		}
		return nil
	})
	return texts, gaps
}

// position is where the log stands.
func position(t *testing.T, m *machine) (at scenecast.Position) {
	t.Helper()
	ctx, leave := context.WithTimeout(t.Context(), patience)
	defer leave()
	page, err := client.NewPage(client.PageOptions{URL: m.url, Token: pageToken, OnWelcome: func(w client.Welcome) { at = w.Position; leave() }})
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Run(ctx, func(client.Push) error { return nil })
	return at
}

// TestPowerLoss: all machines lose power at once while pushes are under way, three times. With nats.sync always, everything that was
// acknowledged is there, once, and no page is told of a gap.
func TestPowerLoss(t *testing.T) {
	for name, nodes := range map[string]int{"OneNode": 1, "ThreeNodes": 3} {
		t.Run(name, func(t *testing.T) {
			all := machines(t, nodes, "always")
			startAll(t, all)
			since := position(t, all[0])
			var acked []string
			for round := range 3 {
				p := publish(all, round)
				time.Sleep(time.Second)
				cutPower(all)
				acked = append(acked, p.stop()...)
				startAll(t, all)
			}
			for i, m := range all {
				texts, gaps := read(t, m, since, fmt.Sprint("last ", i))
				if gaps > 0 {
					t.Errorf("a page on machine %d is told of %d gaps", i, gaps)
				}
				times := make(map[string]int)
				for _, text := range texts {
					times[text]++
				}
				lost := 0
				for _, text := range acked {
					if times[text] == 0 {
						lost++
					}
				}
				for text, n := range times {
					if n > 1 {
						t.Errorf("%s is there %d times", text, n)
					}
				}
				if lost > 0 {
					t.Errorf("machine %d has lost %d of %d pushes that were acknowledged", i, lost, len(acked))
				}
				t.Logf("machine %d: %d acknowledged, %d there; %d syncs, %d bytes were forgotten", i, len(acked), len(texts), m.disk.syncs, m.disk.dropped)
			}
		})
	}
}

// TestPowerLossWithoutSync: with nats.sync never the last pushes are gone, which shows that this disk forgets. The nodes start, and pages
// are told of a gap where they were behind what is there.
func TestPowerLossWithoutSync(t *testing.T) {
	for name, nodes := range map[string]int{"OneNode": 1, "ThreeNodes": 3} {
		t.Run(name, func(t *testing.T) {
			all := machines(t, nodes, "never")
			startAll(t, all)
			p := publish(all, 0)
			time.Sleep(time.Second)
			since := position(t, all[0])
			before := p.count()
			time.Sleep(time.Second)
			cutPower(all)
			acked := p.stop()[before:] // behind the page's position
			startAll(t, all)
			texts, gaps := read(t, all[0], since, "last")
			t.Logf("%d acknowledged, %d there behind the page, %d gaps; %d bytes were forgotten", len(acked), len(texts), gaps, all[0].disk.dropped)
			lost := 0
			for _, text := range acked {
				if !slices.Contains(texts, text) {
					lost++
				}
			}
			if lost == 0 {
				t.Error("nothing was lost: this disk forgets nothing")
			}
			if gaps == 0 {
				t.Error("pushes behind the page were lost, and it is told of no gap")
			}
		})
	}
}
