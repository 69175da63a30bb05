package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/memory"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/signature"
	"scenecast/push"
)

// failing is an engine that carries so many pushes, and then is out of order.
type failing struct {
	*memory.Engine
	left int
}

func (e *failing) Submit(p scenecast.Push) (scenecast.Pending, error) {
	if e.left == 0 {
		return nil, scenecast.ErrUnavailable
	}
	e.left--
	return e.Engine.Submit(p)
}

// node notes what is published.
type node struct {
	mu        sync.Mutex
	published []string
}

func (n *node) Deliver(p *scenecast.Push, report func(scenecast.Tally, bool)) {
	n.mu.Lock()
	n.published = append(n.published, fmt.Sprint(p.To, " ", p.Message.Event, " ", string(p.Message.Data)))
	n.mu.Unlock()
	report(scenecast.Tally{Nodes: 1}, true)
}
func (n *node) Answer(_ scenecast.Query, report func(scenecast.Reply)) { report(scenecast.Reply{}) }
func (n *node) Skip(scenecast.GapNotice)                               {}
func (n *node) Received([]byte)                                        {}

// taken is what is published since it was last asked.
func (n *node) taken() (published []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	published, n.published = n.published, nil
	return published
}

// TestEngineFailsMidway: a call whose engine fails behind some of its pushes says how many are published. A retry with its
// Idempotency-Key publishes the others, and none twice; also where that fails midway.
func TestEngineFailsMidway(t *testing.T) {
	const key, secret = "key", "secret-of-the-app"
	known := &app.App{
		Name: "shop", ID: "3", Enabled: true, Keys: signature.Keys{signature.NewKey(key, secret)},
		MaxEvent: 100, MaxEventName: 20, MaxChannelName: 20, MaxEventChannels: 5, MaxBatch: 5,
	}
	for name, c := range map[string]struct {
		path, body string
		published  []string
	}{
		"an event of channels": {"/apps/3/events", `{"name":"e","channels":["a","b","c","d"],"data":"1"}`,
			[]string{`@channel == "a" e 1`, `@channel == "b" e 1`, `@channel == "c" e 1`, `@channel == "d" e 1`}},
		"a batch": {"/apps/3/batch_events", `{"batch":[{"name":"e","channel":"a","data":"1"},{"name":"f","channel":"a","data":"2"},` +
			`{"name":"e","channel":"a","data":"1"},{"name":"g","channel":"b","data":"4","socket_id":"1.2"}]}`,
			[]string{`@channel == "a" e 1`, `@channel == "a" f 2`, `@channel == "a" e 1`, `@channel == "b" && @id != "1.2" g 4`}},
	} {
		e, n := &failing{Engine: memory.New(memory.Options{})}, new(node)
		if err := e.Start(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		api := New(Options{
			FindApp: func(string) *app.App { return known }, MaxBody: 1 << 20, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler),
			Pusher: push.NewService(e, push.DefaultLimits, nil), Asker: e,
		})
		call := func(carries int, idempotencyKey string) string {
			e.left = carries
			query := fmt.Sprintf("auth_key=%s&auth_timestamp=%d&auth_version=1.0&body_md5=%x", key, time.Now().Unix(), md5.Sum([]byte(c.body)))
			mac := hmac.New(sha256.New, []byte(secret))
			fmt.Fprintf(mac, "POST\n%s\n%s", c.path, query)
			r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, c.path+fmt.Sprintf("?%s&auth_signature=%x", query, mac.Sum(nil)), strings.NewReader(c.body))
			r.Header.Set(push.IdempotencyHeader, idempotencyKey)
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return fmt.Sprint(w.Code, " ", strings.TrimSpace(w.Body.String()))
		}
		for _, step := range []struct {
			carries   int
			key       string
			answer    string
			published []string
		}{
			{0, "k", "503 ", nil},
			{2, "k", "504 of 4 events, each in each of its channels, the first 2 are published, and the others not: ", c.published[:2]},
			{3, "k", "504 of 4 events, each in each of its channels, the first 3 are published, and the others not: ", c.published[2:3]},
			{4, "k", "200 {}", c.published[3:]},
			{4, "k", "200 {}", nil},
			{4, "another", "200 {}", c.published},
		} {
			if answer := call(step.carries, step.key); !strings.HasPrefix(answer, step.answer) {
				t.Errorf("%s, of which the engine carries %d: %s, want %s", name, step.carries, answer, step.answer)
			}
			if err := flush(t.Context(), e.Engine); err != nil {
				t.Fatal(err)
			}
			if published := n.taken(); !slices.Equal(published, step.published) {
				t.Errorf("%s, of which the engine carries %d: published is %q, want %q", name, step.carries, published, step.published)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// flush returns when what was submitted has been handed over: a question is answered in its turn.
func flush(ctx context.Context, e *memory.Engine) error {
	_, err := e.Ask(ctx, scenecast.Query{})
	return err
}
