package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"testing"
	"time"

	"scenecast/audience"
	"scenecast/push"
)

// TestSPA: the example of a single-page application, built by Vite, moves between scenes on one connection; its pages get what is for the order that
// they show, and see who else looks at it.
func TestSPA(t *testing.T) {
	t.Parallel()
	if err := buildClient(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"scripts/install-npm examples/spa", "npm --prefix examples/spa run build"} {
		build := exec.Command("sh", "-c", command)
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	files := httptest.NewServer(http.FileServer(http.Dir("../examples/spa/dist")))
	t.Cleanup(files.Close)
	b := serveWith(t, anyPort, map[string]string{
		"client_tokens": `[{token: token-of-ann-of-the-spa, user: ann}, {token: token-of-bob-of-the-spa, user: bob}]`, "presence": "[{key: order, linger: 0s}]",
	})
	open := func(user string) *tab {
		page := newTab(t, profile{})
		page.open(files.URL + "/?server=" + url.QueryEscape(b.url("")) + "&token=token-of-" + user + "-of-the-spa")
		page.wait(`document.querySelector("#state")?.textContent === "open"`)
		return page
	}
	ann, bob := open("ann"), open("bob")
	b.awaitMatched(`app == "shop" && page == "orders"`, 2)
	show := func(page *tab, order string) {
		page.run(`document.querySelector('a[href="#/orders/` + order + `"]').click()`)
		page.wait(`document.querySelector("h1").textContent === "Order ` + order + `"`)
	}
	sees := func(page *tab, who string) {
		page.wait(`document.querySelector("#here").textContent === "Looking at it: ` + who + `"`)
	}
	show(ann, "7")
	sees(ann, "ann")
	show(bob, "7")
	sees(ann, "ann, bob")
	b.pushNamed(`order == "7"`, "order.changed", `"shipped"`, 2)
	for _, page := range []*tab{ann, bob} {
		page.wait(`document.querySelector("#news").textContent === "order 7: shipped"`)
	}
	show(bob, "8")
	sees(bob, "bob")
	sees(ann, "ann")
	b.pushNamed(`order == "7"`, "order.changed", `"paid"`, 1)
	ann.wait(`document.querySelector("#news").textContent === "order 7: shippedorder 7: paid"`)
	bob.expect(`document.querySelector("#news").textContent`, "")
	bob.run(`location.hash = "#/"`)
	bob.wait(`document.querySelector("h1").textContent === "Orders"`)
	b.awaitMatched(`page == "orders" && !has(order)`, 1)
	b.expectConnections(2)
}

// awaitMatched waits until an audience has so many pages.
func (b *backend) awaitMatched(to string, want int) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		result, err := b.Push(b.t.Context(), push.Request{To: expression(b.t, to), DryRun: true})
		if err != nil {
			b.t.Fatal(err)
		}
		if result.Tally.Matched == want {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s matches %d pages, want %d", to, result.Tally.Matched, want)
		}
	}
}

// pushNamed pushes an event to the pages that an audience selects, and says how many there must be.
func (b *backend) pushNamed(to, event, message string, want int) {
	b.t.Helper()
	result, err := b.pushAgain(push.Request{To: expression(b.t, to), Event: event, Message: json.RawMessage(message)})
	if err != nil || result.Tally.Matched != want {
		b.t.Errorf("a push to %s: %+v, %v, want %d pages", to, result.Tally, err, want)
	}
}

func expression(t *testing.T, text string) audience.Expr {
	t.Helper()
	expr, err := audience.Parse(text)
	if err != nil {
		t.Fatalf("audience %s: %v", text, err)
	}
	return expr
}
