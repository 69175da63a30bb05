package e2e_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// openPlayground opens the demo's playground, and waits until it is connected and has counted.
func openPlayground(t *testing.T, b *backend, p profile) *tab {
	t.Helper()
	page := newTab(t, p)
	page.open(b.url("/demo/playground"))
	page.wait(`document.querySelector("#state").dataset.state === "open" && scenecast.id && document.querySelector("#count").dataset.kind === "done"`)
	return page
}

// What the playground shows.
const (
	playgroundLabels = `Array.from(document.querySelectorAll("#labels-now code"), (code) => code.textContent)`
	playgroundCount  = `[document.querySelector("#count").dataset.kind, document.querySelector("#count").textContent]`
	playgroundGot    = `Array.from(document.querySelectorAll("#messages li"), (li) => ["text", "mark", "ack"].map((c) => li.querySelector("." + c)?.textContent ?? "")).reverse()`
	playgroundAcked  = `[document.querySelector("#acked-of").textContent, document.querySelector("#acked").value, document.querySelector("#acked").max]`
)

// typeInto puts a text in the place of what a field has, by the keyboard.
func typeInto(b *tab, field, text string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS(field)))
	b.run(`document.querySelector(` + mustJSON(field) + `).select()`)
	b.do(chromedp.KeyEvent(text))
}

// pushTyped pushes a message from the playground by the Enter key, and waits until its answer ends in this.
func pushTyped(b *tab, message, wantAnswer string) {
	b.t.Helper()
	b.run(`document.querySelector("#answer").textContent = ""`)
	typeInto(b, "#message", message+kb.Enter)
	b.wait(`document.querySelector("#answer").textContent.endsWith(` + mustJSON(wantAnswer) + `)`)
}

// The keyboard moves a page to another scene on the connection that it has, and pushes find it there.
func TestPlaygroundLabels(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := openPlayground(t, b, profile{language: "en"})
	page.expect(playgroundLabels, []string{"page=order", "plan=pro", "locale=en"})
	page.expect(playgroundCount, []string{"done", "1 page matches now"})

	page.do(chromedp.Focus(chromedp.CSS(`input[name="page"]:checked`)), chromedp.KeyEvent(kb.ArrowLeft))
	page.waitFor(playgroundLabels, []string{"page=list", "plan=pro", "locale=en"})
	page.wait(`document.querySelector("#labels-said").textContent === "The labels have changed on the same connection, " + scenecast.id + "."`)
	b.push(`page == "order"`, `"not for it"`, 0)
	b.push(`page == "list" && plan == "pro" && locale == "en"`, `{"code":200,"message":"for the list"}`, 1)
	page.waitFor(`e2e.popupTexts()`, []string{"for the list"})

	page.do(chromedp.Focus(chromedp.CSS(`input[name="plan"]:checked`)), chromedp.KeyEvent(kb.ArrowRight))
	page.waitFor(playgroundLabels, []string{"page=list", "locale=en"})
	b.push(`has(plan)`, `"not for it"`, 0)
	b.push(`page == "list"`, `"sentinel"`, 1)
	page.waitFor(playgroundGot, [][]string{{"for the list", "", ""}, {`"sentinel"`, "", ""}})
	page.expect(`[e2e.sockets, e2e.violations]`, []any{1, []string{}})
}

// The audience is counted when nothing was typed for a while, and again when pages come and go; what is wrong with it is said.
func TestPlaygroundAudience(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := openPlayground(t, b, profile{language: "zh-CN"})
	page.expect(playgroundCount, []string{"done", "现在有 1 个页面符合"})
	typeInto(page, "#to", `page == "home"`)
	page.waitFor(playgroundCount, []string{"none", "现在没有页面符合"})
	openScene(t, b, "home", profile{})
	page.waitFor(playgroundCount, []string{"done", "现在有 1 个页面符合"})

	typeInto(page, "#to", `page = home and plan = pro`)
	page.waitFor(`[document.querySelector("#count").dataset.kind, document.querySelector("#to").getAttribute("aria-invalid")]`, []string{"error", "true"})
	page.wait(`/^to\.column 6: .*相等写作 ==/.test(document.querySelector("#count").textContent)`)
	page.do(chromedp.Click(chromedp.JSPath(`document.querySelector(".example")`)))
	page.waitFor(playgroundCount, []string{"done", "现在有 2 个页面符合"})
	page.expect(`[document.querySelector("#to").value, document.querySelector("#to").getAttribute("aria-invalid")]`, []any{"*", nil})

	// Of five keys in a row, the last one is counted. The timers are slow, so that nothing else is counted meanwhile.
	page.setSpeed(slow)
	page.run(`document.querySelector(".example").click()`)
	page.waitFor(`document.querySelector("#to").value`, "*")
	page.run(`{
		const { fetch } = window;
		e2e.calls = 0;
		window.fetch = (...args) => {
			e2e.calls++;
			return fetch(...args);
		};
	}`)
	page.run(`for (let i = 1; i <= 5; i++) {
		document.querySelector("#to").value = 'plan == "pro' + (i < 5 ? i : "") + '"';
		document.querySelector("#to").dispatchEvent(new Event("input"));
	}`)
	page.waitFor(playgroundCount, []string{"done", "现在有 1 个页面符合"})
	page.expect(`[e2e.calls, e2e.violations]`, []any{1, []string{}})
}

