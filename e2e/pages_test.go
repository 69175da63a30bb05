package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// behindPrefix is a proxy that strips /push from the paths, of which the server is told nothing.
func behindPrefix(t *testing.T, b *backend) (base string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/push/", http.StripPrefix("/push", httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: b.addr})))
	proxy := httptest.NewServer(mux)
	t.Cleanup(proxy.Close)
	return proxy.URL + "/push/"
}

// follow opens what a link leads to. (A click would return before the next page is there, in which no script can be awaited.)
func (b *tab) follow(link string) {
	b.t.Helper()
	var address string
	if err := json.Unmarshal([]byte(b.json(`document.querySelector(`+mustJSON(link)+`).href`)), &address); err != nil {
		b.t.Fatal(err)
	}
	b.open(address)
}

// snippets are the texts that a reader copies.
const snippets = `Array.from(document.querySelectorAll(".snippet pre"), (pre) => pre.textContent)`

func TestPagesShowTheAddressThatTheBrowserKnows(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	base := behindPrefix(t, b)
	page := newTab(t, profile{language: "en"})

	page.open(base)
	page.expect(snippets, []string{
		`<script src="` + base + "scenecast.js\"\n  data-token=\"CLIENT_TOKEN\" data-page=\"home\" data-popup></script>",
		"curl " + base + "v1/push \\\n  -H 'Authorization: Bearer API_KEY' \\\n  -d '{\"to\": {\"page\": \"home\"}, \"message\": \"hello\"}'",
	})
	page.expect(`e2e.violations`, []string{})

	page.follow(`a[href="demo/"]`)
	page.expect(`[location.href, document.title]`, []string{base + "demo/", "Scenecast demo"})
	page.expect(snippets, []string{
		`<script src="` + base + "scenecast.js\"\n  data-token=\"" + token + "\" data-page=\"home\" data-popup></script>",
		`curl -X POST "` + base + "?func=pushHomeLogic&token=" + token + `&page=back"`,
	})
	page.expect(`e2e.violations`, []string{})

	page.follow(`a[href="../v1/docs"]`)
	page.expect(`location.href`, base+"v1/docs")
	page.wait(`document.querySelectorAll("#calls > section").length > 20`)
	page.expect(snippets+`[0]`, "curl '"+base+`v1/push' -H "Authorization: Bearer $SCENECAST_API_KEY" -d '{"to":{"page":"home"},"message":{"code":200,"message":"hello"}}'`)
	page.expect(`e2e.violations`, []string{})
	page.follow(`a.brand`)
	page.expect(`[location.href, document.title]`, []string{base, "Scenecast"})
}

// The button says what it has done, where the clipboard may be written and where it may not.
func TestSnippetIsCopied(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := newTab(t, profile{language: "zh-CN", speed: slow})
	page.open(b.url("/"))
	const button = `document.querySelectorAll("button.copy")[1]`
	page.expect(button+`.textContent`, "复制")
	page.run(`window.copied = []; navigator.clipboard.writeText = (text) => { copied.push(text); return Promise.resolve(); }`)
	page.do(chromedp.Click(chromedp.JSPath(button)))
	page.waitFor(`[`+button+`.textContent, document.querySelector("#said").textContent]`, []string{"已复制", "已复制"})
	page.expect(`copied`, []string{"curl " + b.url("/v1/push") + " \\\n  -H 'Authorization: Bearer API_KEY' \\\n  -d '{\"to\": {\"page\": \"home\"}, \"message\": \"hello\"}'"})

	page.run(`navigator.clipboard.writeText = () => Promise.reject(new Error("no")); document.execCommand = () => false`)
	page.do(chromedp.Click(chromedp.JSPath(button)))
	page.waitFor(button+`.textContent`, "请按 Ctrl+C")
	page.expect(`String(getSelection()).startsWith("curl ")`, true)
}

// A page that is wider than the screen can be moved sideways, and what stands at its right is not seen.
func TestPagesFitTheScreen(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	for _, language := range []string{"en", "zh-CN"} {
		page := newTab(t, profile{language: language})
		for _, width := range []int64{320, 390, 1280} {
			call(page, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 500})
			for _, path := range []string{"/", "/demo/", "/demo/home", "/demo/list", "/demo/back", "/demo/playground", "/v1/docs"} {
				page.open(b.url(path))
				page.awaitMedia(fmt.Sprintf("(width: %dpx)", width))
				page.wait(`!document.querySelector("#calls") || document.querySelectorAll("#calls > section").length > 20`)
				rows := 1
				if strings.HasPrefix(path, "/demo/") && width < 640 {
					rows = 2 // the links to the demo's pages stand below the rest
				}
				if got := page.json(`[innerWidth, document.documentElement.scrollWidth <= innerWidth, new Set(Array.from(document.querySelectorAll(".bar a"), (a) => a.getBoundingClientRect().bottom)).size]`); got != mustJSON([]any{width, true, rows}) {
					t.Errorf("%s in %s, %d px wide: [width, whether it fits, rows of its navigation] = %s", path, language, width, got)
				}
			}
		}
	}
}

// The reader chooses the other language on one page, and gets it on all of them, behind a proxy's prefix too.
func TestLanguageSwitch(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	base := behindPrefix(t, b)
	page := newTab(t, profile{language: "zh-CN"})
	shown := `[location.pathname, document.documentElement.lang, document.querySelector(".language").textContent]`
	page.open(base)
	page.expect(shown, []string{"/push/", "zh-CN", "English"})
	page.follow(".language")
	page.expect(shown, []string{"/push/", "en", "中文"})
	page.expect(`document.querySelector("h1").textContent`, "Scenecast is running")
	for _, path := range []string{"demo/", "demo/home", "demo/list", "demo/back", "demo/playground", "v1/docs"} {
		page.open(base + path)
		page.expect(shown, []string{"/push/" + path, "en", "中文"})
		page.follow(".language")
		page.expect(shown, []string{"/push/" + path, "zh-CN", "English"})
		page.follow(".language")
		page.expect(shown, []string{"/push/" + path, "en", "中文"})
	}

	// The API's page has its words from the server, and the description's own.
	page.wait(`document.querySelectorAll("#calls > section").length > 20`)
	page.expect(`Array.from(document.querySelectorAll("#push h3"), (h) => h.textContent)`, []string{"Parameters", "Body, application/json", "Body, application/x-ndjson", "Try it", "Answers"})
	page.follow(".language")
	page.wait(`document.querySelectorAll("#calls > section").length > 20`)
	page.expect(`Array.from(document.querySelectorAll("#push h3"), (h) => h.textContent)`, []string{"参数", "请求体，application/json", "请求体，application/x-ndjson", "试一试", "应答"})
	page.expect(`[document.querySelector("#push strong").textContent, document.querySelector("#contents p").textContent]`, []string{"向受众发送一条消息", "向页面发送消息。"})
	page.expect(`Array.from(document.querySelectorAll("#about, #calls dd, #calls summary, #calls strong, #contents p"), (e) => e.textContent).filter((text) => text && !/\p{Script=Han}/u.test(text))`, []string{})
	page.expect(`/undefined|\{(form|n|least|most|value)\}/.test(document.body.innerText)`, false)
	page.expect(`e2e.violations`, []string{})
}
