package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
)

var figuresLong = flag.Duration("figures-long", 0, "how long tabs of Now and Feed stay open whose memory is told each minute; 0: that is not measured")

// TestDashboardMemory tells what tabs of Now and Feed take while they stay open and pages join and leave, and beside them a tab with nothing in it.
func TestDashboardMemory(t *testing.T) {
	if *figuresLong == 0 {
		t.Skip("-figures-long measures it")
	}
	program := startJoins(t)
	type measured struct {
		screen string
		tab    *tab
		pid    int
	}
	var tabs []measured
	blank := newTab(t, profile{language: "en"})
	tabs = append(tabs, measured{"about:blank", blank, blank.processes()[0]})
	for _, v := range viewed[:2] {
		b := program.view(t, v.screen, v.shown)
		tabs = append(tabs, measured{v.screen, b, b.processes()[0]})
	}
	for _, m := range tabs {
		call(m.tab, performance.Enable, performance.EnableParams{})
	}
	begun := time.Now()
	for ; ; time.Sleep(time.Minute) {
		for _, m := range tabs {
			used := m.tab.metric("JSHeapUsedSize") / (1 << 20)
			takes := memoryOf(t, m.pid)
			call(m.tab, heapprofiler.CollectGarbage, cdp.Empty{})
			kept := m.tab.metric("JSHeapUsedSize") / (1 << 20)
			t.Logf("%4.1f min, %-11s: heap %.1f MiB, of which %.1f are no garbage, %s, %.0f nodes of documents, %.0f listeners",
				time.Since(begun).Minutes(), m.screen, used, kept, takes, m.tab.metric("Nodes"), m.tab.metric("JSEventListeners"))
		}
		if time.Since(begun) >= *figuresLong {
			break
		}
	}
	if _, err := fmt.Fprintln(program.ask, time.Second); err != nil {
		t.Fatal(err)
	}
	var p phase
	program.answer(t, &p)
	t.Logf("%d pages; load %s", *figuresPages, p.Load)
}

// memory is what a process takes, in MiB.
type memory struct {
	private float64 // what Chromium's task manager shows: its anonymous pages, also those that are swapped out (CalculatePrivateFootprintKb in Chromium's source)
	pss     float64 // resident, and of what it shares with other processes its part
	rss     float64 // resident, with all that it shares
}

func (m memory) String() string {
	return fmt.Sprintf("private %.0f MiB, PSS %.0f MiB, RSS %.0f MiB", m.private, m.pss, m.rss)
}

// most has the larger one of each figure.
func (m memory) most(o memory) memory {
	return memory{max(m.private, o.private), max(m.pss, o.pss), max(m.rss, o.rss)}
}

// memoryOf is what a process takes: proc_pid_status(5), proc_pid_smaps(5).
func memoryOf(t *testing.T, pid int) memory {
	t.Helper()
	sizes := make(map[string]float64)
	for _, file := range []string{"status", "smaps_rollup"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var kilobytes float64
			name, size, _ := strings.Cut(line, ":")
			if n, _ := fmt.Sscanf(size, "%f kB", &kilobytes); n == 1 {
				sizes[name] = kilobytes / 1024
			}
		}
	}
	m := memory{sizes["RssAnon"] + sizes["VmSwap"], sizes["Pss"], sizes["Rss"]}
	if m.private == 0 || m.pss == 0 || m.rss == 0 {
		t.Fatalf("a process's sizes are not all told: %s", m)
	}
	return m
}
