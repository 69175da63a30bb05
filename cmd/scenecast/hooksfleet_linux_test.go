package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/freeport"
	"scenecast/hook/event"
	"scenecast/redisclient/redistest"
)

// hookedFleet is three nodes with a backend that is told of everything.
type hookedFleet struct {
	*fleet
	backend *receiver
	want    []string // what it is to be told, in words
	tabs    int
}

const hookedUsers = 6

func newHookedFleet(t *testing.T, engine string) *hookedFleet {
	h := &hookedFleet{backend: newReceiver(t)}
	var tokens []string
	for user := range hookedUsers {
		tokens = append(tokens, fmt.Sprintf("{token: token-%c, user: %c}", 'A'+user, 'A'+user))
	}
	env := []string{"env", fmt.Sprintf("SCENECAST_APPS={shop: {client_tokens: [%s], presence: [{key: order, linger: 3s}], hooks: {events: [{name: h, url: %q, secret: %s, max_wait: 50ms}]}}}",
		strings.Join(tokens, ","), h.backend.URL, webhookSecret)}
	before := [][]string{env, env, env}
	if engine == "nats" {
		h.fleet = newFleetAt(t, freeport.Addrs(t, 3), freeport.Addrs(t, 3), before)
		return h
	}
	redis := redistest.Start(t)
	h.fleet = prepareNodes(t, freeport.Addrs(t, 3), before)
	for _, m := range h.nodes {
		m.args = append(m.args, "--engine", "redis", "--redis-url", redis.URL(), "--cluster-node", m.name)
	}
	h.fleet.start()
	return h
}

// hookedTab is a page of a user.
type hookedTab struct {
	conn *websocket.Conn
	name string
}

// open opens a tab of a user in the scene at a node.
func (h *hookedFleet) open(node int, user, scene string) hookedTab {
	h.t.Helper()
	h.tabs++
	tab := hookedTab{name: fmt.Sprint("t", h.tabs)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url := fmt.Sprintf("ws%s/v1/connect?token=token-%s&order=%s&tab=%s", strings.TrimPrefix(h.nodes[node].url, "http"), user, scene, tab.name)
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.CloseNow() })
	tab.conn = conn
	return tab
}

func (t hookedTab) close() { _ = t.conn.Close(websocket.StatusNormalClosure, "") }

// expect waits until the backend was told of these events besides those before, in any order, and of no others.
func (h *hookedFleet) expect(events ...string) {
	h.t.Helper()
	h.want = append(h.want, events...)
	slices.Sort(h.want)
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(20 * time.Millisecond) {
		got := h.backend.words()
		if slices.Equal(got, h.want) {
			return
		}
		if len(got) > len(h.want) || time.Now().After(deadline) {
			h.t.Fatalf("told\n%q, want\n%q", got, h.want)
		}
	}
}

// words are the events that were taken, each in words, sorted.
func (r *receiver) words() (words []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		of := e.Data.Value
		switch e.Type {
		case event.Connected, event.Disconnected:
			of = strings.Join(e.Data.Labels.Values("tab"), ",")
		case event.Joined, event.Left:
			of = e.Data.User + " " + e.Data.Value
		}
		words = append(words, fmt.Sprint(e.Type, " ", of))
	}
	slices.Sort(words)
	return words
}

// TestHooksOfThreeNodes: the cluster tells the backend of each event once: of users with tabs on several nodes, of one that reloads its page on another
// node, of a node that is killed with its pages, and of one that comes back to another node in time.
func TestHooksOfThreeNodes(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"nats", "redis"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := newHookedFleet(t, engine)
			first := h.open(0, "A", "7")
			h.expect("connected t1", "joined A 7", "occupied 7")
			second, other := h.open(1, "A", "7"), h.open(2, "B", "7")
			h.expect("connected t2", "connected t3", "joined B 7")
			first.close()
			second.close()
			h.open(2, "A", "7")
			h.expect("disconnected t1", "disconnected t2", "connected t4")

			h.nodes[2].kill() // with A and B, of whom A comes back
			third := h.open(1, "A", "7")
			h.expect("connected t5", "left B 7")
			third.close()
			h.expect("disconnected t5", "left A 7", "vacated 7")
			_ = other.conn.CloseNow()

			h.nodes[2].start()
			h.nodes[2].awaitReady()
			again := h.open(2, "B", "7")
			h.expect("connected t6", "joined B 7", "occupied 7")
			again.close()
			h.expect("disconnected t6", "left B 7", "vacated 7")

			h.comeAndGo()
			h.backend.expectPairs(t, "t3", "t4")
			h.backend.expectOrder(t)
		})
	}
}

