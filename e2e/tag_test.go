package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/security"

	js "scenecast/clients/js"
)

// Turbo and wire:navigate swap the page without loading it anew, and run the tag that the next one brings. It moves the page to that
// one's scene on the same connection; what has another server or another token is another connection.
func TestSecondTagMovesThePage(t *testing.T) {
	t.Parallel()
	b := serveWith(t, anyPort, map[string]string{
		"client_tokens": `[{token: "` + token + `"}, {token: other, labels: {plan: pro}}]`,
	})
	page := newTab(t, profile{})
	const tag = `<script src="%s" data-token="%s" %s></script>`
	page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><head>`+tag+`</head><p>first`,
		b.url("/scenecast.js"), token, `data-page="home" data-order="7"`), ""))
	page.wait(`scenecast.id !== null`)
	page.run(`e2e.record()`)
	visit := func(token, attributes string) {
		t.Helper()
		page.await(fmt.Sprintf(`new Promise((ran, failed) => {
			const body = document.createElement("body");
			body.innerHTML = %s;
			document.body.replaceWith(body);
			const inert = body.querySelector("script"), tag = document.createElement("script"); // as Turbo does it
			for (const { name, value } of inert.attributes) tag.setAttribute(name, value);
			tag.onload = ran;
			tag.onerror = failed;
			inert.replaceWith(tag);
		})`, mustJSON(fmt.Sprintf(tag, b.url("/scenecast.js"), token, attributes))))
	}

	visit(token, `data-page="list" data-popup`)
	page.await(`scenecast.set({})`) // is answered behind what the tag has set
	b.push(`page == "list" && !has(order)`, `"list"`, 1)
	b.push(`page == "home" || has(order)`, `"home"`, 0)
	page.waitFor(`e2e.messages`, []string{"list"})
	page.waitFor(`e2e.popupTexts()`, []string{"list"})

	// What the page has set by hand goes with the page that did it.
	page.await(`scenecast.set({ page: "detail", tag: "x" })`)
	visit(token, `data-page="list"`)
	page.await(`scenecast.set({})`)
	b.push(`page == "list" && !has(tag)`, `"again"`, 1)
	page.waitFor(`e2e.messages`, []string{"list", "again"})
	page.expect(`[e2e.sockets, e2e.losses, document.querySelector("#scenecast-popups")]`, []any{1, []string{}, nil})

	visit("other", `data-page="list"`)
	page.wait(`e2e.sockets === 2 && scenecast.id !== null`)
	b.push(`page == "list" && plan == "pro"`, `"pro"`, 1)
	page.waitFor(`e2e.messages`, []string{"list", "again", "pro"})
	b.awaitConnections(1)
}

// A module has no tag to read: it says so instead of doing nothing. One that connects by hand is told nothing.
func TestModuleTagWarns(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := newTab(t, profile{})
	const html = `<!DOCTYPE html><script>e2e.warnings = []; console.warn = (text) => e2e.warnings.push(text);</script>`
	page.open(servePage(t, html+fmt.Sprintf(`<script type="module" src="%s" data-token="%s" data-page="home"></script>`,
		b.url("/scenecast.js"), token), ""))
	page.wait(`window.scenecast`)
	page.expect(`[scenecast.state, e2e.warnings]`, []any{"idle", []string{
		"scenecast: a module cannot read its tag: leave type=module out, or call scenecast.connect",
	}})

	page.open(servePage(t, html+fmt.Sprintf(`<script type="module">import "%s"; scenecast.connect({ url: %q, token: %q });</script>`,
		b.url("/scenecast.js"), b.url("/v1/connect"), token), ""))
	page.wait(`window.scenecast && scenecast.id !== null`)
	page.expect(`e2e.warnings`, []string{})
}

// Behind a proxy that has the server under a path, the script finds it there, for WebSocket and for event streams.
func TestScriptFindsItsServerBesideItself(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	target, err := url.Parse(b.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/push/", http.StripPrefix("/push", httputil.NewSingleHostReverseProxy(target)))
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><script src="/push/scenecast.js?v=1" data-token="%s" data-page="home"></script>`, token)
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	page := newTab(t, profile{})
	page.open(site.URL + "/page")
	page.wait(`scenecast.id !== null`)
	page.run(`e2e.record()`)
	b.push(`page == "home"`, `"by socket"`, 1)
	page.waitFor(`e2e.messages`, []string{"by socket"})
	page.run(`WebSocket = undefined; scenecast.connect({ token: "` + token + `", labels: { page: "home" } })`)
	page.wait(`scenecast.id !== null`)
	b.push(`page == "home"`, `"by stream"`, 1)
	page.waitFor(`e2e.messages`, []string{"by socket", "by stream"})
	page.run(`scenecast.close()`)
}

// The same file is a classic worker's, too, which has neither a document nor modules.
func TestScriptInAWorker(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := newTab(t, profile{})
	page.open(servePage(t, `<!DOCTYPE html>`, ""))
	page.run(fmt.Sprintf(`
		e2e.told = [];
		e2e.worker = new Worker(URL.createObjectURL(new Blob([%s])));
		e2e.worker.onmessage = ({ data }) => e2e.told.push(data);
		e2e.worker.onerror = ({ message }) => e2e.told.push(message);`, mustJSON(fmt.Sprintf(`
		importScripts(%q);
		scenecast.on("welcome", () => postMessage("welcome"));
		scenecast.on("message", (data) => postMessage(data));
		scenecast.connect({ url: %q, token: %q, labels: { page: "home" } });`, b.url("/scenecast.js"), b.url("/v1/connect"), token))))
	page.waitFor(`e2e.told`, []string{"welcome"})
	b.push(`page == "home"`, `"in a worker"`, 1)
	page.waitFor(`e2e.told`, []string{"welcome", "in a worker"})
	page.run(`e2e.worker.terminate()`)
}

// A page over HTTPS cannot connect to ws://. It is told so, and, where its token is fetched, does not try for ever.
func TestMixedContent(t *testing.T) {
	t.Parallel()
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><script>%s</script>`, js.Script)
	}))
	t.Cleanup(site.Close)
	page := newTab(t, profile{})
	call(page, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	page.open(site.URL)
	page.run(`e2e.record(); e2e.reasons = [];
		scenecast.on("close", ({ reason }) => e2e.reasons.push(reason.split(":")[0]));
		scenecast.connect({ url: "ws://push.example/v1/connect", token: async () => "t" })`)
	page.waitFor(`e2e.losses`, []string{"close 4400 closed"})
	page.expect(`[e2e.reasons, e2e.timers.size]`, []any{[]string{"SecurityError"}, 0})
	page.run(`try { scenecast.connect({ url: "ws://push.example/v1/connect", token: "t" }); } catch (error) { e2e.thrown = error.name; }`)
	page.expect(`[e2e.thrown, scenecast.state]`, []string{"SecurityError", "closed"})
}
