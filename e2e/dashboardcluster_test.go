package e2e_test

import (
	"net/url"
	"testing"
)

// TestDashboardCluster: the dashboard of one node shows, counts and reaches the pages of all three, its session is good at another node, and a node
// that is gone is gone from the table.
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
	d.wait(`document.querySelector(".count:not(.stale) h2")?.textContent === "6 pages would get it now"`)
	d.expect(`[...document.querySelectorAll(".count tbody td")].map((each) => each.textContent).sort()`, []string{"1", "2", "3"})
	d.fill("Message", `"to all"`)
	d.run(`{ const f = field("Receipt"); f.value = "written"; f.dispatchEvent(new Event("change", {bubbles: true})); }`)
	d.press("Send …")
	d.wait(`document.querySelector("dialog[open]")?.textContent.includes("6 pages on 3 nodes get this at once.")`)
	d.press("Send to 6 pages")
	d.wait(`document.querySelector("[aria-labelledby=push-outcome]")?.textContent.includes("6 written")`)
	d.screen("now")
	d.wait(`document.querySelectorAll("[aria-labelledby=nodes] tbody tr").length === 3`)
	d.axe("now-of-three")
	nodes[2].stop()
	d.wait(`document.querySelectorAll("[aria-labelledby=nodes] tbody tr").length === 2`)

	other := d.sibling(profile{language: "en"}) // with the cookies of the first
	other.open(nodes[1].url("/dashboard/"))
	other.wait(`document.querySelector("nav.screens")`) // cookies are of a host, whatever the port
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
