package e2e_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	text1    = "后端触发了按钮 1"
	text2    = "后端触发了按钮 2"
	message1 = `{"message":"后端触发了按钮 1","code":"200"}`
	message2 = `{"message":"后端触发了按钮 2","code":"200"}`
)

// openScene opens a page of the demo that waits for pushes, and waits until the server has greeted it. Pop-ups stay, unless the profile has a speed.
func openScene(t *testing.T, b *backend, scene string, p profile) *tab {
	t.Helper()
	page := newTab(t, p)
	page.open(b.url("/demo/" + scene))
	page.wait(`document.querySelector("#state").dataset.state === "open" && e2e.welcomed === 1`)
	if p.speed == 0 {
		page.setSpeed(slow)
	}
	return page
}

// press presses a button of the back page and waits for the answer, which is shown as this kind.
func press(back *tab, trigger, wantKind, wantAnswer string) {
	back.t.Helper()
	back.do(chromedp.Click(chromedp.CSS(`button[data-func="` + trigger + `"]`)))
	back.wait(`document.querySelector("#answer").dataset.kind === ` + mustJSON(wantKind) + ` &&
		document.querySelector("#answer").textContent.endsWith(` + mustJSON(wantAnswer) + `)`)
}

// Whoever gets a push, and whoever does not, is proved by a sentinel to everybody that follows it: a page gets pushes in
// order, so what comes before the sentinel has come, and what has not come will not.
func TestButtonsReachTheirPageOnly(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	zh := profile{language: "zh-CN"}
	home, list, back := openScene(t, b, "home", zh), openScene(t, b, "list", zh), newTab(t, zh)
	back.open(b.url("/demo/back"))
	home.wait(`!document.querySelector("#none-yet").hidden`)

	press(back, "pushHomeLogic", "done", "按钮 1 → 到达 1 个页面。")
	home.waitFor(`e2e.popupTexts()`, []string{text1})
	b.push("*", `"first sentinel"`, 2)
	home.waitFor(`e2e.listed()`, []string{message1, "first sentinel"})
	list.waitFor(`e2e.listed()`, []string{"first sentinel"})
	list.waitFor(`e2e.popupTexts()`, []string{"first sentinel"})

	press(back, "pushListLogic", "done", "按钮 2 → 到达 1 个页面。")
	list.waitFor(`e2e.popupTexts()`, []string{"first sentinel", text2})
	b.push("*", `"second sentinel"`, 2)
	list.waitFor(`e2e.listed()`, []string{"first sentinel", message2, "second sentinel"})
	home.waitFor(`e2e.listed()`, []string{message1, "first sentinel", "second sentinel"})

	home.expect(`document.querySelector("#none-yet").hidden`, true)
	for _, page := range []*tab{home, list} {
		page.expect(`e2e.sockets`, 1)
		page.expect(`e2e.violations`, []string{})
	}
	back.expect(`e2e.sockets`, 0)
	back.expect(`e2e.violations`, []string{})
	b.expectConnections(2)
}

// That nothing was reached is not shown as a success.
func TestButtonWithoutPage(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	list, back := openScene(t, b, "list", profile{}), newTab(t, profile{language: "zh-CN"})
	back.open(b.url("/demo/back"))
	const color = `getComputedStyle(document.querySelector("#answer")).color`
	press(back, "pushListLogic", "done", "按钮 2 → 到达 1 个页面。")
	green := back.json(color)
	list.waitFor(`e2e.listed()`, []string{message2})
	press(back, "pushHomeLogic", "none", "按钮 1 → 到达 0 个页面：没有打开的页面属于这个场景。")
	if got := back.json(color); got == green {
		t.Errorf("an answer that has reached no page has the color %s, as one that has", got)
	}
	b.push("*", `"sentinel"`, 1)
	list.waitFor(`e2e.listed()`, []string{message2, "sentinel"})
}

