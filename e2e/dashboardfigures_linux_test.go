package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

var (
	figures       = flag.Bool("figures", false, "measure what the dashboard costs its tab and its server; it takes minutes, and wants a quiet machine")
	figuresPages  = flag.Int("figures-pages", 19_000, "pages that are connected")
	figuresJoins  = flag.Int("figures-joins", 500, "pages that join each second, in the place of others that leave")
	figuresRate   = flag.Int("figures-rate", 50, "pushes a second, each to 100 pages, with the receipt written")
	figuresRounds = flag.Int("figures-rounds", 3, "how often each screen is looked at")
	figuresScreen = flag.String("figures-screen", "", "the only screen that is looked at: now, feed or pages, with -figures-replay several, as in nothing,feed,push; empty: all")
	figuresReplay = flag.Bool("figures-replay", false, "the tab's calls are made by a light client instead of a browser: what differs is the server's cost")
	figuresBlocks = flag.Int("figures-blocks", 8, "with -figures-replay: blocks of four phases for each screen, without and with a viewer in turns")
	figuresPhase  = flag.Duration("figures-phase", 5*time.Second, "with -figures-replay: how long each phase is measured")
	figuresPin    = flag.Bool("figures-pin", false, "with -figures-replay: the server has a core, and all else another one")
	figuresTime   = flag.Duration("figures-time", 20*time.Second, "how long each time, and without a viewer before it")
)

// settling is how long a phase goes on before it is measured: a tab that opens, or one that has gone, is none of it.
const settling = 4 * time.Second

// viewed are the screens that are measured. Of each, what shows that it has begun.
var viewed = []struct{ screen, shown string }{
	{"now", `document.querySelector("[aria-labelledby=scenes] tbody th") && document.querySelector(".figure")`},
	{"feed", `document.querySelectorAll("tbody tr").length > 20`},
	{"pages", `document.querySelectorAll("tbody tr").length > 20`},
}

// TestDashboardFigures measures a server with thousands of pages, of which some come and go, in turns without a viewer and with one tab of the
// dashboard. It prints a Markdown table; nothing is asserted about times.
func TestDashboardFigures(t *testing.T) {
	if !*figures {
		t.Skip("-figures measures it")
	}
	if *figuresReplay {
		replayFigures(t)
		return
	}
	program := startJoins(t)
	phases := make(map[string][]phase)
	for range *figuresRounds {
		for _, v := range viewed {
			if *figuresScreen != "" && v.screen != *figuresScreen {
				continue
			}
			for _, screen := range []string{"", v.screen} {
				var p phase
				if t.Run("look at "+screen, func(t *testing.T) { p = program.phase(t, screen, v.shown) }); t.Failed() {
					t.FailNow()
				}
				t.Logf("%-5s %s", screen, p)
				phases[screen] = append(phases[screen], p)
				if screen == "" {
					phases["before "+v.screen] = append(phases["before "+v.screen], p)
				}
			}
		}
	}
	t.Logf("%d pages, %d join and leave each second; %d pushes a second to 100 pages each, with receipts; medians of %d rounds of %v\n\n%s",
		*figuresPages, *figuresJoins, *figuresRate, *figuresRounds, *figuresTime, table(phases))
}

// replayFigures has bench/joins compare by itself. -figures-screen may name several screens, and nothing, which is a control.
func replayFigures(t *testing.T) {
	args := []string{"-replay", "-blocks", fmt.Sprint(*figuresBlocks), "-phase", fmt.Sprint(*figuresPhase), fmt.Sprint("-pin=", *figuresPin)}
	if *figuresScreen != "" {
		args = append(args, "-screens", *figuresScreen)
	}
	program := joinsProgram(t, args...)
	program.Stderr = os.Stderr
	out, err := program.Output()
	if err != nil {
		t.Fatalf("bench/joins: %v", err)
	}
	t.Logf("\n%s", out)
}

// joinsProgram is bench/joins, with the flags of this test and these.
func joinsProgram(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path := t.TempDir() + "/joins"
	if out, err := exec.Command("go", "build", "-o", path, "scenecast/bench/joins").CombinedOutput(); err != nil {
		t.Fatalf("build bench/joins: %v\n%s", err, out)
	}
	return exec.Command(path, append(args, "-pages", fmt.Sprint(*figuresPages), "-joins", fmt.Sprint(*figuresJoins), "-rate", fmt.Sprint(*figuresRate))...)
}

