package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"scenecast/client"
)

// TestFeed: each event is told once, also where the stream is lost in between.
func TestFeed(t *testing.T) {
	address := start(t, nil)
	target, _ := url.Parse(address)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport = &http.Transport{DisableKeepAlives: true}
	s := httptest.NewServer(forward)
	defer s.Close()
	ready, lost, back := make(chan struct{}, 10), make(chan error, 10), make(chan struct{}, 10)
	events := make(chan client.Event, 10)
	b := newBackend(t, s.URL)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	options := client.FeedOptions{
		Events:   []string{"connected"},
		To:       client.Labels{"page": {"home"}},
		OnReady:  func() { ready <- struct{}{} },
		OnMissed: func(reason string) { t.Errorf("missed: %s", reason) },
		OnLost:   func(err error, _ time.Duration) { lost <- err; <-back },
		Backoff:  func(int, error) time.Duration { return 0 },
	}
	go func() {
		ended <- b.Feed(ctx, options, func(e client.Event) error {
			events <- e
			return nil
		})
	}()
	within(t, ready)
	open := func(page string) string {
		t.Helper()
		return expectTold[client.Welcome](run(t, client.PageOptions{URL: address, Labels: client.Labels{"page": {page}}})).ID
	}
	open("list")
	id := open("home")
	e := within(t, events)
	if e.Type != "connected" || e.Data.Connection != id || e.Data.Labels.Get("page") != "home" || e.ID == "" || e.Cursor == "" || e.Time.IsZero() {
		t.Errorf("the event is %+v", e)
	}
	s.CloseClientConnections()
	if err := within(t, lost); err == nil {
		t.Error("the stream is lost without an error")
	}
	meanwhile := open("home")
	back <- struct{}{}
	if e := within(t, events); e.Data.Connection != meanwhile {
		t.Errorf("the event of meanwhile is %+v", e)
	}
	within(t, ready)
	cancel()
	if err := within(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Feed returned %v", err)
	}
	// Another reader goes on where this one was.
	stop := errors.New("enough")
	options.Since = e.Cursor
	err := b.Feed(t.Context(), options, func(e client.Event) error {
		if e.Data.Connection != meanwhile {
			t.Errorf("behind the cursor is %+v", e)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("Feed returned %v", err)
	}
	b.Key = "wrong"
	var refused *client.Error
	if err := b.Feed(t.Context(), options, nil); !errors.As(err, &refused) || !refused.Final() || refused.Kind != client.KindUnauthorized {
		t.Errorf("Feed with a wrong key returned %v", err)
	}
}
