package e2e_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/gobwas/ws"

	"scenecast/freeport"
)

func TestServerRestart(t *testing.T) {
	t.Parallel()
	b := serve(t, freeport.Addr(t))
	home := openScene(t, b, "home", profile{})
	home.run(`e2e.record()`)
	home.setSpeed(10)
	home.run(`scenecast.on("welcome", () => { e2e.speed = 1; })`) // so that a busy machine may take its time to answer

	b.stop()
	home.wait(`document.querySelector("#state").dataset.state === "waiting"`)
	home.wait(`e2e.losses.length >= 2`) // it tries, in vain
	home.expect(`e2e.losses.slice(0, 2)`, []string{"close 4503 waiting", "close 1006 waiting"})

	b = serve(t, b.addr)
	home.wait(`document.querySelector("#state").dataset.state === "open" && e2e.welcomed === 2`)
	b.push("*", message1, 1)
	home.waitFor(`e2e.messages`, []any{json.RawMessage(message1)})
	b.expectConnections(1)
}

// The page's timers stand still, so it is the network's return that brings the page back.
func TestBackOnline(t *testing.T) {
	t.Parallel()
	b := serve(t, freeport.Addr(t))
	home := openScene(t, b, "home", profile{})
	home.run(`e2e.record()`)
	home.setSpeed(still)
	setOffline(home, true)
	home.expect(`scenecast.state`, "open")
	b.stop()
	home.waitFor(`e2e.losses`, []string{"close 4503 waiting"})
	b = serve(t, b.addr)
	home.expect(`[scenecast.state, e2e.sockets]`, []any{"waiting", 1})
	b.expectConnections(0)

	setOffline(home, false)
	home.wait(`scenecast.state === "open" && e2e.welcomed === 2`)
	b.push("*", `"back"`, 1)
	home.waitFor(`e2e.messages`, []string{"back"})
	b.expectConnections(1)
	home.expect(`e2e.sockets`, 2)

	// A connection that has survived is asked, not replaced; and the page does not take the answer for a push.
	setOffline(home, true)
	setOffline(home, false)
	home.waitFor(`e2e.answers`, 1)
	b.push("*", `"again"`, 1)
	home.waitFor(`e2e.messages`, []string{"back", "again"})
	home.expect(`[scenecast.state, e2e.sockets, e2e.losses.length]`, []any{"open", 2, 1})
	b.expectConnections(1)
}

// setOffline has the browser believe that the network has gone or come back, and tell the page, by the event.
func setOffline(b *tab, offline bool) {
	b.t.Helper()
	b.run(fmt.Sprintf(`e2e.told = false; addEventListener(%v ? "offline" : "online", () => { e2e.told = true; }, { once: true })`,
		offline))
	call(b, network.OverrideNetworkState,
		network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1})
	b.wait(`e2e.told`)
	b.expect(`navigator.onLine`, !offline)
}

func TestHeartbeatKeepsThePage(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	home := openScene(t, b, "home", profile{speed: 1, heartbeat: 10}) // one every 2.5 s
	home.run(`e2e.record()`)
	home.wait(`e2e.answers >= 2`)
	b.push("*", `"sentinel"`, 1)
	home.waitFor(`e2e.messages`, []string{"sentinel"})
	home.expect(`[e2e.sockets, e2e.losses]`, []any{1, []string{}})
	b.expectConnections(1)
}

// A server that hangs up decides by the close code whether the page comes back.
func TestCloseCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code   ws.StatusCode
		losses []string
	}{
		{1000, []string{"close 1000 closed"}},
		{4400, []string{"close 4400 closed"}},
		{4409, []string{"close 4409 closed"}},
		{4401, []string{"close 4401 closed", "refused 4401 closed"}},
		{4403, []string{"close 4403 closed", "refused 4403 closed"}},
		{1001, []string{"close 1001 waiting"}},
		{1012, []string{"close 1012 waiting"}},
		{4408, []string{"close 4408 waiting"}},
		{4410, []string{"close 4410 waiting"}},
		{4429, []string{"close 4429 waiting"}},
		{4503, []string{"close 4503 waiting"}},
	}
	page := newTab(t, profile{speed: still})
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			page.t = t
			server := serveStage(t)
			page.open(server.page)
			page.run(`e2e.record(); scenecast.connect({ token: "t", labels: { page: "home" } })`)
			server.accept().welcome().hangUp(tt.code)
			page.waitFor(`e2e.losses`, tt.losses)
			page.expect(`[e2e.sockets, scenecast.id]`, []any{1, nil})
			if page.json(`scenecast.state`) == `"closed"` {
				page.expect(`e2e.timers.size`, 0) // no attempt is to come
				page.run(`dispatchEvent(new Event("online"))`)
				page.expect(`[scenecast.state, e2e.sockets]`, []any{"closed", 1})
				page.run(`scenecast.connect({ token: "t" })`)
			} else {
				page.expect(`e2e.timers.size`, 1)
				page.run(`dispatchEvent(new Event("online"))`)
			}
			server.accept().welcome()
			page.wait(`scenecast.state === "open" && e2e.welcomed === 2`)
			page.expect(`e2e.losses`, tt.losses)
		})
	}
}

// A server that owes an answer is dead, whatever the network says; any frame is an answer.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	server := serveStage(t)
	page := newTab(t, profile{heartbeat: 20})
	page.open(server.page)
	page.run(`e2e.record(); scenecast.connect({ token: "t" })`)
	a := server.accept().welcome()
	for i := range 2 {
		a.expectMessage(`{"type":"ping"}`)
		a.send(fmt.Sprintf(`{"type":"push","position":"a-%d","data":"any frame"}`, i+1))
	}
	page.wait(`e2e.messages.length === 2`)
	page.setSpeed(20) // by now everything that was owed has come
	a.expectMessage(`{"type":"ping"}`)
	page.wait(`e2e.losses.length > 0`)
	page.expect(`e2e.losses[0]`, "close 4000 waiting")
}

// A page that is thrown out right after every welcome waits longer each time; once it has stayed, it starts anew.
func TestBackoff(t *testing.T) {
	t.Parallel()
	server := serveStage(t)
	page := newTab(t, profile{speed: still})
	page.open(server.page)
	page.run(`Math.random = () => 1; e2e.record(); scenecast.connect({ token: "t" })`)
	for i, delay := range []int{1000, 2000, 4000, 8000, 16000, 30000, 30000} {
		server.accept().welcome().hangUp(4408)
		page.wait(fmt.Sprintf(`e2e.losses.length === %d`, i+1))
		page.expect(`Array.from(e2e.timers.values())`, []int{delay})
		page.run(`dispatchEvent(new Event("online"))`)
	}
	last := server.accept().welcome()
	page.wait(`scenecast.id !== null`)
	page.run(`{ const now = performance.now(); performance.now = () => now + 6000; }`)
	last.hangUp(4408)
	page.wait(`scenecast.state === "waiting"`)
	page.expect(`Array.from(e2e.timers.values())`, []int{1000})
}