// A page that is cut off gets what it has missed when it is back: in order, once, and marked; and what comes then is not.
func TestPlaygroundResume(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	for language, words := range map[string]struct{ reached, none, cut, mark string }{
		"en":    {"Reached 1 page.", "Reached 0 pages. Those that are cut off get it when they are back.", "You have cut the connection", "replayed"},
		"zh-CN": {"到达 1 个页面。", "到达 0 个页面。已断开的页面会在恢复连接后收到。", "连接已被你断开", "断线期间"},
	} {
		t.Run(language, func(t *testing.T) {
			page := openPlayground(t, b, profile{language: language, speed: slow})
			typeInto(page, "#to", fmt.Sprintf(`locale == %q`, language))
			pushTyped(page, "before", words.reached)
			page.waitFor(playgroundGot, [][]string{{"before", "", ""}})

			page.do(chromedp.Focus(chromedp.CSS("#network")), chromedp.KeyEvent(kb.Enter))
			page.waitFor(`document.querySelector("#state").textContent`, words.cut)
			b.awaitConnections(0)
			pushTyped(page, "one", words.none)
			pushTyped(page, "two", words.none)
			b.push(`page == "order"`, `{"code":200,"message":"<b>three</b>"}`, 0)
			page.expect(playgroundGot, [][]string{{"before", "", ""}})

			page.do(chromedp.Focus(chromedp.CSS("#network")), chromedp.KeyEvent(kb.Enter))
			page.wait(`document.querySelector("#state").dataset.state === "open" && document.querySelectorAll("#messages li").length === 4`)
			pushTyped(page, "after", words.reached)
			page.waitFor(playgroundGot, [][]string{
				{"before", "", ""}, {"one", words.mark, ""}, {"two", words.mark, ""}, {"<b>three</b>", words.mark, ""}, {"after", "", ""},
			})
			page.expect(`[e2e.sockets, document.querySelectorAll("main li b").length, e2e.violations]`, []any{2, 0, []string{}})
			page.open("about:blank") // which is no page any more
			b.awaitConnections(0)
		})
	}
}

// The receipts fill in: pages acknowledge by themselves, or when their reader does.
func TestPlaygroundReceipts(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page, reader := openPlayground(t, b, profile{language: "en"}), openPlayground(t, b, profile{language: "zh-CN"})
	openScene(t, b, "list", profile{})
	reader.do(chromedp.Click(chromedp.CSS("#by-hand")))
	reader.expect(`document.querySelector("#by-hand").checked`, true)

	typeInto(page, "#to", `*`)
	pushTyped(page, "<img src=x onerror=window.hacked=1>", "Reached 3 pages.")
	page.waitFor(playgroundAcked, []any{"2 of 3 pages have acknowledged", 2, 3})
	reader.waitFor(playgroundGot, [][]string{{"<img src=x onerror=window.hacked=1>", "", "确认"}})
	page.waitFor(playgroundGot, [][]string{{"<img src=x onerror=window.hacked=1>", "", ""}})

	reader.do(chromedp.Focus(chromedp.CSS(".ack")), chromedp.KeyEvent(kb.Enter))
	reader.waitFor(playgroundGot, [][]string{{"<img src=x onerror=window.hacked=1>", "已确认", ""}})
	page.waitFor(playgroundAcked, []any{"3 of 3 pages have acknowledged", 3, 3})
	for _, tab := range []*tab{page, reader} {
		tab.expect(`[typeof window.hacked, document.querySelectorAll("main img, [onerror]").length, e2e.violations]`, []any{"undefined", 0, []string{}})
	}
}
