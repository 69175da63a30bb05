package main_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scenecast/client"
	"scenecast/freeport"
)

var (
	handoverRounds = flag.Int("handover-rounds", 4, "how many handovers in a row TestHandovers does")
	handoverOther  = flag.String("handover-other", "", "a program of another version, with which TestHandovers takes turns")
)

// faultyBinary is the program with points at which it dies or hangs within a handover.
var faultyBinary = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(binary), "scenecast-with-faults")
	out, err := exec.Command("go", "build", "-tags", "handoverfaults", "-o", file, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return file, err
})

// relay is processes of the program that take over from each other.
type relay struct {
	t    *testing.T
	dir  string
	url  string
	args []string
	env  []string
	log  *logFile
}

// logFile is what the processes log: those that others have started, too.
type logFile struct{ *os.File }

func (l *logFile) String() string {
	text, _ := os.ReadFile(l.Name())
	return string(text)
}

func newRelay(t *testing.T, flags ...string) *relay {
	t.Helper()
	port := freeport.Addrs(t, 1)[0]
	r := &relay{t: t, dir: t.TempDir(), url: "http://" + port}
	file, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	r.log = &logFile{file}
	r.args = append([]string{"serve", "--listen", port, "--handover", filepath.Join(r.dir, "h.sock")}, flags...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.log.String())
		}
		_ = file.Close()
	})
	return r
}

// process is one of them.
type process struct {
	*exec.Cmd
	ended chan error
}

// start starts a process, of this program or another one, with a fault or none.
func (r *relay) start(program, fault string) *process {
	r.t.Helper()
	p := &process{Cmd: exec.Command(program, r.args...), ended: make(chan error, 1)}
	p.Dir = r.dir
	p.Env = []string{
		"HOME=" + r.dir, "PATH=" + os.Getenv("PATH"), "SCENECAST_CLIENT_TOKENS=" + fleetToken, "SCENECAST_DRAIN=20s",
		"SCENECAST_API_KEYS=[{name: test, key: " + fleetKey + "}]", "HANDOVER_FAULT=" + fault,
	}
	p.Env = append(p.Env, r.env...)
	p.Stderr = r.log.File
	if err := p.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	r.t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

func (r *relay) await(what string, is func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(2 * patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("not in time: %s\n%s", what, r.log.String())
		}
	}
}

// awaitLog waits until something has been logged so often.
func (r *relay) awaitLog(text string, times int) {
	r.t.Helper()
	r.await(text, func() bool { return strings.Count(r.log.String(), text) >= times })
}

func (p *process) await(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-time.After(2 * patience):
		t.Fatal("a process does not end")
		return nil
	}
}

// steadyPage is a page that must notice nothing.
type steadyPage struct {
	mu     sync.Mutex
	events []string // welcomes, gaps and losses
	got    []int
	reads  time.Duration // that it takes for each push
	scene  string
}

func (p *steadyPage) note(event string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, event)
}

func (p *steadyPage) live(ctx context.Context, url string) error {
	page, err := client.NewPage(client.PageOptions{
		URL: url, Token: fleetToken, Labels: map[string][]string{"page": {p.scene}}, Acknowledge: true,
		OnWelcome: func(client.Welcome) { p.note("welcome") },
		OnGap:     func(client.Gap) { p.note("gap") },
		OnLost:    func(err error, _ time.Duration) { p.note("lost: " + err.Error()) },
	})
	if err != nil {
		return err
	}
	return page.Run(ctx, func(push client.Push) error {
		var n int
		if err := json.Unmarshal(push.Data, &n); err != nil {
			return err
		}
		p.mu.Lock()
		p.got = append(p.got, n)
		p.mu.Unlock()
		time.Sleep(p.reads)
		return nil
	})
}

func (p *steadyPage) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// problem is what the page has noticed, or missed; empty: nothing.
func (p *steadyPage) problem(pushes int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.events) != 1 {
		return strings.Join(p.events, ", ")
	}
	for i, n := range p.got {
		if n != i+1 {
			return fmt.Sprintf("push %d came as number %d", n, i+1)
		}
	}
	if len(p.got) != pushes {
		return fmt.Sprintf("%d pushes of %d", len(p.got), pushes)
	}
	return ""
}

// crowdOf opens pages, of which every fifth reads slowly.
func (r *relay) crowdOf(n int) (pages []*steadyPage, end func()) {
	r.t.Helper()
	return r.crowdIn("home", n)
}

// crowdIn opens pages of a scene.
func (r *relay) crowdIn(scene string, n int) (pages []*steadyPage, end func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var living sync.WaitGroup
	for i := range n {
		p := &steadyPage{scene: scene}
		if i%5 == 0 {
			p.reads = time.Millisecond
		}
		pages = append(pages, p)
		living.Go(func() { _ = p.live(ctx, r.url) })
	}
	for _, p := range pages {
		r.await("a page connects", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.events) > 0 })
	}
	return pages, func() { cancel(); living.Wait() }
}

// numbers pushes numbers until it is told to stop, every tenth with a receipt, and says how many.
func (r *relay) numbers(pages int) (stop func() int) { return r.numbersTo("home", pages) }

