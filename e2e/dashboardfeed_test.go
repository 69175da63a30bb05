package e2e_test

import (
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
)

// Of more events than can be shown, the newest are, and the others are counted; where the server has ended the stream because it is read too slowly,
// the screen says so, and listens again when it is told to. The stream is the test's, because a real one is as fast as the machine.
func TestDashboardFeedOverflows(t *testing.T) {
	t.Parallel()
	d := openDashboard(t, startDashboard(t, nil), profile{language: "en"})
	d.look(looks[0])
	d.login(readerKey)
	d.run(`e2e.opened = 0;
		window.EventSource = class extends EventTarget {
			static CLOSED = 2;
			readyState = 1;
			constructor() {
				super();
				e2e.source = this;
				e2e.opened++;
			}
			close() { this.readyState = 2; }
			say(type, data = {}) { this.dispatchEvent(new MessageEvent(type, {data: JSON.stringify({type, ...data})})); }
		}; undefined`)
	d.run(`location.hash = "#/feed"`)
	d.wait(`e2e.opened === 1`)
	d.run(`e2e.source.say("ready");
		for (let n = 0; n < 600; n++) {
			e2e.source.say("connected", {id: "e" + n, timestamp: "2026-01-02T03:04:05.678Z", data: {app: "default", connection: "c" + n, labels: {page: "home"}}});
		}`)
	d.wait(`document.querySelectorAll("tbody tr").length === 500`)
	d.expect(`["tr:first-child", "tr:last-child"].map((row) => document.querySelector("tbody " + row + " a").textContent)`, []string{"c599", "c100"})
	// Rows that are gone are gone: however many there have been, the tab holds those that it shows.
	call(d, performance.Enable, performance.EnableParams{})
	nodes := func() float64 {
		call(d, heapprofiler.CollectGarbage, cdp.Empty{})
		return d.metric("Nodes")
	}
	full := nodes()
	d.await(`(async () => {
		const now = performance.now.bind(performance);
		performance.now = () => 1000 * now(); // so that as many may be shown
		for (let batch = 0; batch < 5; batch++) {
			for (let n = 0; n < 400; n++) {
				e2e.source.say("connected", {timestamp: "2026-01-02T03:04:05.678Z", data: {app: "default", connection: "b" + batch, labels: {page: "home"}}});
			}
			while (document.querySelector("tbody tr a").textContent !== "b" + batch) await new Promise((done) => setTimeout(done, 10));
		}
		performance.now = now;
	})()`)
	if after := nodes(); after > 1.5*full {
		t.Errorf("500 rows are %.0f nodes, and %.0f when 2,000 more have come and gone", full, after)
	}
	d.expect(`document.querySelector(".box.busy").textContent`,
		"More events come than can be read: 100 were left out here. Filter by an audience or by types to see them all.")
	d.run(`e2e.source.say("close", {kind: "too_many", reason: "10000 events wait"})`)
	d.wait(`document.querySelector(".box.bad [role=alert]")?.textContent.startsWith("Events came faster than this page could read them")`)
	d.expect(`e2e.source.readyState`, 2) // it does not come back by itself
	d.axe("feed-behind")
	d.run(`document.querySelector(".box.bad button").click()`)
	d.wait(`e2e.opened === 2 && !document.querySelector(".box.bad, .box.busy, tbody")`)
	d.run(`e2e.source.say("ready"); e2e.source.say("missed", {reason: "events may be missing here"})`)
	d.wait(`document.querySelector(".state.good")?.textContent === "Live" && document.querySelector("tbody td:last-child bdi")?.textContent === "events may be missing here"`)
}
