package client_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"scenecast/client"
	"scenecast/config"
	"scenecast/leaktest"
	"scenecast/server"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience ends a test that would hang; nothing is asserted about it.
const patience = time.Minute

const (
	pageToken   = "page-token-123456"
	backendKey  = "backend-key-123456"
	operatorKey = "operator-key-123456"
)

// start runs a real server until the test ends, with these settings over the defaults.
func start(t *testing.T, settings map[string]string) (url string) {
	t.Helper()
	flags := map[string]string{
		"listen":        "127.0.0.1:0",
		"client_tokens": "[{token: " + pageToken + ", labels: {plan: free}}]",
		"api_keys":      "[{name: backend, key: " + backendKey + "}, {name: operator, key: " + operatorKey + ", allow: [admin]}]",
	}
	for key, value := range settings {
		flags[key] = value
	}
	c, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), server.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr().String()
}

// page is a page under test and what it is told, each thing on a channel.
type page struct {
	*client.Page
	t      *testing.T
	pushes chan client.Push
	told   chan any // Welcome, Gap, and the error of OnLost
	ended  chan error
	stop   func()
}

// run runs a page until the test ends. It comes back at once.
func run(t *testing.T, o client.PageOptions) *page {
	t.Helper()
	p := &page{t: t, pushes: make(chan client.Push, 100), told: make(chan any, 100), ended: make(chan error, 1)}
	if o.Token == "" {
		o.Token = pageToken
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	tell := func(what any) {
		select {
		case p.told <- what:
		case <-ctx.Done(): // nobody listens any more, and a page that comes back at once tells more than there is room for
		}
	}
	o.OnWelcome = func(w client.Welcome) { tell(w) }
	o.OnGap = func(g client.Gap) { tell(g) }
	o.OnLost = func(err error, _ time.Duration) { tell(err) }
	if o.Backoff == nil {
		o.Backoff = func(int, error) time.Duration { return 0 }
	}
	var err error
	if p.Page, err = client.NewPage(o); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.ended <- p.Run(ctx, func(push client.Push) error {
			p.pushes <- push
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		p.end()
	})
	return p
}

// end is the error of Run.
func (p *page) end() error {
	p.t.Helper()
	err := within(p.t, p.ended)
	p.ended <- err
	return err
}

func within[T any](t *testing.T, from chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came in time")
	}
	return value
}

// expectTold waits for the next thing that the page is told besides pushes, which must be of this type.
func expectTold[T any](p *page) (value T) {
	p.t.Helper()
	told := within(p.t, p.told)
	value, ok := told.(T)
	if !ok {
		p.t.Fatalf("the page was told %#v, want a %T", told, value)
	}
	return value
}

// welcomed waits until the page is connected, whatever it is told before that.
func (p *page) welcomed() client.Welcome {
	p.t.Helper()
	for {
		if w, is := within(p.t, p.told).(client.Welcome); is {
			return w
		}
	}
}

// expect waits for pushes with these data.
func (p *page) expect(data ...string) {
	p.t.Helper()
	for _, want := range data {
		if push := within(p.t, p.pushes); string(push.Data) != want {
			p.t.Errorf("the page got %s, want %s", push.Data, want)
		}
	}
}

// backend is one that may do everything.
type backend struct {
	client.Backend
	t *testing.T
}

func newBackend(t *testing.T, url string) *backend {
	return &backend{client.Backend{URL: url, Key: backendKey}, t}
}

func (b *backend) push(to, message string) client.PushResult {
	b.t.Helper()
	result, err := b.Push(b.t.Context(), client.PushRequest{To: client.Audience(to), Message: json.RawMessage(message)})
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// disconnect closes all pages with a code.
func (b *backend) disconnect(code int) {
	b.t.Helper()
	if err := b.Call(b.t.Context(), "POST", "/v1/disconnect", map[string]any{"to": "*", "code": code}, nil); err != nil {
		b.t.Fatal(err)
	}
}
