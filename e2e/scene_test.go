package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/gobwas/ws"

	"scenecast/freeport"
)

// openByHand opens a page of another origin that has the script, connects by itself and records what it gets.
func openByHand(t *testing.T, b *backend, p profile, connect string) *tab {
	t.Helper()
	page := newTab(t, p)
	page.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><script src="%s"></script><p>by hand`, b.url("/scenecast.js")), ""))
	page.run(`e2e.record(); e2e.recordScenes(); scenecast.connect(` + connect + `)`)
	page.wait(`e2e.welcomed === 1`)
	return page
}

// stay is a time that the page has spent in a scene, by the numbers of the pushes.
type stay struct {
	scene    string
	from, to int // [from, to) were pushed after the set was confirmed and before the next one was sent
}

// A page moves between two scenes while pushes to both go on, and sees exactly its own, whatever was on the way.
func TestSceneMove(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := openByHand(t, b, profile{}, `{ token: "`+token+`", labels: { page: "home" } }`)
	k := startTicker(t, b, [2]string{"home", "list"})

	const perStay = 30
	stays := []stay{{scene: "home"}}
	for _, scene := range []string{"list", "home", "list", "home", "list", "home"} {
		here := &stays[len(stays)-1]
		k.wait(t, here.from+perStay)
		here.to = k.completed()
		page.await(`e2e.move(` + mustJSON(scene) + `)`)
		stays = append(stays, stay{scene: scene, from: k.next()})
	}
	here := &stays[len(stays)-1]
	k.wait(t, here.from+perStay)
	pushes := k.halt()
	here.to = len(pushes)
	b.push("*", `"sentinel"`, 1)
	page.wait(`e2e.scenes.at(-1) === "sentinel"`)

	var log []json.RawMessage
	if err := json.Unmarshal([]byte(page.json(`e2e.scenes`)), &log); err != nil {
		t.Fatal(err)
	}

	// In the page's order, every message is of the scene that was confirmed last.
	var got []int
	confirmed, moves := "home", 0
	for _, entry := range log[:len(log)-1] {
		var e struct {
			numbered
			Confirmed string
		}
		if err := json.Unmarshal(entry, &e); err != nil {
			t.Fatalf("%s: %v", entry, err)
		}
		switch {
		case e.Confirmed != "":
			confirmed, moves = e.Confirmed, moves+1
		case e.Scene != confirmed:
			t.Errorf("in the scene %s, after %d moves, the page got push %d, to %s", confirmed, moves, e.N, e.Scene)
		default:
			got = append(got, e.N)
		}
	}
	if moves != len(stays)-1 {
		t.Errorf("%d moves were confirmed, want %d", moves, len(stays)-1)
	}

	// It got what the server says that it got: once, in order, and nothing is missing.
	var want []int
	for _, p := range pushes {
		if p.matched == 1 {
			want = append(want, p.N)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page got the pushes\n%v, want\n%v", got, want)
	}

	// And what was pushed while the page was certainly in a scene matched it if, and only if, it was for that scene.
	for _, s := range stays {
		if s.to-s.from < perStay {
			t.Errorf("a stay in %s from push %d to %d", s.scene, s.from, s.to)
		}
		for _, p := range pushes[s.from:s.to] {
			if (p.matched == 1) != (p.Scene == s.scene) {
				t.Errorf("push %d to %s, while the page was in %s, matched %d pages", p.N, p.Scene, s.scene, p.matched)
			}
		}
	}
	page.expect(`e2e.sockets`, 1)
	page.expect(`e2e.inOrder()`, true)
	b.expectConnections(1)
}

func TestSetLabels(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := openByHand(t, b, profile{speed: still}, `{ token: "`+token+`", labels: { page: "home", order: ["7", "8"] } }`)
	page.expect(`/^\d+\.\d+$/.test(scenecast.id) || scenecast.id`, true)
	page.awaitSet(`{ page: ["list", "back"], order: null, tag: ["a", "b & ü=?"], plan: [] }`, "done")
	b.push(`page == "home" || has(order) || has(plan)`, `"old"`, 0)
	b.push(`page == "list" && page == "back" && tag == "a" && tag == "b & ü=?"`, `"new"`, 1)
	page.awaitSet(`{}`, "done")

	// Several on the way are answered in order, and the last one counts.
	page.await(`e2e.race = []; Promise.all(["a", "b", "c"].map((to) => scenecast.set({ page: to }).then(() => e2e.race.push(to))))`)
	page.expect(`e2e.race`, []string{"a", "b", "c"})
	b.push(`page == "c"`, `"c"`, 1)
	b.push(`page == "a" || page == "b"`, `"a or b"`, 0)
	page.expect(`[e2e.sockets, e2e.losses]`, []any{1, []string{}})

	// A page's own mistakes never reach the server, which would hang up.
	for _, mistake := range []string{
		`{ page: 7 }`, `{ page: undefined }`, `{ page: ["a", null] }`, `{ page: {} }`,
		`{ "9": "x" }`, `{ "@id": "x" }`, `{ token: "x" }`, `"page"`, `undefined`, `null`,
	} {
		page.awaitSet(mistake, "TypeError")
	}
	b.push("*", `"sentinel"`, 1)
	page.waitFor(`e2e.messages`, []string{"new", "c", "sentinel"})
	page.expect(`[e2e.sockets, e2e.losses]`, []any{1, []string{}})
}

// awaitSet sets labels and says how that must end: "done", or the error.
func (b *tab) awaitSet(labels, want string) {
	b.t.Helper()
	b.await(`scenecast.set(` + labels + `).then(() => "done", e2e.tell).then((how) => { e2e.outcome = how; })`)
	b.expect(`[`+mustJSON(labels)+`, e2e.outcome]`, []string{labels, want})
}

// A refused set says why, and changes nothing, not even what it names beside what is refused.
func TestSetRefused(t *testing.T) {
	t.Parallel()
	b := serveWith(t, freeport.Addr(t), map[string]string{
		"labels.client": "page,plan",
		"client_tokens": `[{token: "` + token + `", labels: {plan: pro}}]`,
	})
	page := openByHand(t, b, profile{speed: still}, `{ token: "`+token+`", labels: { page: "home" } }`)
	const (
		unlisted = "ScenecastError forbidden at labels.order by labels.client: " +
			"labels.order: a page may set only page, plan (setting: labels.client)"
		trusted = "ScenecastError forbidden at labels.plan: " +
			"labels.plan: this label is set by the page's token or by the backend, and a page cannot change it"
	)
	page.awaitSet(`{ page: "list", order: "7" }`, unlisted)
	page.awaitSet(`{ page: "list", plan: "free" }`, trusted)
	page.awaitSet(`{ plan: null }`, trusted)
	b.push(`page == "home" && plan == "pro"`, `"here"`, 1)
	b.push(`page == "list" || plan == "free" || has(order)`, `"not here"`, 0)
	page.waitFor(`e2e.messages`, []string{"here"})
	page.expect(`[e2e.sockets, e2e.losses]`, []any{1, []string{}})

	// Nor is it remembered: the page comes back as what it was.
	b = b.restart()
	page.wait(`scenecast.state === "waiting"`)
	page.run(`dispatchEvent(new Event("online"))`)
	page.wait(`e2e.welcomed === 2`)
	b.push(`page == "home" && plan == "pro"`, `"again"`, 1)
	b.push(`page == "list" || plan == "free" || has(order)`, `"not here"`, 0)
	page.waitFor(`e2e.messages`, []string{"here", "again"})
}

// What is set while there is no connection is in force when it is back. What may not be set is still told so one by one,
// and does not cost the page its connection.
func TestSetWhileWaiting(t *testing.T) {
	t.Parallel()
	b := serveWith(t, freeport.Addr(t), map[string]string{"labels.client": "page,tag"})
	page := openByHand(t, b, profile{speed: still}, `{ token: "`+token+`", labels: { page: "home" } }`)
	b.stop()
	page.wait(`scenecast.state === "waiting"`)
	page.run(`e2e.later("list", { page: "list" })`)
	page.expect(`e2e.outcomes`, map[string]any{})
	b = serveWith(t, b.addr, b.settings)
	page.run(`dispatchEvent(new Event("online"))`)
	page.waitFor(`e2e.outcomes`, map[string]any{"list": "done"})
	b.push(`page == "list"`, `"list"`, 1)
	b.push(`page == "home"`, `"home"`, 0)
	page.expect(`e2e.sockets`, 2)

	b.stop()
	page.wait(`scenecast.state === "waiting"`)
	page.run(`e2e.later("a", { tag: "a" })`)
	page.run(`e2e.later("order", { page: "order", order: "7" })`)
	page.run(`e2e.later("b", { page: "b" })`)
	b = serveWith(t, b.addr, b.settings)
	page.run(`dispatchEvent(new Event("online"))`)
	page.wait(`e2e.sockets === 3 && scenecast.state === "waiting"`)
	page.run(`dispatchEvent(new Event("online"))`)
	page.wait(`Object.keys(e2e.outcomes).length === 4`)
	page.expect(`[e2e.outcomes.a, e2e.outcomes.order.split(":")[0], e2e.outcomes.b]`,
		[]string{"done", "ScenecastError forbidden at labels.order by labels.client", "done"})
	b.push(`page == "b" && tag == "a" && !has(order)`, `"b"`, 1)
	page.waitFor(`e2e.messages`, []string{"list", "b"})
	page.expect(`[e2e.sockets, e2e.losses.at(-1)]`, []any{4, "close 4403 waiting"})
	b.awaitConnections(1)
}

// The rules of set, step by step: what the server hears, and when promises are fulfilled.
func TestSetStepByStep(t *testing.T) {
	t.Parallel()
	s := serveStage(t)
	page := newTab(t, profile{speed: still})
	page.open(s.page)
	outcomes := func(want map[string]any) {
		t.Helper()
		page.expect(`e2e.outcomes`, want)
	}
	const closed = "ScenecastError closed: "
	page.run(`e2e.record(); e2e.recordScenes(); e2e.later("idle", { page: "x" })`)
	page.waitFor(`e2e.outcomes`, map[string]any{"idle": closed + "there is no connection"})

	// The labels of data-url are labels as any other.
	page.run(`e2e.outcomes = {};
		scenecast.connect({ url: "/v1/connect?page=home&token=x&tag=1&tag=2", token: "t", labels: { tag: "3", order: "7" } })`)
	first := s.accept()
	first.expectLabels("order=7&page=home&tag=3&tag=1&tag=2")

	// Made while connecting, it is sent behind the welcome; the URL does not have it.
	page.run(`e2e.later("early", { page: "early" })`)
	first.welcome()
	early := first.expectSet(`{"page":["early"]}`)
	outcomes(map[string]any{})
	first.confirm(early)
	page.waitFor(`e2e.outcomes`, map[string]any{"early": "done"})

	// On the way when the connection is lost, and made thereafter: the next URL has both.
	page.run(`e2e.outcomes = {}; e2e.later("lost", { page: "lost", tag: null })`)
	first.expectSet(`{"page":["lost"],"tag":[]}`)
	page.run(`e2e.later("bad", { page: "bad", order: "8" })`)
	first.refuse(first.expectSet(`{"page":["bad"],"order":["8"]}`), "labels.order")
	page.run(`e2e.later("more", { x: "1" })`)
	more := first.expectSet(`{"x":["1"]}`)
	first.drop()
	page.wait(`scenecast.state === "waiting"`)
	page.run(`e2e.later("waiting", { tag: "4" }); dispatchEvent(new Event("online"))`)
	second := s.accept()
	second.expectLabels("order=7&page=lost&tag=4&x=1")
	outcomes(map[string]any{"bad": "ScenecastError forbidden at labels.order: labels.order: not you"})
	second.welcome()
	page.wait(`Object.keys(e2e.outcomes).length === 4`)
	page.expect(`[e2e.outcomes.lost, e2e.outcomes.more, e2e.outcomes.waiting]`, []string{"done", "done", "done"})
	second.confirm(more) // answers to nothing
	second.refuse(more, "labels.x")

	// close gives up; what was confirmed, and what was not, is gone with the next connect.
	page.run(`e2e.outcomes = {}; e2e.later("given up", { page: "given up" })`)
	second.expectSet(`{"page":["given up"]}`)
	page.run(`scenecast.close(); e2e.later("closed", { page: "x" })`)
	page.waitFor(`[e2e.outcomes["given up"], e2e.outcomes.closed]`,
		[]string{closed + "closed by the page", closed + "there is no connection"})
	page.run(`e2e.outcomes = {}; scenecast.connect({ token: "t", labels: { page: "third" } })`)
	page.run(`e2e.later("anew", { page: "x" })`)
	s.accept().expectLabels("page=third")
	page.run(`scenecast.connect({ token: "t", labels: { page: "fourth" } })`)
	page.waitFor(`e2e.outcomes`, map[string]any{"anew": closed + "the page has connected anew"})
	fourth := s.accept()
	fourth.expectLabels("page=fourth")

	// A server that wants no page at all refuses its sets as well.
	page.run(`e2e.outcomes = {}; e2e.later("refused", { page: "x" })`)
	fourth.hangUp(4403)
	page.waitFor(`e2e.outcomes`, map[string]any{"refused": closed + "4403 because"})
	page.expect(`[scenecast.state, e2e.losses.at(-1)]`, []any{"closed", "refused 4403 closed"})
}

// Where the server refuses a URL with unconfirmed sets in it, the page comes without them; refused again, it gives up.
func TestRefusedURL(t *testing.T) {
	t.Parallel()
	for _, code := range []ws.StatusCode{4400, 4403} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			s := serveStage(t)
			page := newTab(t, profile{speed: still})
			page.open(s.page)
			page.run(`e2e.record(); e2e.recordScenes(); scenecast.connect({ token: "t", labels: { page: "home" } })`)
			s.accept().drop()
			again := func() *actor {
				t.Helper()
				page.wait(`scenecast.state === "waiting"`)
				page.run(`dispatchEvent(new Event("online"))`)
				return s.accept()
			}
			page.wait(`scenecast.state === "waiting"`)
			page.run(`e2e.later("list", { page: "list" })`)
			next := again()
			next.expectLabels("page=list")
			next.hangUp(code)
			next = again()
			next.expectLabels("page=home")
			next.drop() // which says nothing about the sets
			next = again()
			next.expectLabels("page=home")
			next.welcome()
			next.refuse(next.expectSet(`{"page":["list"]}`), "labels.page")
			page.waitFor(`e2e.outcomes`, map[string]any{"list": "ScenecastError forbidden at labels.page: labels.page: not you"})
			next.drop()

			// It has been let in, so sets are in its URL again.
			page.wait(`scenecast.state === "waiting"`)
			page.run(`e2e.outcomes = {}; e2e.later("back", { page: "back" })`)
			next = again()
			next.expectLabels("page=back")
			next.hangUp(code)
			next = again()
			next.expectLabels("page=home")
			next.hangUp(code)
			page.waitFor(`e2e.outcomes`, map[string]any{"back": fmt.Sprintf("ScenecastError closed: %d because", code)})
			page.expect(`[scenecast.state, e2e.timers.size]`, []any{"closed", 0})
		})
	}
}