func TestPopup(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	home := openScene(t, b, "home", profile{language: "zh-CN"})
	home.expect(`e2e.popupTexts()`, []string{})
	for _, message := range []string{`"one"`, `"two"`, message1} {
		b.push(`page == "home"`, message, 1)
	}
	home.waitFor(`e2e.popupTexts()`, []string{"one", "two", text1})

	home.wait(`e2e.popups().every(e2e.seen)`)
	expectAnnounced(t, home, text1, "关闭")

	// Escape closes the newest, a button its own, other keys none.
	home.do(chromedp.KeyEvent(kb.Escape))
	home.waitFor(`e2e.popupTexts()`, []string{"one", "two"})
	home.do(chromedp.Click(chromedp.JSPath(`e2e.popups()[0].querySelector("button.close")`)))
	home.waitFor(`e2e.popupTexts()`, []string{"two"})
	home.do(chromedp.KeyEvent("a"))
	home.expect(`e2e.popupTexts()`, []string{"two"})
	home.do(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent(kb.Escape))
	home.waitFor(`e2e.popupTexts()`, []string{})
	home.expect(`scenecast.state`, "open")

	// It goes by itself as well, unless the pointer is on it; the message stays on the page.
	home.setSpeed(20)
	home.do(chromedp.MouseEvent(chromedp.MouseMoved, 10, 700))
	b.push("*", `"brief"`, 1)
	home.wait(`e2e.listed().at(-1) === "brief" && e2e.popups().length === 0`)
}

// expectAnnounced says that the accessibility tree has the text and the button inside a polite status.
func expectAnnounced(t *testing.T, page *tab, text, button string) {
	t.Helper()
	nodes := make(map[accessibility.NodeID]*accessibility.Node)
	for _, n := range call(page, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		nodes[n.NodeID] = n
	}
	inStatus := func(role, name string) bool {
		for _, n := range nodes {
			if n.Ignored || axText(n.Role) != role || axText(n.Name) != name {
				continue
			}
			for ; n != nil; n = nodes[n.ParentID] {
				polite := slices.ContainsFunc(n.Properties, func(p *accessibility.Property) bool {
					return p.Name == accessibility.PropertyNameLive && axText(p.Value) == "polite"
				})
				if axText(n.Role) == "status" && polite {
					return true
				}
			}
		}
		return false
	}
	if !inStatus("StaticText", text) {
		t.Errorf("no polite status in the accessibility tree has the text %q", text)
	}
	if !inStatus("button", button) {
		t.Errorf("no polite status in the accessibility tree has the button %q", button)
	}
}

func axText(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &text)
	}
	return text
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	tests := []struct {
		accept, lang, home, state, back, close string
		chinese                                bool // there are Chinese characters on the pages
	}{
		{"en-GB,en", "en", "Home page · Scenecast", "Connected, waiting for messages", "Backend page · Scenecast", "Close", false},
		{"zh-CN", "zh-CN", "首页 · Scenecast", "已连接，等待消息", "后端页面 · Scenecast", "关闭", true},
	}
	const hasChinese = `/\p{Script=Han}/u.test(document.title + document.body.innerText.replace(document.querySelector(".language").textContent, ""))`
	for _, tt := range tests {
		t.Run(tt.accept, func(t *testing.T) {
			t.Parallel()
			home := openScene(t, b, "home", profile{language: tt.accept})
			home.expect(`[document.documentElement.lang, document.title, document.querySelector("#state").textContent]`,
				[]string{tt.lang, tt.home, tt.state})
			home.expect(hasChinese, tt.chinese)
			home.run(`scenecast.popup("text")`)
			home.waitFor(`e2e.popups().map((p) => p.querySelector("button").getAttribute("aria-label"))`, []string{tt.close})

			back := newTab(t, profile{language: tt.accept})
			back.open(b.url("/demo/back"))
			back.expect(`[document.documentElement.lang, document.title]`, []string{tt.lang, tt.back})
			back.expect(hasChinese, tt.chinese)
		})
	}
}

func TestMessageIsNeverHTML(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	home := openScene(t, b, "home", profile{})
	const text = `<img src=x onerror=window.hacked=1>`
	const message = `{"code":200,"message":"` + text + `"}`
	b.push("*", message, 1)
	b.push("*", mustJSON(text), 1)
	home.waitFor(`e2e.popupTexts()`, []string{text, text})
	home.expect(`e2e.listed()`, []string{message, text})
	home.expect(`document.querySelectorAll("main img, img[src=x], [onerror]").length`, 0)
	home.expect(`e2e.root().querySelectorAll("img, [onerror]").length`, 0)
	home.expect(`typeof window.hacked`, "undefined")
}
