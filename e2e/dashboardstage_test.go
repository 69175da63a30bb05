package e2e_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

var dashboardPictures = flag.String("dashboard-screenshots", "", "the directory in which pictures of the dashboard are written; empty: none are")

// The API keys of startDashboard.
const (
	operatorKey = "key-of-an-operator-1" // may everything
	readerKey   = "key-of-a-reader-0001" // looks
	confinedKey = "key-of-a-tenant-0001" // as the operator, within plan == "pro"
)

// startDashboard runs a server with the dashboard, and these settings besides.
func startDashboard(t *testing.T, settings map[string]string) *backend {
	t.Helper()
	all := dashboardSettings()
	maps.Copy(all, settings)
	return serveWith(t, anyPort, all)
}

func dashboardSettings() map[string]string {
	return map[string]string{
		"dashboard.enabled": "true",
		"api_keys": fmt.Sprintf(`[{name: operator, key: %s, allow: [read, push, trigger, manage, admin]}, {name: reader, key: %s, allow: [read]},
			{name: tenant, key: %s, within: 'plan == "pro"'}]`, operatorKey, readerKey, confinedKey),
	}
}

// openDashboard opens the dashboard in a tab of its own, at its login.
func openDashboard(t *testing.T, b *backend, p profile) *tab {
	t.Helper()
	d := newTab(t, p)
	d.open(b.url("/dashboard/"))
	d.wait(`document.querySelector("input[type=password]")`)
	t.Cleanup(func() {
		d.expect(`e2e.violations`, []string{})
		if errs := d.console.errors(); len(errs) > 0 {
			t.Errorf("the dashboard's console has errors: %q", errs)
		}
	})
	return d
}

// login logs in by a key, and waits for the first screen.
func (b *tab) login(key string) {
	b.t.Helper()
	b.typeInto(`input[type=password]`, key)
	b.run(`document.querySelector("input[type=password]").form.requestSubmit()`)
	b.wait(`document.querySelector("nav.screens") && !document.querySelector("input[type=password]")`)
}

// typeInto has a field have this text, as if it was typed.
func (b *tab) typeInto(selector, text string) {
	b.t.Helper()
	b.run(fmt.Sprintf(`{ const field = document.querySelector(%s); field.value = %s; field.dispatchEvent(new Event("input", {bubbles: true})); }`,
		mustJSON(selector), mustJSON(text)))
}

// screen shows a screen of the dashboard, and waits until it awaits no answer.
func (b *tab) screen(name string) {
	b.t.Helper()
	b.run(`location.hash = "#/` + name + `"`)
	b.wait(`document.querySelector("nav.screens [aria-current]")?.getAttribute("href").startsWith("#/` + name + `") && !document.querySelector("[aria-busy]")`)
}

// look is how a page is looked at.
type look struct {
	width int64
	theme string // light or dark
}

func (l look) String() string { return fmt.Sprintf("%d-%s", l.width, l.theme) }

var looks = []look{{390, "light"}, {390, "dark"}, {1280, "light"}, {1280, "dark"}}

func (b *tab) look(l look) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: 844, DeviceScaleFactor: 1, Mobile: l.width < 500})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.theme}}})
	b.awaitMedia(fmt.Sprintf("(width: %dpx) and (prefers-color-scheme: %s)", l.width, l.theme))
}

// awaitMedia waits until a media query matches: the browser tells its pages of another size or theme a moment later than it answers that it has it.
func (b *tab) awaitMedia(query string) {
	b.t.Helper()
	b.wait(`matchMedia(` + mustJSON(query) + `).matches`)
}

// axe has axe-core look at the page: nothing may be wrong by WCAG 2.2 AA or its best practices. name is for the failure, and for a picture.
func (b *tab) axe(name string) {
	b.t.Helper()
	source, err := os.ReadFile("../dashboard/app/node_modules/axe-core/axe.min.js")
	if errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal("axe-core is missing: `scripts/install-npm dashboard/app` installs it, as `make browser` does")
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.run(`if (!window.axe) {` + string(source) + `}; undefined`) // the browser's protocol, which no policy concerns
	b.await(`axe.run().then((result) => { e2e.axe = result.violations.map((v) =>
		v.id + ": " + v.help + ": " + v.nodes.map((n) => n.target + " " + n.any.map((a) => a.message)).join("; ")); })`)
	if wrong := b.json(`e2e.axe`); wrong != "[]" {
		b.t.Errorf("%s: axe finds: %s", name, wrong)
	}
	b.fits()
	b.picture(name)
}

// fits tells whether the page is wider than the window. A phone's browser shrinks one that is, and innerWidth grows with it: clientWidth does not.
func (b *tab) fits() {
	b.t.Helper()
	b.expect(`[document.documentElement.scrollWidth <= document.documentElement.clientWidth, [...document.querySelectorAll("select, button")].filter((each) =>
		!each.closest(".scroll") && each.getBoundingClientRect().right > document.documentElement.clientWidth).map((each) => each.textContent)]`, []any{true, []any{}})
}

// picture writes a picture of the page, where the flag asks for it.
func (b *tab) picture(name string) {
	b.t.Helper()
	if *dashboardPictures == "" {
		return
	}
	shot := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err := os.WriteFile(filepath.Join(*dashboardPictures, name+".png"), shot.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// join connects a page with these labels, until the test ends.
func (b *backend) join(labels url.Values) {
	b.t.Helper()
	labels.Set("token", token)
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	dialer := ws.Dialer{Protocols: []string{"scenecast.v1"}}
	conn, _, _, err := dialer.Dial(ctx, "ws://"+b.addr+"/v1/connect?"+labels.Encode())
	if err != nil {
		b.t.Fatalf("join with %.200v: %v", labels, err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { // what it gets is nobody's; pings are answered, so that the server does not take it for dead
		for {
			if _, err := wsutil.ReadServerText(conn); err != nil {
				return
			}
		}
	})
	b.t.Cleanup(func() {
		_ = conn.Close()
		reading.Wait()
	})
}

// key runs a key of the keyboard in the page.
func (b *tab) key(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// errors are the lines that the page has written to its console as errors.
func (c *console) errors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failed)
}

// metric is one of the browser's figures of the tab, which performance.Enable has it count. JSHeapUsedSize is what its scripts hold, and what is garbage there.
func (b *tab) metric(name string) float64 {
	b.t.Helper()
	for _, metric := range call(b, performance.GetMetrics, cdp.Empty{}).Metrics {
		if metric.Name == name {
			return metric.Value
		}
	}
	b.t.Fatalf("the browser tells no %s", name)
	return 0
}
