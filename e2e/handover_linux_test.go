package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"scenecast/client"
	"scenecast/freeport"
)

// TestHandoverSeenByBrowsers has servers take over from each other in a row while pages in a browser get numbered pushes: the page script over
// WebSocket, the page script over event streams, and an EventSource without it. They see nothing but pushes, once and in order.
func TestHandoverSeenByBrowsers(t *testing.T) {
	t.Parallel()
	const key = "key-of-a-backend"
	settings := map[string]string{
		"handover": filepath.Join(t.TempDir(), "h.sock"), "api_keys": "[{name: backend, key: " + key + "}]",
	}
	b := serveWith(t, freeport.Addr(t), settings)
	const script = `<!DOCTYPE html><title>T</title>%s<script src="%s"></script><script>
		e2e.record();
		e2e.gaps = [];
		e2e.opened = 0;
		scenecast.on("gap", (gap) => e2e.gaps.push(gap));
		scenecast.on("open", () => e2e.opened++);
		scenecast.connect({ token: %q, labels: { page: "home" } });
	</script>`
	sockets, streams, plain := newTab(t, profile{}), newTab(t, profile{}), newTab(t, profile{})
	sockets.open(servePage(t, fmt.Sprintf(script, "", b.url("/scenecast.js"), token), ""))
	streams.open(servePage(t, fmt.Sprintf(script, "<script>WebSocket = undefined</script>", b.url("/scenecast.js"), token), ""))
	plain.open(servePage(t, fmt.Sprintf(`<!DOCTYPE html><title>T</title><script>
		e2e.said = [];
		const events = new EventSource(%q);
		events.addEventListener("message", (event) => e2e.messages.push(JSON.parse(event.data)));
		events.addEventListener("scenecast", (event) => e2e.said.push(JSON.parse(event.data).type));
		events.addEventListener("error", () => e2e.said.push("error"));
	</script>`, b.url("/v1/events?page=home&token="+token)), ""))
	for _, p := range []*tab{sockets, streams} {
		p.wait(`scenecast.state === "open" && e2e.opened === 1 && scenecast.id`)
		p.run(`e2e.id = scenecast.id`)
	}
	plain.waitFor(`e2e.said`, []string{"welcome"})
	b.expectConnections(3)

	stop, sent := make(chan struct{}), 0
	var pushing sync.WaitGroup
	url := "http://" + b.addr
	pushing.Go(func() {
		backend := &client.Backend{URL: url, Key: key}
		for {
			select {
			case <-stop:
				return
			default:
			}
			sent++
			r := client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Append(nil, sent)}
			if result, err := backend.Push(context.Background(), r); err != nil || result.Matched != 3 {
				t.Errorf("push %d: %+v, %v", sent, result, err)
				return
			}
		}
	})
	for range 3 {
		sockets.run(`e2e.before = e2e.messages.length`)
		b = serveWith(t, b.addr, settings)
		sockets.wait(`e2e.messages.length > e2e.before + 10`)
	}
	close(stop)
	pushing.Wait()
	for _, p := range []*tab{sockets, streams, plain} {
		p.wait(fmt.Sprintf(`e2e.messages.length >= %d`, sent))
		p.expect(`e2e.messages.findIndex((n, i) => n !== i + 1)`, -1)
		p.expect(`e2e.messages.length`, sent)
	}
	for _, p := range []*tab{sockets, streams} {
		p.expect(`[e2e.losses, e2e.gaps, e2e.opened, e2e.id === scenecast.id]`, []any{[]any{}, []any{}, 1, true})
	}
	sockets.expect(`e2e.sockets`, 1)
	streams.expect(`e2e.sockets`, 0)
	plain.expect(`e2e.said`, []string{"welcome"})
	b.expectConnections(3)
}
