package e2e_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience ends what would hang; nothing is asserted about it.
const patience = 90 * time.Second

// theBrowser is the one browser of all tests, and errBrowser why there is none.
var (
	theBrowser context.Context
	errBrowser error
	userAgent  string
)

func TestMain(m *testing.M) {
	code := 1
	func() {
		var stop func()
		stop, errBrowser = startBrowser()
		defer stop()
		code = m.Run()
	}()
	os.Exit(code)
}

func findBrowser() (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no browser: none of %s is in PATH; `make test` installs one (Debian: apt-get install chromium)",
		strings.Join(names, ", "))
}

// startBrowser sets theBrowser. The function that it returns ends the browser and removes what it has written.
func startBrowser() (stop func(), err error) {
	stop = func() {}
	path, err := findBrowser()
	if err != nil {
		return stop, err
	}
	profile, err := os.MkdirTemp("", "scenecast-e2e-")
	if err != nil {
		return stop, err
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(profile)}
	options = append(options, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1000, 800),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	stop = func() {
		// Gracefully, so that nothing writes into the profile while it is removed.
		ending, done := context.WithTimeout(ctx, patience)
		_ = chromedp.Cancel(ending)
		done()
		cancel()
		release()
		_ = os.RemoveAll(profile)
	}
	version, err := chromedp.CallBrowser(ctx, browser.GetVersion, cdp.Empty{})
	if err != nil {
		return stop, fmt.Errorf("start %s: %w", path, err)
	}
	theBrowser, userAgent = ctx, version.UserAgent
	return stop, nil
}

//go:embed testdata/instrument.js
var instrument string

// profile is what a page finds in its browser.
type profile struct {
	language string  // that the reader prefers. Defaults to the browser's.
	speed    float64 // by which setTimeout is faster than it should be. Defaults to 1.
	// heartbeat is by how much the heartbeat is faster still. What waits for the answer is not, so that a busy machine may take its time.
	// Defaults to 1.
	heartbeat float64
}

// Speeds. At slow, pop-ups stay for longer than any test takes, however busy the machine is; at still, no timer fires.
const (
	slow  = 1. / 10
	still = 1. / 10000
)

// tab is a tab with cookies, cache and window of its own. A script that throws in it fails the test.
type tab struct {
	t       *testing.T
	ctx     context.Context
	console *console
}

func newTab(t *testing.T, p profile) *tab {
	t.Helper()
	if errBrowser != nil {
		t.Fatal(errBrowser)
	}
	return openTab(t, theBrowser, p, chromedp.WithNewBrowserContext())
}

// sibling is another tab beside this one, as a reader opens it: with the same cookies, cache and connections.
func (b *tab) sibling(p profile) *tab {
	b.t.Helper()
	return openTab(b.t, b.ctx, p)
}

func openTab(t *testing.T, parent context.Context, p profile, options ...chromedp.ContextOption) *tab {
	t.Helper()
	log := newConsole()
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(log.listen))...)
	b := &tab{t: t, ctx: ctx, console: log}
	t.Cleanup(func() {
		cancel()
		for _, exception := range log.exceptions() {
			t.Errorf("a script has thrown: %s", exception)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // its life is that of this context, so without a timeout
		t.Fatalf("open a tab: %v", err)
	}
	source := instrument
	if p.speed != 0 {
		source += fmt.Sprintf("\ne2e.speed = %g;", p.speed)
	}
	if p.heartbeat != 0 {
		source += fmt.Sprintf("\ne2e.heartbeat = %g;", p.heartbeat)
	}
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
	if p.language != "" {
		call(b, emulation.SetUserAgentOverride,
			emulation.SetUserAgentOverrideParams{UserAgent: userAgent, AcceptLanguage: p.language})
	}
	return b
}

// do runs steps in the tab.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.describe())
	}
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// call runs a command of the browser's protocol in the tab.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// setSpeed is for the timers that are set from now on.
func (b *tab) setSpeed(speed float64) {
	b.t.Helper()
	b.run(fmt.Sprintf("e2e.speed = %g", speed))
}

// run runs a script for what it does.
func (b *tab) run(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script))
}

// await runs a script and waits until the promise that it ends in is fulfilled.
func (b *tab) await(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script, chromedp.EvalAwaitPromise))
}

// wait waits until a JavaScript expression is true. It evaluates it once per frame, in the page, by means that no
// Content-Security-Policy forbids and that are not speeded up.
func (b *tab) wait(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`new Promise((done, failed) => {
		const look = () => {
			try {
				if (%s) done(); else requestAnimationFrame(look);
			} catch (error) { failed(error); }
		};
		look();
	})`, condition), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("waiting for %s: %v\n%s", condition, err, b.describe())
	}
}

// expect says that an expression has this value, now. Values are compared as JSON.
func (b *tab) expect(expression string, want any) {
	b.t.Helper()
	if got, want := b.json(expression), mustJSON(want); got != want {
		b.t.Errorf("%s\n got %s\nwant %s", expression, got, want)
	}
}

// waitFor waits until an expression has this value.
func (b *tab) waitFor(expression string, want any) {
	b.t.Helper()
	b.wait(fmt.Sprintf("JSON.stringify(%s) === JSON.stringify(%s)", expression, mustJSON(want)))
}

// json is the value of an expression, as JSON; where the script fails, so does the test.
func (b *tab) json(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf("String(JSON.stringify(%s))", expression)))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// mustJSON is v as JSON.stringify writes it.
func mustJSON(v any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(text.String())
}

// describe is for failures: what the page looks like.
func (b *tab) describe() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + JSON.stringify(window.e2e) +
		"\nscenecast.state: " + (window.scenecast && scenecast.state) + "\n" + document.body.innerText`))
	if err != nil {
		text = err.Error()
	}
	return fmt.Sprintf("the page: %s\nits console: %q", text, b.console.lines())
}

// console is what a page has written to its console. It may be read while the page writes.
type console struct {
	mu      sync.Mutex
	logged  []string      // by console.log
	failed  []string      // by console.error
	thrown  []string      // by scripts
	changed chan struct{} // closed, and replaced, when one of them grows
}

func newConsole() *console { return &console{changed: make(chan struct{})} }

// listen takes the events of the tab.
func (c *console) listen(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeLog && e.Type != runtime.ConsoleAPICalledTypeError {
			return
		}
		var words []string
		for _, arg := range e.Args {
			var text string
			if json.Unmarshal(arg.Value, &text) != nil {
				text = string(arg.Value)
			}
			words = append(words, text)
		}
		if line := strings.Join(words, " "); e.Type == runtime.ConsoleAPICalledTypeError {
			c.failed = append(c.failed, line)
		} else {
			c.logged = append(c.logged, line)
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		c.thrown = append(c.thrown, text)
	default:
		return
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *console) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.logged)
}

func (c *console) exceptions() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.thrown)
}

// waitLine waits until a line has been logged at least n times.
func (b *tab) waitLine(line string, n int) {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		b.console.mu.Lock()
		count, changed := 0, b.console.changed
		for _, l := range b.console.logged {
			if l == line {
				count++
			}
		}
		b.console.mu.Unlock()
		if count >= n {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			b.t.Fatalf("waiting for %q in the console, %d times\n%s", line, n, b.describe())
		}
	}
}