// comeAndGo has users open and close tabs at all nodes, in a few scenes, and in the end close all.
func (h *hookedFleet) comeAndGo() {
	var tabs []hookedTab
	for range 100 {
		if i := rand.IntN(12); i < len(tabs) {
			tabs[i].close()
			tabs = slices.Delete(tabs, i, i+1)
		} else {
			tabs = append(tabs, h.open(rand.IntN(3), string(rune('A'+rand.IntN(hookedUsers))), fmt.Sprint(rand.IntN(3))))
		}
	}
	var closing sync.WaitGroup
	for _, tab := range tabs {
		closing.Go(tab.close)
	}
	closing.Wait()
	tabsOf := func() (connected, disconnected int) {
		for _, w := range h.backend.words() {
			switch of, _, _ := strings.Cut(w, " "); event.Type(of) {
			case event.Connected:
				connected++
			case event.Disconnected:
				disconnected++
			}
		}
		return connected, disconnected
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		connected, disconnected := tabsOf()
		if connected == h.tabs && disconnected == h.tabs-2 { // but for those of the node that was killed
			break
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("told of %d connections and the end of %d, want %d", connected, disconnected, h.tabs)
		}
	}
	// Who is told behind these, is told after them: what would be there twice is there.
	for node := range h.nodes {
		before := len(h.backend.words())
		h.open(node, "A", fmt.Sprint("last", node)).close()
		for deadline := time.Now().Add(patience); len(h.backend.words()) < before+6 || !slices.Contains(h.backend.words(), fmt.Sprint("vacated last", node)); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				h.t.Fatalf("told %q", h.backend.words())
			}
		}
	}
}

// expectOrder expects the events of each connection, and of each user in a scene, and of each scene, to have come in turn: first
// that it has come, then that it has gone, and versions that rise.
func (r *receiver) expectOrder(t *testing.T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := make(map[string]event.Event)
	for _, e := range r.events {
		came := e.Type == event.Connected || e.Type == event.Joined || e.Type == event.Occupied
		who := fmt.Sprint(e.Data.Connection, " ", e.Data.Value, " ", e.Data.User)
		before, known := last[who]
		if hadCome := before.Type == event.Connected || before.Type == event.Joined || before.Type == event.Occupied; known && came == hadCome || !known && !came {
			t.Errorf("%s: %s was told behind %q", who, e.Type, before.Type)
		}
		if scene := e.Data.Value != ""; scene && e.Data.Version <= before.Data.Version {
			t.Errorf("%s: version %d was told behind %d", who, e.Data.Version, before.Data.Version)
		}
		last[who] = e
	}
}

// expectPairs expects everybody who has come to have gone, as often, and each event of a page to have been told in one call. Twice,
// under its ID, may come one of a scene, where the word of another node was late, and what a node had told that was killed.
func (r *receiver) expectPairs(t *testing.T, onKilled ...string) {
	r.mu.Lock()
	twice := r.twice
	r.mu.Unlock()
	for _, e := range twice {
		if tab := strings.Join(e.Data.Labels.Values("tab"), ""); e.Data.Value == "" && !slices.Contains(onKilled, tab) {
			t.Errorf("told twice: %+v", e)
		}
	}
	count := make(map[string]int)
	for _, w := range r.words() {
		count[w]++
	}
	for w, n := range count {
		of, whom, _ := strings.Cut(w, " ")
		end := map[event.Type]event.Type{event.Joined: event.Left, event.Occupied: event.Vacated}[event.Type(of)]
		if end != "" && count[fmt.Sprint(end, " ", whom)] != n {
			t.Errorf("%s was told %d times, and %s %d times", w, n, end, count[fmt.Sprint(end, " ", whom)])
		}
		if (event.Type(of) == event.Connected || event.Type(of) == event.Disconnected) && n != 1 {
			t.Errorf("%s was told %d times", w, n)
		}
	}
}
