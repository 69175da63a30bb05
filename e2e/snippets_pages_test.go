package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	"scenecast"
	"scenecast/client"
	"scenecast/push"
)

// What documents have said before a block.
const (
	withClient  = `import { scenecast } from "scenecast"; `
	withScript  = `<script src="http://localhost:9502/scenecast.js"></script>`
	withPusher  = `<script src="/pusher.js"></script><script src="/echo.js"></script><script>window.Echo = Echo.default ?? Echo;</script>`
	importsEcho = `import Echo from "laravel-echo"; `
	// readersPage is a page of the reader, with the functions that a document takes for granted.
	readersPage = `<!DOCTYPE html><meta charset="utf-8"><title>page</title><button id="buy">buy</button><div id="app"></div><script>
		e2e.shown = [];
		const show = (what) => e2e.shown.push(what), toast = show;
		const showDialog = (what) => new Promise((closed) => { e2e.dialog = what; e2e.closeDialog = closed; });
	</script>`
)

func in(document, words string) place { return place{document: document, words: words} }
func by(document, words, t string) place {
	return place{document: document, words: words, elsewhere: t}
}
func tag(document, words string) pagePlace {
	return pagePlace{place: in(document, words), as: asPage, run: tagged}
}

var pagePlaces = []pagePlace{
	tag("README.md", "data-popup"),
	tag("docs/client.md", "http://host:9502/scenecast.js"),
	tag("docs/tutorial-first-popup.md", "<h1>Home</h1>"),
	tag("docs/tutorial-first-popup.md", "<title>Order 7</title>"),
	tag("docs/tutorial-from-pusher.md", "<script"),
	tag("docs/tutorial-from-swoole.md", "<script"),
	{place: in("docs/client.md", "scenecast-presence.js"), as: asPage, head: readersPage, run: func(r *pageRun, _ snippet) {
		ann := r.listen("token-of-ann", client.Labels{"order": {"7"}})
		r.tab.waitFor(`e2e.shown.at(-1)`, []string{"Ann"})
		ann.end()
		r.tab.waitFor(`e2e.shown.at(-1)`, []string{})
		r.listen("token-of-ann", client.Labels{"order": {"7"}})
		r.tab.waitLine("ann has come", 1)
	}},
	{place: in("docs/presence.md", "scenecast-presence.js"), as: asPage, run: func(r *pageRun, _ snippet) {
		r.tab.waitFor(`[here.count, here.anonymous]`, []int{0, 1})
		r.listen("token-of-ann", client.Labels{"order": {"7"}})
		r.tab.waitFor(`[here.count, here.anonymous, here.members.map((m) => m.labels.name ?? m.user)]`, []any{1, 1, []string{"Ann"}})
	}},
	{place: in("docs/client.md", "buy.onclick"), as: asPage, head: readersPage, run: func(r *pageRun, _ snippet) {
		r.tab.run(`buy.click()`)
		r.tab.waitFor(`e2e.shown`, []string{"3 in stock"})
		r.tab.run(`scenecast.close(); buy.click()`)
		r.tab.wait(`e2e.shown.length === 2 && typeof e2e.shown[1] === "string"`)
	}},
	{
		place: in("docs/client.md", "const props"), as: asComponent, head: readersPage,
		before: `<template><p>{{ state }}: {{ here.members.map((m) => m.labels.name).join(", ") }}</p></template>`,
		after: withClient + `import { createApp } from "vue";
			scenecast.connect({ url: "http://localhost:9502/v1/connect", token: "CLIENT_TOKEN" });
			createApp(Part, { id: "7" }).mount("#app");`,
		run: showsOrder,
	},
	{
		place: in("docs/client.md", "function Order"), as: asModule, head: readersPage,
		after: withClient + `import { createRoot } from "react-dom/client";
			scenecast.connect({ url: "http://localhost:9502/v1/connect", token: "CLIENT_TOKEN" });
			createRoot(document.querySelector("#app")).render(<Order id="7" />);`,
		run: showsOrder,
	},
	{place: in("docs/client.md", "or createClient"), as: asModule, run: logsHello},
	{place: in("clients/js/README.md", "await scenecast.set"), as: asModule, run: func(r *pageRun, _ snippet) {
		r.backend.awaitMatched(`page == "list"`, 1)
		r.backend.push("*", `"hello"`, 1)
		r.tab.waitLine("hello", 1)
	}},
	{
		place: in("docs/client.md", `presence(scenecast, "order")`), as: asModule,
		after: `scenecast.connect({ url: "http://localhost:9502/v1/connect", token: "CLIENT_TOKEN", labels: { order: "7" } }); window.here = here;`,
		run: func(r *pageRun, _ snippet) {
			r.listen("token-of-ann", client.Labels{"order": {"7"}})
			r.tab.waitFor(`window.here?.members.map((m) => m.labels.name)`, []string{"Ann"})
		},
	},
	{
		place: in("docs/client.md", "const stock"), as: asModule,
		before: `scenecast.connect({ url: "http://localhost:9502/v1/connect", token: "CLIENT_TOKEN" }); `, after: `window.stock = stock;`,
		run: func(r *pageRun, _ snippet) { r.tab.waitFor(`window.stock`, "3 in stock") },
	},
	{place: in("docs/client.md", "/push-token"), as: asScript, head: withScript, run: func(r *pageRun, _ snippet) {
		r.backend.awaitMatched(`@user == "ann"`, 1)
	}},
	{place: in("docs/client.md", "showDialog"), as: asScript, head: readersPage + withScript, run: acknowledges},
	{
		place: in("docs/client.md", `from "ws"`), as: asProgram, types: withClient, before: withClient,
		after: `scenecast.on("welcome", ({ id }) => console.log(id));
			scenecast.on("message", (data) => { console.log(data); scenecast.close(); });`,
		run: inNode,
	},
	{place: in("docs/protocol.md", "new EventSource"), as: asScript, head: readersPage, run: func(r *pageRun, _ snippet) {
		r.backend.awaitMatched(`page == "home"`, 1)
		r.backend.push(`page == "home"`, `{"n":1}`, 1)
		r.backend.pushNamed("*", "order.shipped", `{"n":2}`, 1)
		r.tab.waitFor(`e2e.shown`, []any{map[string]int{"n": 1}, map[string]int{"n": 2}})
		r.backend.disconnect(4403)
		r.tab.wait(`events.readyState === EventSource.CLOSED`)
	}},
	{place: in("docs/pusher.md", "new Echo"), as: asScript, types: importsEcho, head: withPusher, run: func(r *pageRun, _ snippet) {
		r.tab.wait(`Echo.connector.pusher.connection.state === "connected"`)
		r.tab.run(`e2e.shown = []; void Echo.channel("orders.7").listen(".shipped", (e) => e2e.shown.push(e))`)
		r.backend.awaitMatched(`@channel == "orders.7"`, 1)
		r.backend.pushNamed(`@channel == "orders.7"`, "shipped", `{"order":7}`, 1)
		r.tab.waitFor(`e2e.shown`, []map[string]int{{"order": 7}})
	}},
	{place: in("docs/tutorial-from-pusher.md", "new Echo"), as: asScript, types: importsEcho, head: withPusher, run: func(r *pageRun, _ snippet) {
		r.backend.awaitMatched(`@channel == "orders.7"`, 1)
		r.backend.pushNamed(`@channel == "orders.7"`, "shipped", `{"order":7}`, 1)
		r.tab.waitLine("shipped: 7", 1)
	}},
	{
		place: in("docs/pusher.md", "const positions"), as: asScript, head: withPusher,
		types:  `import Pusher from "pusher-js"; const pusher = new Pusher("key", { cluster: "none" }); `,
		before: `const pusher = new Pusher("` + docsPusherKey + `", { cluster: "none", wsHost: "push.example.com", wsPort: 9502, forceTLS: false, enabledTransports: ["ws"] });`,
		after:  `e2e.shown = []; pusher.subscribe("news").bind("e", (data) => e2e.shown.push(data));`,
		run:    resumesChannel,
	},
	{place: in("docs/tutorial-from-centrifugo.md", "new Centrifuge"), as: asTypes, types: `import { Centrifuge } from "centrifuge"; `},
	{
		place: in("docs/tutorial-from-socketio.md", "io.use"), as: asProgram, types: `import { Server } from "socket.io"; const io = new Server(); `,
		before: `import { Server } from "socket.io"; const io = new Server(SOCKET_IO_PORT), userOf = (token) => token; `,
		after: `import { pathToFileURL } from "node:url";
			for (globalThis.nextToken of ["ann", "bob"]) await import(pathToFileURL(process.argv[2]) + "?" + nextToken);`,
		run: hearsOther,
	},
	{
		place: in("docs/tutorial-from-socketio.md", "emitWithAck"), as: asProgram, types: `import { io } from "socket.io-client"; `, // by the block above
		before: `import { io as connect } from "socket.io-client"; const token = nextToken, io = (_, options) => connect("http://127.0.0.1:SOCKET_IO_PORT", options); `,
	},
}