// numbersTo pushes them to the pages of a scene.
func (r *relay) numbersTo(scene string, pages int) (stop func() int) {
	ending, ended := make(chan struct{}), make(chan struct{})
	sent := 0
	backend := &client.Backend{URL: r.url, Key: fleetKey}
	go func() {
		defer close(ended)
		for {
			select {
			case <-ending:
				return
			default:
			}
			sent++
			request := client.PushRequest{To: fmt.Appendf(nil, `{"page":%q}`, scene), Message: fmt.Appendf(nil, "%d", sent)}
			if sent%10 == 0 {
				request.Receipt, request.Timeout = "acked", 20*time.Second
			}
			result, err := backend.Push(context.Background(), request)
			if err != nil || result.Matched != pages || sent%10 == 0 && result.Acked != pages {
				r.t.Errorf("push %d: %+v, %v", sent, result, err)
				return
			}
		}
	}()
	return func() int { close(ending); <-ended; return sent }
}

func (r *relay) check(pages []*steadyPage, pushes int) {
	r.t.Helper()
	for i, p := range pages {
		r.await(fmt.Sprintf("page %d gets %d pushes", i, pushes), func() bool { return p.count() >= pushes || p.problem(p.count()) != "" })
		if problem := p.problem(pushes); problem != "" {
			r.t.Errorf("page %d: %s", i, problem)
		}
	}
}

// TestHandovers has processes take over from each other in a row, under load: by the command, by SIGUSR2, and by another serve. No page notices,
// and no call of a backend fails. A process that gives everything away ends by itself.
func TestHandovers(t *testing.T) {
	r := newRelay(t)
	const got, attempted = "this process has the port and the pages", "handover: failed"
	current := r.start(binary, "")
	r.awaitLog("msg=listening", 1)
	pages, end := r.crowdOf(30)
	defer end()
	stop := r.numbers(len(pages))
	done, failed := 0, 0
	for round := 0; done < *handoverRounds; round++ {
		program := binary
		if *handoverOther != "" && round%2 == 0 {
			program = *handoverOther
		}
		// A machine that has much else to do may be too slow for the time that pages may stand still: then all goes on, and it is tried again.
		if failed > 10 {
			t.Fatalf("%d attempts have failed", failed)
		}
		next := r.start(program, "")
		r.await("the handover ends", func() bool {
			log := r.log.String()
			return strings.Count(log, got) > done || strings.Count(log, attempted) > failed
		})
		if strings.Count(r.log.String(), attempted) > failed {
			failed++
			_ = next.await(t)
			continue
		}
		done++
		if err := current.await(t); err != nil {
			t.Errorf("the process before ends by %v", err)
		}
		current = next
		r.awaitLog("another process can take over", done+1)
		before := pages[1].count()
		r.await("pushes come", func() bool { return pages[1].count() > before+100 || t.Failed() })
	}
	sent := stop()
	r.check(pages, sent)
	t.Logf("%d handovers, %d more that were too slow, %d pushes", done, failed, sent)
	for _, line := range strings.Split(r.log.String(), "\n") {
		if strings.Contains(line, got) {
			t.Log(line[strings.Index(line, "pages="):])
		}
	}
	if err := current.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = current.await(t)
}

// TestHandoverCommand: scenecast handover and SIGUSR2 have the running process start the program anew.
func TestHandoverCommand(t *testing.T) {
	r := newRelay(t)
	first := r.start(binary, "")
	r.awaitLog("msg=listening", 1)
	pages, end := r.crowdOf(3)
	defer end()
	command := exec.Command(binary, "handover", "--handover", filepath.Join(r.dir, "h.sock"))
	command.Dir, command.Env = r.dir, []string{"HOME=" + r.dir}
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "A new process has taken over.") {
		t.Fatalf("%v: %s", err, out)
	}
	if err := first.await(t); err != nil {
		t.Errorf("the first process ends by %v", err)
	}
	r.awaitLog("another process can take over", 2)
	pid := r.started()
	if err := syscall.Kill(pid, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	r.awaitLog("another process can take over", 3)
	backend := &client.Backend{URL: r.url, Key: fleetKey}
	if result, err := backend.Push(t.Context(), client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`1`)}); err != nil || result.Matched != 3 {
		t.Errorf("%+v, %v", result, err)
	}
	r.check(pages, 1)
	pid = r.started()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	r.awaitLog("msg=stopped", 3)
	if strings.Contains(r.log.String(), "panic") {
		t.Error(r.log.String())
	}
	nobody := exec.Command(binary, "handover", "--handover", filepath.Join(r.dir, "nobody.sock"))
	nobody.Env = command.Env
	if out, err := nobody.CombinedOutput(); err == nil || !strings.Contains(string(out), "no server listens there") {
		t.Errorf("%v: %s", err, out)
	}
}

// started is the process that was started last by another one.
func (r *relay) started() (pid int) {
	for _, line := range strings.Split(r.log.String(), "\n") {
		if _, after, ok := strings.Cut(line, "a new process was started\" pid="); ok {
			_, _ = fmt.Sscanf(after, "%d", &pid)
		}
	}
	return pid
}
