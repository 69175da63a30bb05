package e2e_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPresence: three tabs of two users, in one order page.
func TestPresence(t *testing.T) {
	t.Parallel()
	b := serveWith(t, anyPort, map[string]string{
		"presence":      "[{key: order, show: [name], linger: 15s}]", // a reload takes less, however busy the machine is,
		"client_tokens": `[{token: anns, user: "1", labels: {name: Ann}}, {token: bobs, user: "2", labels: {name: Bob}}]`,
	})
	open := func(token string) *tab {
		page := newTab(t, profile{})
		page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><title>order 7</title>
			<script src="%s" data-token="%s" data-order="7"></script><script src="%s"></script>
			<p id="here"></p>
			<script>
			  const here = scenecast.presence("order"), said = [];
			  here.on("change", () => document.getElementById("here").textContent = here.members.map((m) => m.labels.name).sort().join(", "));
			  for (const name of ["joined", "left"]) here.on(name, (m) => said.push(name + " " + m.labels.name));
			</script>`, b.url("/scenecast.js"), token, b.url("/scenecast-presence.js")), ""))
		return page
	}
	sees := func(page *tab, names string) {
		t.Helper()
		page.wait(fmt.Sprintf(`document.getElementById("here").textContent === %q`, names))
	}
	ann := open("anns")
	sees(ann, "Ann")
	bob := open("bobs")
	sees(bob, "Ann, Bob")
	sees(ann, "Ann, Bob")
	second := open("bobs")
	sees(second, "Ann, Bob")

	// A tab that is closed is no leave while another one is open, and a reload is none at all.
	second.run(`scenecast.close()`)
	bob.do(chromedp.Reload()) // returns when the page has loaded anew
	bob.wait(`scenecast.state === "open"`)
	sees(bob, "Ann, Bob")
	ann.wait(`said.join() === "joined Bob"`)
	bob.run(`scenecast.close()`)
	sees(ann, "Ann")
	ann.wait(`said.join() === "joined Bob,left Bob"`)
}
