package e2e_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

// A page of another origin, with the script as the documentation shows it.
func TestScriptOnForeignPage(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	tag := fmt.Sprintf(`<script src="%s" data-token="%s" data-page="home" data-order-id="7" data-popup></script>`,
		b.url("/scenecast.js"), token)
	strict := fmt.Sprintf("script-src http://%[1]s; connect-src ws://%[1]s; style-src ", b.addr)
	const (
		order  = `{"code":200,"message":"订单 7 已发货","lines":[1,null]}`
		inHead = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>T</title>%s</head><body><h1>Foreign</h1></body></html>`
		inBody = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>T</title></head><body><h1>Foreign</h1>%s</body></html>`
	)
	tests := []struct{ name, html, policy string }{
		{"in the head", inHead, ""},
		{"at the end", inBody, ""},
		{"strict policy, no styles", inHead, strict + "'none'"},
		{"strict policy, own styles", inBody, strict + "'self'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// One after the other, because all of them are the same scene.
			page := newTab(t, profile{})
			page.open(servePage(t, fmt.Sprintf(tt.html, tag), tt.policy))
			page.wait(`scenecast.state === "open" && e2e.welcomed === 1`)
			page.run(`e2e.record()`)
			page.setSpeed(slow)
			b.push(`page == "list"`, `"for another page"`, 0)
			b.push(`page == "home" && order-id == "7"`, order, 1)
			b.push("*", `"plain"`, 1)
			page.waitFor(`e2e.messages`, []any{json.RawMessage(order), "plain"})
			page.waitFor(`e2e.popupTexts()`, []string{"订单 7 已发货", "plain"})
			page.wait(`e2e.popups().every(e2e.seen)`)
			page.expect(`getComputedStyle(e2e.popups()[0]).borderRadius`, "10px") // the policy has let its styles in
			page.expect(`getComputedStyle(document.querySelector("h1")).position`, "static")
			page.expect(`e2e.violations`, []string{})
			page.expect(`e2e.sockets`, 1)

			page.run(`scenecast.close()`)
			page.expect(`[scenecast.state, e2e.losses]`, []any{"closed", []string{"close 1000 closed"}})
			page.open("about:blank")
			b.awaitConnections(0) // the next page's pushes are for it alone
		})
	}
}

func TestWrongTokenConnectsNothing(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := newTab(t, profile{speed: still})
	page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><script src="%s"></script><p>by hand`, b.url("/scenecast.js")), ""))
	page.expect(`scenecast.state`, "idle")
	page.run(`e2e.record(); scenecast.connect({ token: "wrong", labels: { page: "home" } })`)
	page.waitFor(`e2e.losses`, []string{"close 4401 closed", "refused 4401 closed"})
	b.expectConnections(0)
	page.expect(`[e2e.welcomed, scenecast.state, scenecast.id, e2e.timers.size]`, []any{0, "closed", nil, 0})

	// The page's mistakes throw, and leave what is there alone.
	page.run(`scenecast.connect({ token: "` + token + `", labels: { page: ["home", "list"] } })`)
	page.wait(`e2e.welcomed === 1`)
	page.expect(`[
		() => scenecast.connect(),
		() => scenecast.connect({ token: "t", labels: { "9x": "v" } }),
		() => scenecast.connect({ token: "t", labels: { x: 1 } }),
		() => scenecast.connect({ token: "t", url: "ftp://host/" }),
		() => scenecast.on("mesage", () => {}),
		() => scenecast.on("message"),
	].map((mistake) => { try { mistake(); } catch (error) { return error.name; } })`,
		[]string{"TypeError", "TypeError", "TypeError", "SyntaxError", "TypeError", "TypeError"})
	b.push(`page == "list" && page == "home"`, `"still here"`, 1)
	page.waitFor(`e2e.messages`, []string{"still here"})
	b.expectConnections(1)
}
