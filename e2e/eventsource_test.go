package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"scenecast/audience"
	"scenecast/freeport"
	"scenecast/push"
)

var everybody = audience.Everybody()

const apiKey = "backend-of-streams"

// serveStreams runs a server that a backend can talk to.
func serveStreams(t *testing.T) *backend {
	t.Helper()
	return serveWith(t, freeport.Addr(t), map[string]string{"api_keys": "[{name: all, key: " + apiKey + "}]"})
}

func (b *backend) streamURL(labels string) string {
	return b.url("/v1/events?token=" + token + "&" + labels)
}

// pushEvent pushes a message with a name to everybody, and says how many pages there must be.
func (b *backend) pushEvent(event, message string, want int) {
	b.t.Helper()
	result, err := b.pushAgain(push.Request{To: everybody, Event: event, Message: json.RawMessage(message)})
	if err != nil || result.Tally.Matched != want {
		b.t.Errorf("the event %q: %+v, %v; want %d pages", event, result, err, want)
	}
}

// disconnect says goodbye to all pages.
func (b *backend) disconnect(code int) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url("/v1/disconnect"),
		strings.NewReader(fmt.Sprintf(`{"to":"*","code":%d,"reason":"for now"}`, code)))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+apiKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		b.t.Fatalf("disconnect: %s %s", answer.Status, text)
	}
}

// listening opens an EventSource in a page of another site.
func listening(t *testing.T, b *backend, labels string) *tab {
	t.Helper()
	page := newTab(t, profile{})
	page.open(servePage(t, `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>T</title><h1>Foreign</h1>`, ""))
	page.run(fmt.Sprintf(`
		e2e.got = [];
		e2e.ids = [];
		e2e.events = new EventSource(%q);
		const hear = (event) => {
			const said = JSON.parse(event.data);
			e2e.ids.push(event.lastEventId);
			e2e.got.push(event.type === "scenecast" ? [said.type, said.code ?? said.reason ?? said.event].join(" ") : [event.type, said]);
		};
		for (const type of ["message", "order.shipped", "scenecast"]) e2e.events.addEventListener(type, hear);`,
		b.streamURL(labels)))
	page.waitFor(`e2e.got`, []string{"welcome "})
	return page
}

// A plain EventSource of another site's page. It comes back by itself, with nothing missing and nothing twice, and is told when
// the server that it comes back to knows nothing of what it has missed.
func TestEventSource(t *testing.T) {
	t.Parallel()
	b := serveStreams(t)
	page := listening(t, b, "page=home")
	b.push(`page == "list"`, `"for others"`, 0)
	b.push(`page == "home"`, `{"text": "a\r\nid: x",`+"\r\n\r\n"+`"more": [":"]}`, 1)
	b.pushEvent("order.shipped", `7`, 1)
	b.pushEvent("error", `8`, 1)
	text := json.RawMessage(`{"text":"a\r\nid: x","more":[":"]}`)
	got := []any{"welcome ", []any{"message", text}, []any{"order.shipped", 7}, "push error"}
	page.waitFor(`e2e.got`, got)
	page.expect(`e2e.events.readyState`, 1)

	b.disconnect(4408)
	page.wait(`e2e.got.length >= 5`)
	got = append(got, "close 4408")
	for i := range 20 { // whether it is back already or not
		if _, err := b.Push(t.Context(), push.Request{To: everybody, Message: json.RawMessage(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	got = append(got, "welcome ")
	for i := range 20 {
		got = append(got, []any{"message", i})
	}
	page.waitFor(`e2e.got`, got)

	last := page.json(`e2e.ids.at(-1)`)
	b = b.restart()
	page.waitFor(`e2e.got.slice(-3)`, []string{"close 4503", "welcome ", "gap epoch"})
	page.expect(fmt.Sprintf(`[e2e.ids.at(-3) === %s, e2e.ids.at(-1).endsWith("-0")]`, last), []bool{true, true})
	b.push("*", `"after"`, 1)
	page.waitFor(`e2e.got.at(-1)`, []any{"message", "after"})
	page.run(`e2e.events.close()`)
}

// A page that is not let in can read why, from another site, too.
func TestRefusedEventSource(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	page := newTab(t, profile{})
	page.open(servePage(t, `<!DOCTYPE html><title>T</title>`, ""))
	url := b.url("/v1/events?token=wrong")
	page.run(fmt.Sprintf(`
		e2e.states = [];
		const events = new EventSource(%[1]q);
		events.onerror = () => e2e.states.push(events.readyState);
		fetch(%[1]q, { headers: { "Last-Event-ID": "k3x9a-17", "Cache-Control": "no-store" } })
			.then((answer) => answer.json()).then(({ kind }) => { e2e.kind = kind; });`, url))
	page.waitFor(`[e2e.states, e2e.kind]`, []any{[]int{2}, "unauthorized"})
	b.expectConnections(0)
}