// joins is the program of that name.
type joins struct {
	ask     io.Writer
	answers *bufio.Scanner
	said    *bytes.Buffer // after it has ended
	url     string
	key     string
}

// startJoins runs a server with its pages, in two processes.
func startJoins(t *testing.T) *joins {
	t.Helper()
	p := &joins{said: new(bytes.Buffer)}
	program := joinsProgram(t)
	program.Stderr = p.said
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = program.Wait()
		if text := strings.TrimSpace(p.said.String()); text != "" {
			t.Errorf("bench/joins says: %s", text)
		}
	})
	p.ask, p.answers = in, bufio.NewScanner(out)
	var ready struct{ URL, Key string }
	p.answer(t, &ready)
	p.url, p.key = ready.URL, ready.Key
	return p
}

func (p *joins) answer(t *testing.T, to any) {
	t.Helper()
	if !p.answers.Scan() {
		t.Fatal("bench/joins has ended")
	}
	if err := json.Unmarshal(p.answers.Bytes(), to); err != nil {
		t.Fatalf("bench/joins: %v: %s", err, p.answers.Bytes())
	}
}

// phase is what was measured in one: the figures of bench/joins, and those of the tab.
type phase struct {
	Joined, Lost, Failed int
	TimedOut             int                        `json:"timed_out"`
	Page                 struct{ P50, P99 float64 } `json:"page_us"`
	Answer               struct{ P50, P99 float64 } `json:"answer_us"`
	Server               float64                    `json:"server_cores"`
	Watched              []float64                  `json:"watched_cores"`
	Load, Why            string

	heap    float64 // MiB, the most
	memory  memory  // of the tab, each figure the most
	tab     float64 // cores
	browser float64 // cores of the browser's other processes
}

func (p phase) String() string {
	return fmt.Sprintf("page p50 %.1f p99 %.1f ms, answer p99 %.1f ms, server %.3f cores, tab %.3f cores, browser besides %.3f, heap %.1f MiB, %s; %d joined, %d lost %s, %d pushes failed, %d receipts timed out; load %s",
		p.Page.P50/1000, p.Page.P99/1000, p.Answer.P99/1000, p.Server, p.tab, p.browser, p.heap, p.memory, p.Joined, p.Lost, p.Why, p.Failed, p.TimedOut, p.Load)
}

// phase measures while a tab shows this screen; with none, without a viewer.
func (p *joins) phase(t *testing.T, screen, shown string) (m phase) {
	var pids []int
	var b *tab
	if screen != "" {
		b = p.view(t, screen, shown)
		pids = b.processes()
		call(b, performance.Enable, performance.EnableParams{})
	}
	time.Sleep(settling)
	if _, err := fmt.Fprintln(p.ask, *figuresTime, strings.Trim(fmt.Sprint(pids), "[]")); err != nil {
		t.Fatal(err)
	}
	if b != nil {
		begun := time.Now()
		before := make(map[string]float64)
		for _, name := range durations {
			before[name] = b.metric(name)
		}
		for end := time.Now().Add(*figuresTime - time.Second); time.Now().Before(end); time.Sleep(2 * time.Second) {
			m.heap = max(m.heap, b.metric("JSHeapUsedSize")/(1<<20))
			m.memory = m.memory.most(memoryOf(t, pids[0]))
		}
		for _, name := range durations {
			t.Logf("%s: %.1f %% of the time", name, 100*(b.metric(name)-before[name])/time.Since(begun).Seconds())
		}
	}
	p.answer(t, &m)
	for i, cores := range m.Watched {
		if i == 0 {
			m.tab = cores
		} else {
			m.browser += cores
		}
	}
	if b != nil {
		b.expect(`document.querySelector(".error, [role=alert]")?.textContent ?? ""`, "")
		b.picture("figures-" + screen)
	}
	return m
}