// tagged: the page of the tag is connected with its labels, gets a push to them, and shows a pop-up of it where the tag says so.
func tagged(r *pageRun, s snippet) {
	r.tab.wait(`scenecast.state === "open" && e2e.welcomed === 1`)
	r.tab.setSpeed(slow)
	r.tab.run(`e2e.record()`)
	var labels []string
	for _, match := range regexp.MustCompile(`data-([a-z]+)="(.*?)"`).FindAllStringSubmatch(s.code, -1) {
		if match[1] != "token" {
			labels = append(labels, match[1]+` == "`+match[2]+`"`)
		}
	}
	r.backend.push(strings.Join(labels, " && "), `{"code":200,"message":"hello"}`, 1)
	r.tab.waitFor(`e2e.messages.map(({ message }) => message)`, []string{"hello"})
	if strings.Contains(s.code, "data-popup") {
		r.tab.waitFor(`e2e.popupTexts()`, []string{"hello"})
	}
}

func logsHello(r *pageRun, _ snippet) {
	r.backend.awaitMatched(`page == "home"`, 1)
	r.backend.push(`page == "home"`, `"hello"`, 1)
	r.tab.waitLine("hello", 1)
}

// showsOrder: a component moves the page to its order, and shows who is there, and what is pushed.
func showsOrder(r *pageRun, _ snippet) {
	r.backend.awaitMatched(`page == "order" && order == "7"`, 1)
	r.listen("token-of-ann", client.Labels{"order": {"7"}})
	r.tab.waitFor(`document.querySelector("#app").textContent`, "open: Ann")
	r.backend.push("*", `"without a name"`, 2)
	r.backend.pushNamed("*", "order.shipped", `"shipped"`, 2)
	r.tab.waitFor(`e2e.shown`, []string{"shipped"})
}

