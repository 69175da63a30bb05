package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestDashboard is the dashboard's shell and the screens Now, Hooks and Settings at one server.
func TestDashboard(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	answer := make(chan struct{})
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !mended.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		select {
		case <-answer:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(broken.Close)
	b := startDashboard(t, map[string]string{
		"hooks.events": "[{name: orders, url: " + broken.URL + ", events: [connected]}]",
	})

	t.Run("login", func(t *testing.T) { testDashboardLogin(t, b) })
	t.Run("link", func(t *testing.T) { testDashboardLink(t, b) })
	t.Run("links", func(t *testing.T) { testDashboardLinks(t, b) })
	t.Run("no pages", func(t *testing.T) { testDashboardEmpty(t, b) })
	b.t = t // what joins from here on stays until the end
	b.join(url.Values{"page": {"home"}, "plan": {"pro"}})
	b.join(url.Values{"page": {"home"}})
	b.join(url.Values{"page": {"list"}})
	t.Run("scopes", func(t *testing.T) { testDashboardScopes(t, b) })
	t.Run("navigation", func(t *testing.T) { testDashboardNavigation(t, b) })
	t.Run("session ends", func(t *testing.T) { testDashboardSessionEnds(t, b) })
	t.Run("hooks", func(t *testing.T) { testDashboardHooks(t, b, &mended, answer) })
	t.Run("reload", func(t *testing.T) { testDashboardReload(t, b) })
	t.Run("hostile text", func(t *testing.T) { testDashboardHostileText(t, b) })
	t.Run("accessible", func(t *testing.T) { testDashboardAccessible(t, b) })
}

func testDashboardLogin(t *testing.T, b *backend) {
	d := openDashboard(t, b, profile{language: "en"})
	for _, l := range looks {
		d.look(l)
		d.axe("login-" + l.String())
	}
	d.typeInto(`input[type=password]`, "no key at all")
	d.run(`document.querySelector("form button[type=submit]").click()`)
	d.wait(`document.querySelector("form [role=alert]")?.textContent.includes("api_keys")`)
	d.login(operatorKey)
	d.wait(`document.title === "Now · Scenecast"`)
	d.expect(`document.cookie`, "") // no script reads it

	d.run(`[...document.querySelectorAll("header.head button")].at(-1).click()`)
	d.wait(`document.querySelector("input[type=password]")`)
}

// A link as `scenecast demo` prints it logs in and shows the first screen, in a new tab and in one that shows the dashboard already. The code of a
// link goes where a key goes, so that a key stands for it here. What is behind # is not kept.
func testDashboardLink(t *testing.T, b *backend) {
	for _, open := range []bool{false, true} {
		d := newTab(t, profile{language: "en"})
		if open {
			d.open(b.url("/dashboard/"))
			d.wait(`document.querySelector("input[type=password]")`)
			d.run(`location.hash = "#login=used-already"`)
			d.wait(`document.querySelector("main.alone > [role=alert]")?.textContent.includes("works once")`)
			d.run(`location.hash = "#login=` + operatorKey + `"`)
		} else {
			d.open(b.url("/dashboard/#login=" + operatorKey))
		}
		d.wait(`document.querySelector("[aria-labelledby=nodes] tbody td")`)
		d.expect(`document.title`, "Now · Scenecast")
		d.expect(`location.hash`, "#/now")
		d.look(looks[0])
		d.fits()
		d.expect(`[...document.querySelectorAll(".head select")].every((each) => getComputedStyle(each).maxWidth === "none")`, true) // choices are not cut
		d.run(`[...document.querySelectorAll("header.head button")].at(-1).click()`)
		d.wait(`document.querySelector("input[type=password]")`)
		d.expect(`!!document.querySelector("main.alone > [role=alert]")`, false) // of a link that was used before
	}
}

// Of a link that fails, the answer to who is logged in may come behind that of one that is followed next: then the next one counts.
func testDashboardLinks(t *testing.T, b *backend) {
	d := openDashboard(t, b, profile{language: "en"})
	d.run(`e2e.fetch = window.fetch;
		window.fetch = async (to, options) => {
			const answer = await e2e.fetch.call(window, to, options);
			if (e2e.release || !String(to).endsWith("/api/v1/self")) return answer;
			const held = new Response(await answer.text(), answer);
			await new Promise((done) => { e2e.release = done; });
			return held;
		}; undefined`)
	d.run(`location.hash = "#login=used-already"`)
	d.wait(`e2e.release`)
	d.run(`location.hash = "#login=` + operatorKey + `"`)
	d.wait(`document.querySelector("nav.screens")`)
	d.await(`(async () => {
		e2e.release();
		for (let turn = 0; turn < 20; turn++) await new Promise((done) => setTimeout(done));
	})()`)
	d.expect(`[!!document.querySelector("nav.screens"), !!document.querySelector("input[type=password]")]`, []bool{true, false})
}

// Where nothing is there, the dashboard says what to do, with the server's address.
func testDashboardEmpty(t *testing.T, b *backend) {
	d := openDashboard(t, b, profile{language: "zh-CN"})
	d.login(operatorKey)
	d.wait(`document.querySelector(".empty")`)
	d.expect(`[...document.querySelectorAll(".empty pre")].map((each) => each.textContent)`, []string{
		"<script src=\"" + b.url("/scenecast.js") + "\"\n  data-token=\"CLIENT_TOKEN\" data-page=\"home\" data-popup></script>",
		"curl " + b.url("/v1/push") + " \\\n  -H 'Authorization: Bearer API_KEY' \\\n  -d '{\"to\": {\"page\": \"home\"}, \"message\": \"hello\"}'",
	})
	d.expect(`document.documentElement.lang`, "zh-CN")
	d.look(looks[0])
	d.axe("empty-zh")
}

// A key sees what its scopes and its confinement let it. Of a screen that takes a scope which it lacks, it sees what that takes, and the server refuses the calls.
func testDashboardScopes(t *testing.T, b *backend) {
	for _, c := range []struct {
		key    string
		nodes  bool
		scenes string // the first of the table
		listed int    // screens in the navigation
		locked []string
	}{
		{operatorKey, true, "home2", 8, []string{}},
		{readerKey, true, "home2", 8, []string{"Push not for this key", "Settings not for this key"}},
		{confinedKey, false, "home1", 7, []string{}},
	} {
		d := openDashboard(t, b, profile{language: "en"})
		d.login(c.key)
		d.wait(`document.querySelector("[aria-labelledby=scenes] tbody th")`)
		d.expect(`[...document.querySelectorAll("[aria-labelledby=scenes] tbody tr:first-child :is(th, td)")].slice(0, 2).map((each) => each.textContent).join("")`, c.scenes)
		d.expect(`!!document.querySelector("[aria-labelledby=nodes]")`, c.nodes)
		d.expect(`document.querySelectorAll("nav.screens a").length`, c.listed)
		d.expect(`[...document.querySelectorAll("nav.screens a:has(.lock)")].map((each) => each.textContent)`, c.locked)
	}

	for _, c := range []struct{ key, language, screen, words string }{
		{readerKey, "en", "settings", "Settings takes the scope admin, which the key reader does not have.To let it, whoever runs the server writes allow: [read, admin] at this key in the setting api_keys, and reloads."},
		{readerKey, "zh-CN", "settings", "“配置”需要权限 admin，密钥 reader 没有这个权限。如需开放，请服务器的管理者在配置项 api_keys 中为此密钥写上 allow: [read, admin]，然后重新加载配置。"},
		{readerKey, "en", "push", "Push takes the scope push, which the key reader does not have.To let it, whoever runs the server writes allow: [read, push] at this key in the setting api_keys, and reloads."},
		{confinedKey, "en", "settings", "Settings is about all apps and all pages, and the key tenant sees only a part of them."},
		{confinedKey, "zh-CN", "settings", "“配置”涉及所有应用和所有页面，密钥 tenant 只能看到其中一部分。"},
		{readerKey, "en", "nothing", "There is no such screen."},
	} {
		d := openDashboard(t, b, profile{language: c.language})
		d.look(looks[0])
		d.login(c.key)
		d.run(`location.hash = "#/` + c.screen + `"`)
		d.waitFor(`[...document.querySelectorAll("main > p")].map((each) => each.textContent).join("")`, c.words)
		d.axe("locked-" + c.screen + "-" + c.language + "-" + c.key)
		d.expect(`performance.getEntriesByType("resource").some((each) => /v1.(settings|pushes|audience)/.test(each.name))`, false) // the screen asks nothing
	}

	d := openDashboard(t, b, profile{language: "en"})
	d.login(readerKey)
	d.await(`Promise.all([["GET", "settings"], ["POST", "reload"], ["POST", "push"], ["POST", "hooks/orders/retry"]].map(([method, call]) =>
		fetch("api/v1/" + call, {method, ...(method === "POST" && {body: "{}", headers: {"Content-Type": "application/json"}})}).then(({status}) => status)))
		.then((all) => { e2e.refused = all; })`)
	d.expect(`e2e.refused`, []int{403, 403, 403, 403})
}

// Where the navigation is wider than the window, the screen that is shown is in sight in it.
func testDashboardNavigation(t *testing.T, b *backend) {
	d := openDashboard(t, b, profile{language: "en"})
	d.look(looks[0])
	d.login(operatorKey)
	for _, screen := range []string{"settings", "now", "hooks"} {
		d.screen(screen)
		d.waitFor(`(({left, right}) => left >= 0 && right <= document.documentElement.clientWidth)(document.querySelector("nav.screens [aria-current]").getBoundingClientRect())`, true)
		d.axe("navigation-" + screen)
	}
}

// When the session ends, the login is over the screen; what was typed stays, and nothing is done again.
func testDashboardSessionEnds(t *testing.T, b *backend) {
	d := openDashboard(t, b, profile{language: "en"})
	d.login(operatorKey)
	d.wait(`document.querySelector("[aria-labelledby=scenes] tbody th")`)
	d.run(`document.querySelector("[aria-labelledby=scenes] input").focus()`)
	d.typeInto(`[aria-labelledby=scenes] input`, `plan == "pro"`)
	d.await(`fetch("logout", {method: "POST"})`) // as in another tab
	d.wait(`document.querySelector("dialog[open] input[type=password]")`)
	d.expect(`document.querySelector("[aria-labelledby=scenes] input").value`, `plan == "pro"`)
	d.key(kb.Escape)
	d.key(kb.Escape)
	d.wait(`document.querySelector("dialog[open]")`)
	d.axe("session-ended")
	d.login(operatorKey)
	d.waitFor(`document.activeElement.value`, `plan == "pro"`) // the focus is back
	d.waitFor(`document.querySelector("[aria-labelledby=scenes] tbody td")?.textContent`, "1")
}

// From mended on a call of the hook does not fail, and is answered when answer is closed: by itself the server may call at the moment in which the button is pressed.
func testDashboardHooks(t *testing.T, b *backend, mended *atomic.Bool, answer chan<- struct{}) {
	d := openDashboard(t, b, profile{language: "en"})
	d.login(operatorKey)
	d.wait(`document.querySelector(".problems")?.textContent.includes("orders")`) // on Now
	d.screen("hooks")
	d.wait(`document.querySelector("td .state.bad")`)
	for _, l := range looks {
		d.look(l)
		d.axe("hooks-" + l.String())
	}
	mended.Store(true)
	d.wait(`document.querySelector("td button").disabled === false`)
	d.run(`document.querySelector("td button").click()`)
	d.wait(`document.querySelector("[aria-live]").textContent === "orders is being called."`)
	close(answer)
	d.wait(`document.querySelector("td .state.good") && document.querySelector("td button").disabled`)
}

func testDashboardReload(t *testing.T, b *backend) {
	d := openDashboard(t, b, profile{language: "en"})
	d.login(operatorKey)
	d.screen("settings")
	d.wait(`[...document.querySelectorAll("tbody th")].some((each) => each.textContent === "hooks.deny_private")`)
	d.expect(`document.body.textContent.includes(`+mustJSON(operatorKey)+`)`, false)
	d.run(`document.querySelector(".buttons button").focus()`)
	d.key(kb.Enter)
	d.wait(`document.querySelector("dialog[open]")`)
	d.axe("reload-asked")
	d.key(kb.Escape)
	d.wait(`!document.querySelector("dialog")`)
	d.expect(`document.activeElement === document.querySelector(".buttons button")`, true)
	d.key(kb.Enter)
	d.wait(`document.querySelector("dialog[open] .primary")`)
	d.run(`document.querySelector("dialog[open] .primary").click()`)
	// This server is part of a program that has no configuration to read: the dialog stays, and says so.
	d.wait(`document.querySelector("dialog[open] [role=alert]")?.textContent === "the program that this server is part of has no configuration that could be read anew"`)
	d.key(kb.Escape)
	d.wait(`!document.querySelector("dialog")`)
	for _, l := range looks {
		d.look(l)
		d.axe("settings-" + l.String())
	}
}

// Labels are strangers' text: no script of theirs runs, no markup of theirs is made, and what is too long or runs from right to left stays in its place.
func testDashboardHostileText(t *testing.T, b *backend) {
	script := `<script>e2e.violations.push("ran")</script><img src=x onerror='e2e.violations.push("ran")'>`
	script += strings.Repeat("x", 256-len(script))
	rtl := "\u202eشراء الطلب رقم 7 <b>\u202d"
	for _, page := range []string{script, rtl} {
		b.join(url.Values{"page": {page}, "evil": {page}})
	}
	const limit = 200 // scenes that the table has
	for i := range limit + 20 {
		b.join(url.Values{"page": {"one"}, "order": {fmt.Sprint(i)}})
	}
	d := openDashboard(t, b, profile{language: "en"})
	d.look(looks[0])
	d.login(operatorKey)
	d.run(`location.hash = "#/now?by=page,evil"`)
	d.wait(`[...document.querySelectorAll("tbody th bdi")].some((each) => each.textContent === ` + mustJSON(script) + `)`)
	d.expect(`[...document.querySelectorAll("tbody th bdi")].some((each) => each.textContent === `+mustJSON(rtl)+`)`, true)
	d.expect(`document.querySelectorAll("main img, main script, main b").length`, 0)
	d.axe("hostile-390")
	d.run(`location.hash = "#/now?by=order"`)
	d.wait(`document.querySelector(".summary")?.textContent.includes("Not listed: 21 more scenes")`) // and the one without an order
	d.expect(`document.querySelectorAll("[aria-labelledby=scenes] tbody tr").length`, limit)
}

func testDashboardAccessible(t *testing.T, b *backend) {
	for _, language := range []string{"en", "zh-CN"} {
		d := openDashboard(t, b, profile{language: language})
		d.login(operatorKey)
		d.wait(`document.querySelector("[aria-labelledby=scenes] tbody th") && document.querySelector("[aria-labelledby=nodes] tbody th")`)
		for i, l := range looks {
			if language != "en" && i != 1 && i != 2 && *dashboardPictures == "" {
				continue // the words are others, the colours are not
			}
			d.look(l)
			d.axe("now-" + l.String() + "-" + language)
		}
		d.wait(`document.querySelector(".figure")`)
		d.run(`document.querySelector(".figure").focus()`)
		d.key(kb.Enter)
		d.wait(`document.querySelector("dialog[open] .plot")`)
		d.axe("chart-" + language)
		d.run(`document.querySelector("dialog .chart > button").click()`)
		d.wait(`document.querySelector("dialog[open] table")`)
		d.key(kb.Escape)
		d.wait(`!document.querySelector("dialog")`)
		d.waitFor(`document.activeElement.className`, "figure card")
	}
}
