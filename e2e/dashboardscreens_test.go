package e2e_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestDashboardScreens is the screens of pushes and pages, at one server.
func TestDashboardScreens(t *testing.T) {
	t.Parallel()
	b := startDashboard(t, map[string]string{"presence": "[{key: page}]"})
	t.Run("empty", func(t *testing.T) { testScreensEmpty(t, b) })
	b.t = t // what joins from here on stays until the end
	b.join(url.Values{"page": {"home"}, "plan": {"pro"}})
	b.join(url.Values{"page": {"home"}})
	b.join(url.Values{"page": {"list"}})
	t.Run("push", func(t *testing.T) { testScreenPush(t, b) })
	t.Run("confined", func(t *testing.T) { testScreenPushConfined(t, b) })
	t.Run("session ends", func(t *testing.T) { testScreenPushSessionEnds(t, b) })
	t.Run("pages", func(t *testing.T) { testScreenPages(t, b) })
	t.Run("history", func(t *testing.T) { testScreenHistory(t, b) })
	t.Run("presence", func(t *testing.T) { testScreenPresence(t, b) })
	t.Run("feed", func(t *testing.T) { testScreenFeed(t, b) })
	t.Run("accessible", func(t *testing.T) { testScreensAccessible(t, b) })
}

// openScreen opens a screen of the dashboard, logged in by a key.
func openScreen(t *testing.T, b *backend, key, language, screen string) *tab {
	t.Helper()
	d := openDashboard(t, b, profile{language: language})
	d.login(key)
	d.run(`window.front = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.querySelector("main");
		window.field = (label) => [...front().querySelectorAll("label")].find((each) => each.textContent === label)?.control;
		window.button = (text) => [...front().querySelectorAll("button")].find((each) => each.textContent.startsWith(text));`)
	d.screen(screen)
	return d
}

// fill has the field with this label, of the dialog in front if one is open, have this text, as if it was typed.
func (b *tab) fill(label, text string) {
	b.t.Helper()
	b.run(`{ const f = field(` + mustJSON(label) + `); f.value = ` + mustJSON(text) + `; f.setSelectionRange(f.value.length, f.value.length); f.dispatchEvent(new Event("input", {bubbles: true})); }`)
}

// press clicks the button whose text begins so, of the dialog in front if one is open, when it can be.
func (b *tab) press(text string) {
	b.t.Helper()
	b.wait(`button(` + mustJSON(text) + `)?.disabled === false`)
	b.run(`button(` + mustJSON(text) + `).click()`)
}

func testScreensEmpty(t *testing.T, b *backend) {
	d := openDashboard(t, b, profile{language: "en"})
	d.login(operatorKey)
	for _, screen := range []string{"pages", "history", "feed"} {
		d.screen(screen)
		d.wait(`document.querySelector(".empty")`)
		d.axe("empty-" + screen)
	}
}

// The audience is counted while it is typed, the confirmation repeats the count in words, and the receipt comes in.
func testScreenPush(t *testing.T, b *backend) {
	d := openScreen(t, b, operatorKey, "en", "push")
	d.run(`field("Audience").focus()`)
	d.fill("Audience", "pa")
	d.wait(`[...document.querySelectorAll("[role=option]")].some((each) => each.firstChild.textContent === "page")`)
	d.fill("Audience", `page == "h`)
	d.wait(`document.querySelector("[role=option]")?.textContent === '"home"2'`)
	d.key(kb.ArrowDown)
	d.wait(`document.querySelector("[role=option][aria-selected=true]")`)
	d.key(kb.Tab) // as Enter does, whose character chromedp sends also where its keydown was prevented, and which then sends the form
	d.waitFor(`field("Audience").value`, `page == "home"`)
	d.wait(`document.querySelector(".count h2")?.textContent === "2 pages would get it now"`)
	d.expect(`document.querySelectorAll(".sample li").length`, 2)
	d.fill("Audience", `page = "home"`)
	d.wait(`document.querySelector("main [role=alert]")?.textContent.includes("column 6")`)
	d.fill("Audience", `page == "home"`)
	d.fill("Except", `plan == "pro"`)
	d.wait(`document.querySelector(".count h2")?.textContent === "1 page would get it now"`)
	d.fill("Except", "")
	d.fill("Message", `{"code": 200, "message": "<b>hello</b>"`)
	d.wait(`document.querySelector(".notice")`)
	d.fill("Message", `{"code": 200, "message": "<b>hello</b>"}`)
	d.wait(`document.querySelector(".count h2")?.textContent === "2 pages would get it now"`)
	d.axe("push")
	d.run(`{ const f = field("Receipt"); f.value = "written"; f.dispatchEvent(new Event("change", {bubbles: true})); }`)
	d.press("Send …")
	d.wait(`document.querySelector("dialog[open]")?.textContent.includes("2 pages get this at once.")`)
	d.axe("push-confirm")
	d.expect(`document.activeElement.textContent`, "Cancel")
	d.press("Send to 2 pages")
	d.wait(`document.querySelector("[aria-labelledby=push-outcome]")?.textContent.includes("2 written")`)
	d.wait(`document.querySelector("#push-outcome").textContent === "Sent"`)
	d.run(`button("Go").click()`)
	d.wait(`document.querySelector("pre[aria-label=Go]")?.textContent.includes("client.PushRequest{")`)
	d.axe("push-sent")
}

