package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"scenecast/freeport"
)

// channelReceiver is a backend that is told of channels, and takes nothing until it is told to.
type channelReceiver struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	takes  bool
	events []string // as name user, in the order in which they came first
}

func (r *channelReceiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the process that calls is killed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := request.Header.Get("X-Pusher-Signature"); got != pusherMAC(string(body)) || request.Header.Get("X-Pusher-Key") != roomKey {
		r.t.Errorf("%s is signed %s by %s", body, got, request.Header.Get("X-Pusher-Key"))
	}
	var call struct {
		Events []struct {
			Name, Channel string
			User          string `json:"user_id"`
		}
	}
	if err := json.Unmarshal(body, &call); err != nil {
		r.t.Errorf("%s: %v", body, err)
	}
	if !r.takes {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for _, e := range call.Events {
		if text := fmt.Sprint(e.Name, " ", e.User); !slices.Contains(r.events, text) { // a call whose answer was lost comes again
			r.events = append(r.events, text)
		}
	}
}

// webhookQueued is how many events wait for the webhook, and whether a call has failed.
func (m *member) webhookQueued() (n int, failed bool) {
	r, _ := http.NewRequest(http.MethodGet, m.url+"/v1/hooks", nil)
	r.Header.Set("Authorization", "Bearer "+fleetKey)
	response, err := m.http.Do(r)
	if err != nil {
		return 0, false
	}
	defer response.Body.Close()
	var answer struct {
		Hooks []struct {
			Name, State string
			Queued      int
		}
	}
	if json.NewDecoder(response.Body).Decode(&answer) != nil || len(answer.Hooks) != 1 || answer.Hooks[0].Name != "pusher.w" {
		return 0, false
	}
	return answer.Hooks[0].Queued, answer.Hooks[0].State == "failing"
}

// TestPusherWebhooksOfAKilledNode: what waits for a backend that is down when the node is killed is told by the next process, in order and signed.
func TestPusherWebhooksOfAKilledNode(t *testing.T) {
	t.Parallel()
	backend := &channelReceiver{t: t}
	backend.Server = httptest.NewServer(backend)
	t.Cleanup(backend.Close)
	app := fmt.Sprintf(`SCENECAST_PUSHER={id: '3', key: %s, secret: %s, webhooks: [{name: w, url: %q, events: [channel_occupied, member_added]}]}`,
		roomKey, roomSecret, backend.URL)
	f := newFleetAt(t, freeport.Addrs(t, 1), freeport.Addrs(t, 1), [][]string{{"env", app}})
	m := f.nodes[0]
	want := []string{"channel_occupied ", "member_added ann", "member_added bob", "member_added cat"}
	users := []string{"ann", "bob", "cat"}
	for i, user := range users {
		m.enter(user)
		awaitRoom(f.nodes, i+1, users[:i+1]...)
	}
	m.awaitWebhook("4 events wait, and a call has failed", func(n int, failed bool) bool { return n == len(want) && failed })
	m.kill()
	backend.mu.Lock()
	backend.takes = true
	backend.mu.Unlock()
	m.start()
	m.awaitReady()
	m.awaitWebhook("nothing waits", func(n int, failed bool) bool { return n == 0 && !failed })
	backend.mu.Lock()
	defer backend.mu.Unlock()
	if len(backend.events) == len(want) {
		slices.Sort(backend.events[:2]) // the channel is occupied by the first member: either may be told first
	}
	if !slices.Equal(backend.events, want) {
		t.Errorf("the backend was told %q, want %q", backend.events, want)
	}
}

func (m *member) awaitWebhook(what string, is func(queued int, failed bool) bool) {
	m.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		n, failed := m.webhookQueued()
		if is(n, failed) {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("not in time: %s; %d wait, failed: %v", what, n, failed)
		}
	}
}
