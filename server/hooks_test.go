package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scenecast/hook/event"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver is a backend that is told of events: a real HTTP server, which checks signatures by the reference implementation of Standard
// Webhooks.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	status int // that it answers; 0: 200
	events []event.Event
	told   chan struct{} // holds a signal when there has been a call
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, told: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	wh, err := standardwebhooks.NewWebhook(hookSecret)
	if err != nil {
		r.t.Error(err)
		return
	}
	if err := wh.Verify(body, request.Header); err != nil {
		r.t.Errorf("%s: %v", body, err)
	}
	var batch event.Batch
	if err := json.Unmarshal(body, &batch); err != nil || batch.Type != "events" || batch.Timestamp.IsZero() {
		r.t.Errorf("%s: %v", body, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		select {
		case r.told <- struct{}{}:
		default:
		}
	}()
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	for _, raw := range batch.Data.Events {
		var e event.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			r.t.Errorf("%s: %v", raw, err)
		}
		r.events = append(r.events, e)
	}
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// taken are the events that have been taken.
func (r *receiver) taken() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// await waits until so many events have been taken, and returns each in words.
func (r *receiver) await(n int) (told []string) {
	r.t.Helper()
	for deadline := time.After(patience); ; {
		events := r.taken()
		if len(events) >= n {
			for _, e := range events {
				told = append(told, words(e))
			}
			return told
		}
		select {
		case <-r.told:
		case <-deadline:
			r.t.Fatalf("told of %d events, want %d", len(events), n)
		}
	}
}

// words are an event's type and what it says, but for IDs and times.
func words(e event.Event) string {
	d := e.Data
	text := fmt.Sprintf("%s of %s", e.Type, d.App)
	if d.Labels.Len() > 0 {
		text += fmt.Sprint(" with ", d.Labels.Values("page"))
	}
	if d.Before.Len() > 0 {
		text += fmt.Sprint(", before ", d.Before.Values("page"))
	}
	if d.Cause != "" {
		text += fmt.Sprint(": ", d.Cause, " ", d.Code)
	}
	return text
}

// TestPresenceEvents: the backend hears of scenes that have their first page and their last, and of users that come and go, once for all
// tabs.
func TestPresenceEvents(t *testing.T) {
	backend := newReceiver(t)
	s := start(t, map[string]string{
		"client_tokens": `[{token: anns-token, user: "42", labels: {name: Ann}}]`,
		"presence":      "[{key: page, show: [name], linger: 0}]",
		"hooks.events":  hookTo(backend, `, events: [joined, left, occupied, vacated], to: 'page == "order"'`),
	}, nil)
	s.pageAs("anns-token", "page=list")
	first, second := s.pageAs("anns-token", "page=order"), s.pageAs("anns-token", "page=order")
	backend.await(2)
	_, _ = first.Close(websocket.StatusNormalClosure, ""), second.Close(websocket.StatusNormalClosure, "")
	got := backend.await(4)
	slices.Sort(got[:2]) // of one moment
	slices.Sort(got[2:])
	if want := []string{
		"joined of default with [order]", "occupied of default with [order]", "left of default with [order]", "vacated of default with [order]",
	}; !slices.Equal(got, want) {
		t.Errorf("told\n%q, want\n%q", got, want)
	}
	for _, e := range backend.taken() {
		if e.Data.Key != "page" || e.Data.Value != "order" {
			t.Errorf("the scene is %+v", e.Data)
		}
		if e.Type == event.Joined && (e.Data.User != "42" || !e.Data.Labels.Contains("name", "Ann")) {
			t.Errorf("who has joined is %+v", e.Data)
		}
	}
}

// TestTriggerEvent: the backend hears of each trigger that has run, and by whom; a retry has run nothing.
func TestTriggerEvent(t *testing.T) {
	backend := newReceiver(t)
	s := start(t, map[string]string{"hooks.events": hookTo(backend, ", events: [trigger]")}, nil)
	s.page("page=home")
	for range 2 {
		if status, answer := s.callWith(http.MethodPost, "/v1/triggers/pushHomeLogic", map[string]string{
			"Authorization": "Bearer " + apiKey, "Idempotency-Key": "once",
		}, ""); status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
	}
	s.call(http.MethodPost, "/v1/triggers/orderShipped", apiKey, "", `{"order":"7"}`)
	backend.await(2)
	for i, want := range []event.Data{{Trigger: "pushHomeLogic", By: "all", Matched: 1}, {Trigger: "orderShipped", By: "all"}} {
		if got := backend.taken()[i].Data; got.Trigger != want.Trigger || got.By != want.By || got.Matched != want.Matched || got.Push == "" || got.Position == "" {
			t.Errorf("told %+v, want %+v", got, want)
		}
	}
}