// acknowledges: the page acknowledges when the reader has closed the dialog.
func acknowledges(r *pageRun, _ snippet) {
	r.tab.wait(`scenecast.state === "open" && scenecast.id !== null`)
	acked := make(chan push.Result, 1)
	go func() {
		result, err := r.backend.Push(r.t.Context(), push.Request{To: everybody, Message: json.RawMessage(`"read me"`), Receipt: scenecast.ReceiptAcked, Timeout: patience})
		if err != nil {
			r.t.Error(err)
		}
		acked <- result
	}()
	r.tab.waitFor(`e2e.dialog`, "read me")
	select {
	case result := <-acked:
		r.t.Errorf("the push is acknowledged while the dialog is open: %+v", result.Tally)
	default:
	}
	r.tab.run(`e2e.closeDialog()`)
	if result := <-acked; result.Tally.Acked != 1 {
		r.t.Errorf("acknowledged by %d pages, want 1", result.Tally.Acked)
	}
}

// resumesChannel: what was published while the page was away comes when it is back.
func resumesChannel(r *pageRun, _ snippet) {
	news := func(n string, want int) { r.backend.pushNamed(`@channel == "news"`, "e", n, want) }
	r.backend.awaitMatched(`@channel == "news"`, 1)
	news("1", 1)
	r.tab.waitFor(`e2e.shown`, []int{1})
	r.tab.run(`pusher.disconnect()`)
	r.backend.awaitMatched("*", 0)
	news("2", 0)
	r.tab.run(`pusher.connect()`)
	r.backend.awaitMatched(`@channel == "news"`, 1)
	news("3", 1)
	r.tab.waitFor(`e2e.shown`, []int{1, 2, 3})
}

// listener is a page without a browser.
type listener struct {
	t    *testing.T
	got  chan client.Push
	stop context.CancelFunc
	left chan error
}

// listen connects a page, until it or the test ends.
func (r *pageRun) listen(token string, labels client.Labels) *listener {
	r.t.Helper()
	return r.backend.listen(r.t, token, labels)
}

func (b *backend) listen(t *testing.T, token string, labels client.Labels) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &listener{t, make(chan client.Push, 100), cancel, make(chan error, 1)}
	connected := make(chan struct{})
	welcome := sync.OnceFunc(func() { close(connected) })
	page, err := client.NewPage(client.PageOptions{URL: b.url(""), Token: token, Labels: labels, Acknowledge: true, OnWelcome: func(client.Welcome) { welcome() }})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		l.left <- page.Run(ctx, func(p client.Push) error {
			l.got <- p
			return nil
		})
	}()
	t.Cleanup(l.end)
	select {
	case <-connected:
	case err := <-l.left:
		l.left <- err
		t.Fatal(err)
	}
	return l
}

// end closes the page.
func (l *listener) end() {
	l.stop()
	err := <-l.left
	l.left <- err
	if !errors.Is(err, context.Canceled) {
		l.t.Errorf("the page has ended: %v", err)
	}
}

// expect waits for a push with this data.
func (l *listener) expect(want string) {
	l.t.Helper()
	select {
	case p := <-l.got:
		if string(p.Data) != want {
			l.t.Errorf("the page gets %s, want %s", p.Data, want)
		}
	case err := <-l.left:
		l.left <- err
		l.t.Fatalf("waiting for %s: %v", want, err)
	}
}