// view opens a tab that shows a screen.
func (p *joins) view(t *testing.T, screen, shown string) *tab {
	b := newTab(t, profile{language: "en"})
	b.look(look{1280, "light"})
	b.open(p.url + "/dashboard/")
	b.wait(`document.querySelector("input[type=password]")`)
	b.login(p.key)
	b.run(`location.hash = "#/` + screen + `"`)
	b.wait(shown)
	return b
}

// ballast is in MiB: more than a process of the browser grows by meanwhile.
const ballast = 96

// processes are those of the browser, that of the tab first: the one that grows by as much as the tab's script allocates.
func (b *tab) processes() (pids []int) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	answer, err := chromedp.CallBrowser(ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	before := make(map[int64]float64)
	for _, process := range answer.ProcessInfo {
		if process.Type == "renderer" {
			before[process.ID] = memoryOf(b.t, int(process.ID)).private
		}
	}
	grown := func(pid int64) bool { return memoryOf(b.t, int(pid)).private > before[pid]+ballast/2 }
	b.run(fmt.Sprintf(`window.ballast = new Uint8Array(%d << 20).fill(1); undefined`, ballast))
	for pid := range before {
		if grown(pid) {
			pids = append(pids, int(pid))
		}
	}
	if len(pids) != 1 {
		b.t.Fatalf("%d processes have grown with the tab's script", len(pids))
	}
	b.run(`delete window.ballast; undefined`)
	mine := int64(pids[0])
	for grown(mine) {
		if ctx.Err() != nil {
			b.t.Fatal("the tab's process does not shrink again")
		}
		call(b, heapprofiler.CollectGarbage, cdp.Empty{})
	}
	for _, process := range answer.ProcessInfo {
		if process.ID != mine {
			pids = append(pids, int(process.ID))
		}
	}
	return pids
}

// durations are what the tab's main thread does, as the browser counts it in seconds.
var durations = []string{"ScriptDuration", "RecalcStyleDuration", "LayoutDuration", "TaskDuration"}

// table is the medians. The p99 of a screen is compared with that of the phases without a viewer just before it.
func table(phases map[string][]phase) string {
	var b strings.Builder
	b.WriteString("| viewer | call to page, p50 / p99 ms | p99, beside without a viewer | call to receipts, p99 ms | beside | server, cores | tab: % of a core | heap, MiB | private, MiB | PSS, MiB | RSS, MiB | browser besides, % of a core | load |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	median := func(of string, value func(p phase) float64) float64 {
		var all []float64
		for _, p := range phases[of] {
			all = append(all, value(p))
		}
		slices.Sort(all)
		return (all[len(all)/2] + all[(len(all)-1)/2]) / 2
	}
	p99 := func(p phase) float64 { return p.Page.P99 / 1000 }
	answer := func(p phase) float64 { return p.Answer.P99 / 1000 }
	row := func(name, of string) {
		beside, besides := "", ""
		if of != "" {
			beside = fmt.Sprintf("%.2f ×", median(of, p99)/median("before "+of, p99))
			besides = fmt.Sprintf("%.2f ×", median(of, answer)/median("before "+of, answer))
		}
		var loads []string
		for _, p := range phases[of] {
			loads = append(loads, p.Load)
		}
		slices.Sort(loads)
		fmt.Fprintf(&b, "| %s | %.1f / %.1f | %s | %.1f | %s | %.2f | %.1f | %.1f | %.0f | %.0f | %.0f | %.1f | %s to %s |\n", name,
			median(of, func(p phase) float64 { return p.Page.P50 / 1000 }), median(of, p99), beside, median(of, answer), besides,
			median(of, func(p phase) float64 { return p.Server }), 100*median(of, func(p phase) float64 { return p.tab }),
			median(of, func(p phase) float64 { return p.heap }), median(of, func(p phase) float64 { return p.memory.private }),
			median(of, func(p phase) float64 { return p.memory.pss }), median(of, func(p phase) float64 { return p.memory.rss }), 100*median(of, func(p phase) float64 { return p.browser }), loads[0], loads[len(loads)-1])
	}
	row("none", "")
	for _, v := range viewed {
		if phases[v.screen] != nil {
			row(v.screen, v.screen)
		}
	}
	return b.String()
}