// A key that is confined counts, and sends to, its own pages alone.
func testScreenPushConfined(t *testing.T, b *backend) {
	d := openScreen(t, b, confinedKey, "en", "push")
	d.fill("Audience", "*")
	d.wait(`document.querySelector(".count h2")?.textContent === "1 page would get it now"`)
}

// A session that has ended in the middle of a push: nothing is sent, the login comes, and then the push is sent once.
func testScreenPushSessionEnds(t *testing.T, b *backend) {
	d := openScreen(t, b, operatorKey, "en", "push")
	d.fill("Audience", `page == "list"`)
	d.fill("Message", `"once"`)
	d.run(`{ const f = field("Receipt"); f.value = "written"; f.dispatchEvent(new Event("change", {bubbles: true})); }`)
	d.press("Send …")
	d.wait(`document.querySelector("dialog[open]")?.textContent.includes("One page gets this")`)
	d.await(`fetch("logout", {method: "POST"})`) // as in another tab
	d.press("Send to 1 page")
	d.wait(`document.querySelector("dialog[open] input[type=password]")`)
	const once = `fetch("api/v1/pushes?order=desc").then((r) => r.json()).then(({pushes}) => { e2e.once = pushes.filter(({message}) => message === "once").length; })`
	d.login(operatorKey)
	d.await(once)
	d.expect(`e2e.once`, 0)
	d.press("Send to 1 page")
	d.wait(`document.querySelector("[aria-labelledby=push-outcome]")`)
	d.await(once)
	d.expect(`e2e.once`, 1)
}

// A page is found, and its drawer says what it is, why an audience does not match it, and changes it.
func testScreenPages(t *testing.T, b *backend) {
	d := openScreen(t, b, operatorKey, "en", "pages")
	d.wait(`document.querySelectorAll("tbody tr").length === 3`)
	d.fill("Audience", `page == "list"`)
	d.press("Find")
	d.wait(`document.querySelectorAll("tbody tr").length === 1`)
	d.run(`document.querySelector("tbody button.link").click()`)
	d.wait(`document.querySelector("dialog.drawer")?.textContent.includes("Labels")`)
	d.wait(`[...document.querySelectorAll("dialog tbody th")].some((each) => each.firstChild.textContent === "page")`)
	d.fill("Audience", `page == "home" && !has(plan)`)
	d.press("Explain")
	d.wait(`document.querySelector("dialog .state.bad")?.textContent === "It does not match."`)
	d.expect(`[...document.querySelectorAll("dialog .parts .quiet")].map((each) => each.textContent.trim())`, []string{"page = list, not home", "no label plan"})
	d.axe("page-drawer")
	d.run(`document.querySelector("dialog details").open = true`)
	d.fill("Key", "status")
	d.fill("Value", "<i>vip</i>")
	d.press("Set")
	d.wait(`[...document.querySelectorAll("dialog tbody tr")].some((row) => row.textContent.startsWith("status<i>vip</i>") && row.textContent.includes("the backend"))`)
	d.key(kb.Escape)
	d.wait(`!document.querySelector("dialog")`)
	b.join(url.Values{"page": {"to-be-closed"}})
	d.fill("Audience", `page == "to-be-closed"`)
	d.press("Find")
	d.wait(`document.querySelector("tbody tr .labels")?.textContent.includes("to-be-closed")`)
	d.run(`document.querySelector("tbody button.link").click()`)
	d.press("Disconnect")
	d.wait(`document.querySelector("dialog.dialog")`)
	d.press("Disconnect")
	d.wait(`!document.querySelector("dialog") && document.querySelector("[aria-live]").textContent === "Disconnected."`)
	d.press("Find")
	d.wait(`document.querySelector(".empty")`)
}