// hookTo is the setting of hooks that are told of all events, at once.
func hookTo(r *receiver, more string) string {
	return fmt.Sprintf("[{name: all, url: %q, secret: %s, max_wait: 1ms%s}]", r.URL, hookSecret, more)
}

// TestEventHooks: a backend is told of what happens to pages, in order, signed, each event with an ID of its own.
func TestEventHooks(t *testing.T) {
	backend := newReceiver(t)
	s := start(t, map[string]string{"hooks.events": hookTo(backend, "")}, nil)
	page := s.page("page=home")
	backend.await(1)
	if status, answer := s.call(http.MethodPost, "/v1/labels", apiKey, "", `{"to":"*","set":{"page":"list"}}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	backend.await(2)
	_ = page.Close(websocket.StatusNormalClosure, "")
	want := []string{
		"connected of default with [home]",
		"relabelled of default with [list], before [home]",
		"disconnected of default with [list]: page_closed 1000",
	}
	if got := backend.await(3); !slices.Equal(got, want) {
		t.Errorf("told\n%q, want\n%q", got, want)
	}
	ids := make(map[string]bool)
	for _, e := range backend.taken() {
		if e.ID == "" || ids[e.ID] || e.At.IsZero() || e.Data.Node == 0 || e.Data.Connection.Seq == 0 {
			t.Errorf("%+v has no ID of its own, or lacks something", e)
		}
		ids[e.ID] = true
	}
	answer, wanted := "", `{"hooks":[{"name":"all","state":"ok","queued":0,"delivered":3,"dropped":0,"failures":0}]}`
	for deadline := time.Now().Add(patience); answer != wanted; _, answer = s.call(http.MethodGet, "/v1/hooks", apiKey, "", "") {
		if time.Now().After(deadline) {
			t.Fatalf("the hooks are %s, want %s", answer, wanted)
		}
	}
	s.expectMetrics(map[string]string{
		`scenecast_hook_delivered_total{hook="default/all"}`: "3", `scenecast_hook_queue_events{hook="default/all"}`: "0",
		`scenecast_hook_dropped_total{hook="default/all"}`: "0", `scenecast_hook_calls_total{hook="default/all",outcome="failed"}`: "0",
		`scenecast_hook_oldest_seconds{hook="default/all"}`: "0",
	})
}

// TestWatchIsNoRelabelling: that a page watches a scene, or does not any more, is no change of its labels for the backend.
func TestWatchIsNoRelabelling(t *testing.T) {
	backend := newReceiver(t)
	s := start(t, map[string]string{"hooks.events": hookTo(backend, ", events: [relabelled]"), "presence": "[{key: page}]"}, nil)
	page := s.nativePage("page=home")
	for _, message := range []string{
		`{"type":"watch","key":"page"}`, `{"type":"unwatch","key":"page"}`, `{"type":"watch","key":"page"}`, `{"type":"set","labels":{"page":"list"}}`,
	} {
		if err := page.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if got := backend.await(1); !slices.Equal(got, []string{"relabelled of default with [list], before [home]"}) {
		t.Errorf("told %q", got)
	}
	if data := backend.taken()[0].Data; data.Labels.Has("@watch") || data.Before.Has("@watch") {
		t.Errorf("told what the page watches: %v, before %v", data.Labels, data.Before)
	}
}

// TestGapEvent: the backend hears of a page that comes back with a position from which it cannot go on.
func TestGapEvent(t *testing.T) {
	backend := newReceiver(t)
	s := start(t, map[string]string{"hooks.events": hookTo(backend, ", events: [gap]")}, nil)
	s.page("page=home&since=nonsense")
	if got := backend.await(1); !slices.Equal(got, []string{"gap of default with [home]: position 0"}) {
		t.Errorf("told %q", got)
	}
}

// TestFilteredHooks: hooks are told of the events that their settings name, of their app.
func TestFilteredHooks(t *testing.T) {
	all, shops := newReceiver(t), newReceiver(t)
	s := start(t, map[string]string{
		"hooks.events": hookTo(all, `, events: [connected], to: 'page == "list"'`),
		"apps":         fmt.Sprintf("{shop: {client_tokens: [shop-page-token], hooks: {events: %s}}}", hookTo(shops, "")),
	}, nil)
	s.pageAs("shop-page-token", "page=list")
	_ = s.page("page=home").CloseNow()
	s.page("page=list")
	if got := all.await(1); !slices.Equal(got, []string{"connected of default with [list]"}) {
		t.Errorf("told %q", got)
	}
	if got := shops.await(1); !slices.Equal(got, []string{"connected of shop with [list]"}) {
		t.Errorf("the shop is told %q", got)
	}
}

// TestHookThatFails: the calls go on until the backend takes the events, and everybody can see why it does not.
func TestHookThatFails(t *testing.T) {
	backend := newReceiver(t)
	backend.answer(http.StatusTeapot)
	s := start(t, map[string]string{"hooks.events": hookTo(backend, "")}, nil)
	s.page("page=home")
	<-backend.told
	var status struct {
		Hooks []struct {
			State     string
			Queued    int
			LastError string    `json:"last_error"`
			NextCall  time.Time `json:"next_call"`
		}
	}
	for deadline := time.Now().Add(patience); ; {
		_, answer := s.call(http.MethodGet, "/v1/hooks", apiKey, "", "")
		if err := json.Unmarshal([]byte(answer), &status); err != nil {
			t.Fatal(err)
		}
		if h := status.Hooks[0]; h.State == "failing" {
			if h.Queued != 1 || h.LastError != "answered 418 I'm a teapot" || h.NextCall.IsZero() {
				t.Errorf("the hook is %+v", h)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the hook does not fail: %+v", status)
		}
	}
	backend.answer(0)
	if status, answer := s.call(http.MethodPost, "/v1/hooks/all/retry", apiKey, "", ""); status != http.StatusOK {
		t.Errorf("retry: %d %s", status, answer)
	}
	if got := backend.await(1); !slices.Equal(got, []string{"connected of default with [home]"}) {
		t.Errorf("told %q", got)
	}
	if status, answer := s.call(http.MethodPost, "/v1/hooks/none/retry", apiKey, "", ""); status != http.StatusNotFound {
		t.Errorf("retry of none: %d %s", status, answer)
	}
	if log := s.log.String(); !strings.Contains(log, "the backend does not take events") || strings.Contains(log, backend.URL) {
		t.Errorf("the log does not say it, or says too much:\n%s", log)
	}
}

// TestHooksSurviveARestart: with a data_dir, what could not be delivered is delivered by the next process, also what happened last.
func TestHooksSurviveARestart(t *testing.T) {
	t.Parallel()
	backend := newReceiver(t)
	backend.answer(http.StatusServiceUnavailable)
	settings := map[string]string{"hooks.events": hookTo(backend, ""), "data_dir": t.TempDir(), "drain": "1s"}
	s := start(t, settings, nil)
	s.page("page=home")
	<-backend.told
	s.end()
	backend.answer(0)
	settings["engine"] = "memory" // with any engine
	start(t, settings, nil)
	want := []string{"connected of default with [home]", "disconnected of default with [home]: draining 4503"}
	if got := backend.await(2); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestHooksReload: a reload changes who is told; what waits for a hook that stays is not lost, and what waits for one that is gone is told to
// be.
func TestHooksReload(t *testing.T) {
	t.Parallel()
	backend := newReceiver(t)
	backend.answer(http.StatusServiceUnavailable)
	s := startReloadable(t, map[string]string{
		"hooks.events": hookTo(backend, ", events: [connected]"), "data_dir": t.TempDir(),
	})
	page := s.page("page=home")
	<-backend.told
	s.reload(map[string]string{"hooks.events": hookTo(backend, ", events: [connected, disconnected]")})
	backend.answer(0)
	_ = page.Close(websocket.StatusNormalClosure, "")
	want := []string{"connected of default with [home]", "disconnected of default with [home]: page_closed 1000"}
	if got := backend.await(2); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	backend.answer(http.StatusServiceUnavailable)
	s.page("page=list")
	<-backend.told
	s.reload(map[string]string{"hooks.events": "[]"})
	if log := s.log.String(); !strings.Contains(log, "a hook is not in the settings any more") {
		t.Errorf("nobody is told that events are dropped:\n%s", log)
	}
}
