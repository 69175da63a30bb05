package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"scenecast/api"
)

// TestDashboardCluster: the dashboard of one node shows, counts and reaches the pages of all three, its session is good at another node, and a node
// that has stopped is gone from the table.
func TestDashboardCluster(t *testing.T) {
	t.Parallel()
	nodes := serveNodes(t, dashboardSettings())
	for i, b := range nodes {
		for range i + 1 {
			b.join(url.Values{"page": {"home"}})
		}
	}
	d := openScreen(t, nodes[0], operatorKey, "en", "push")
	d.fill("Audience", "*")
	d.waitFor(`[document.querySelector(".count:not(.stale) h2")?.textContent, [...document.querySelectorAll(".count tbody td")].map((each) => each.textContent).sort()]`,
		[]any{"6 pages would get it now", []string{"1", "2", "3"}}) // as one, because it is counted again and again, and a node may be late
	d.fill("Message", `"to all"`)
	d.run(`{ const f = field("Receipt"); f.value = "written"; f.dispatchEvent(new Event("change", {bubbles: true})); }`)
	d.press("Send …")
	d.wait(`document.querySelector("dialog[open]")?.textContent.includes("6 pages on 3 nodes get this at once.")`)
	d.press("Send to 6 pages")
	d.wait(`document.querySelector("[aria-labelledby=push-outcome]")?.textContent.includes("6 written")`)
	d.screen("now")
	d.wait(`document.querySelectorAll("[aria-labelledby=nodes] tbody tr").length === 3`)
	d.axe("now-of-three")

	// A drain that has not begun to move pages: since when is told, until it is undone.
	const state = `[...document.querySelectorAll("[aria-labelledby=nodes] tbody tr")].find((row) => row.textContent.startsWith("node2"))?.cells[1]`
	var drain api.Drain
	nodes[2].drainCall(http.MethodPost, `{"delay": "1h"}`, &drain)
	d.waitFor(state+`.querySelector("time")?.dateTime`, drain.Since.UTC().Format("2006-01-02T15:04:05.000Z"))
	d.expect(state+`.textContent.replace(/\d+:\d+:\d+$/, "TIME")`, "Draining since TIME")
	d.axe("now-draining")
	nodes[2].drainCall(http.MethodDelete, "", &drain)
	d.waitFor(state+`.textContent`, "Up")

	nodes[2].stop()
	d.wait(`document.querySelectorAll("[aria-labelledby=nodes] tbody tr").length === 2`)

	other := d.sibling(profile{language: "en"}) // with the cookies of the first
	other.open(nodes[1].url("/dashboard/"))
	other.wait(`document.querySelector("nav.screens")`) // cookies are of a host, whatever the port
}

// drainCall makes a call about draining as the operator.
func (b *backend) drainCall(method, body string, answer *api.Drain) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, b.url("/v1/drain"), strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+operatorKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil || response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s /v1/drain: %s, %v", method, response.Status, err)
	}
}

// TestDashboardGoneNode: a node that fell silent has its row in the table, which says since when. The answer is the test's, because servers of this process
// cannot be killed.
func TestDashboardGoneNode(t *testing.T) {
	t.Parallel()
	b := startDashboard(t, nil)
	for language, want := range map[string]string{"en": "gone (7)|Gone, last heard TIME|–|–|–|–|1.2|–", "zh-CN": "gone (7)|已失联，最后音讯 TIME|–|–|–|–|1.2|–"} {
		d := openDashboard(t, b, profile{language: language})
		d.login(operatorKey)
		d.run(`e2e.fetch = window.fetch;
			window.fetch = async (to, options) => {
				const response = await e2e.fetch.call(window, to, options);
				return String(to).endsWith("v1/nodes")
					? Response.json({...await response.json(), gone: [{id: 7, name: "gone", version: "1.2", last_heard: new Date().toISOString()}]}) : response;
			}; undefined`)
		const rows = `[...document.querySelectorAll("[aria-labelledby=nodes] tbody tr")]`
		d.waitFor(rows+`.length`, 2)
		d.expect(`[...`+rows+`[1].cells].map((each) => each.textContent).join("|").replace(/\d+:\d+:\d+/, "TIME")`, want)
		d.waitFor(`[...document.querySelectorAll(".problems .box.busy")].map((each) => each.textContent.includes("gone (7)")).join()`, "true")
		d.axe("now-gone-" + language)
	}
}

// While an answer lacks that of a node of which no other one tells yet, Now does not say that nothing is wrong. The answers are the test's, because a real node
// that is gone is told of at once or not, as it happens.
func TestDashboardPartialAnswer(t *testing.T) {
	t.Parallel()
	b := startDashboard(t, nil)
	b.join(url.Values{"page": {"home"}})
	d := openDashboard(t, b, profile{language: "en"})
	d.look(looks[3])
	d.login(operatorKey)
	const well = `!!document.querySelector(".box.good")`
	d.waitFor(well, true)
	for _, call := range []string{"v1/stats", "v1/scenes"} {
		d.run(`e2e.fetch = window.fetch;
			window.fetch = async (to, options) => {
				const response = await e2e.fetch.call(window, to, options);
				return String(to).includes("` + call + `") ? Response.json({...await response.json(), nodes: 2, nodes_known: 3}) : response;
			}; undefined`)
		d.wait(`[...document.querySelectorAll(".box.busy")].some((each) => each.textContent.startsWith("2 of 3 nodes"))`)
		d.waitFor(well, false)
		d.run(`window.fetch = e2e.fetch; undefined`)
		d.wait(`!document.querySelector(".box.busy")`)
		d.waitFor(well, true)
	}
}