// The newest push is first; its drawer sends it again.
func testScreenHistory(t *testing.T, b *backend) {
	b.pushNamed(`page == "home"`, "of.history", `{"n": 1}`, 2)
	b.pushNamed(`page == "list"`, "of.list", `{"n": 2}`, 1)
	d := openScreen(t, b, operatorKey, "en", "history")
	d.wait(`document.querySelector("tbody tr")?.textContent.includes("of.list")`)
	d.run(`document.querySelectorAll("tbody tr button")[1].click()`)
	d.wait(`document.querySelector("dialog.drawer")?.textContent.includes("of.history")`)
	d.axe("history-drawer")
	d.press("Send again …")
	d.wait(`document.title.startsWith("Push")`)
	d.expect(`[field("Audience").value, field("Message").value]`, []string{`page == "home"`, "{\n  \"n\": 1\n}"})
}

func testScreenPresence(t *testing.T, b *backend) {
	d := openScreen(t, b, operatorKey, "en", "presence")
	d.wait(`[...document.querySelectorAll("tbody th")].some((each) => each.textContent === "home")`)
	d.run(`[...document.querySelectorAll("tbody th a")].find((each) => each.textContent === "home").click()`)
	d.wait(`document.querySelector("main h2")?.textContent === "page = home"`)
	d.wait(`document.querySelector("main [role=status]")?.textContent.includes("Connections: 2, ")`)
}

// The feed shows what happens, and holds it back while it is paused.
func testScreenFeed(t *testing.T, b *backend) {
	d := openScreen(t, b, operatorKey, "en", "feed")
	d.wait(`document.querySelector(".state.good")`)
	b.join(url.Values{"page": {"feed-1"}})
	d.wait(`[...document.querySelectorAll("tbody tr")].some((row) => row.textContent.includes("connected") && row.textContent.includes("page=feed-1"))`)
	d.axe("feed")
	d.press("Pause")
	b.join(url.Values{"page": {"feed-2"}})
	d.wait(`Boolean(button("Go on with "))`)
	d.expect(`document.querySelector("tbody").textContent.includes("feed-2")`, false)
	d.press("Go on with ")
	d.wait(`document.querySelector("tbody").textContent.includes("page=feed-2")`)
	d.fill("Only events of", `page == "feed-3"`)
	d.press("Filter")
	d.wait(`document.querySelector(".state.good") && !document.querySelector("tbody")`)
	b.join(url.Values{"page": {"feed-4"}})
	b.join(url.Values{"page": {"feed-3"}})
	d.wait(`document.querySelector("tbody")?.textContent.includes("page=feed-3")`)
	d.expect(`document.querySelector("tbody").textContent.includes("feed-4")`, false)
}

func testScreensAccessible(t *testing.T, b *backend) {
	b.pushNamed(`page in ["home", "list"]`, strings.Repeat("长", 60), `{"code": 200, "message": "\u202e<img src=x>"}`, 3)
	for _, language := range []string{"en", "zh-CN"} {
		d := openScreen(t, b, operatorKey, language, "push")
		for _, screen := range []string{"push", "pages", "history", "presence", "feed"} {
			d.screen(screen)
			if screen == "push" {
				d.run(`{ const f = document.querySelector("main form input"); f.value = "*"; f.dispatchEvent(new Event("input", {bubbles: true})); }`)
				d.wait(`document.querySelector(".count:not(.stale)")`)
			} else if screen != "feed" {
				d.wait(`document.querySelector("tbody th")`)
			}
			for i, l := range looks {
				if language != "en" && i != 1 && i != 2 && *dashboardPictures == "" {
					continue // the words are others, the colours are not
				}
				d.look(l)
				d.axe(screen + "-" + l.String() + "-" + language)
			}
		}
	}
}
