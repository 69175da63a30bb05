package e2e_test

import (
	"flag"
	"fmt"
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
			rss, pss := memoryOf(t, m.pid)
			call(m.tab, heapprofiler.CollectGarbage, cdp.Empty{})
			kept := m.tab.metric("JSHeapUsedSize") / (1 << 20)
			t.Logf("%4.1f min, %-11s: heap %.1f MiB, of which %.1f are no garbage, PSS %.0f MiB, RSS %.0f MiB, %.0f nodes of documents, %.0f listeners",
				time.Since(begun).Minutes(), m.screen, used, kept, pss, rss, m.tab.metric("Nodes"), m.tab.metric("JSEventListeners"))
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
