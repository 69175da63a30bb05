package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"scenecast/client"
)

// TestWatch: a page that watches knows who is in its scenes, also when it has moved or come back.
func TestWatch(t *testing.T) {
	address := start(t, map[string]string{
		"presence":      "[{key: order, show: [name], linger: 0}]",
		"client_tokens": "[{token: " + pageToken + "}, {token: anns-token-1234, user: ann, labels: {name: Ann}}, {token: bobs-token-1234, user: bob}]",
	})
	b := newBackend(t, address)
	changes := make(chan client.PresenceChange, 100)
	back := make(chan struct{}, 1)
	p := run(t, client.PageOptions{
		URL: address, Labels: client.Labels{"order": {"7"}},
		OnPresence: func(c client.PresenceChange) { changes <- c },
		Backoff:    func(int, error) time.Duration { <-back; return 0 },
	})
	users := func(members []client.Member) (names []string) {
		for _, m := range members {
			names = append(names, m.User)
		}
		return names
	}
	until := func(what string, is func(c client.PresenceChange) bool) client.PresenceChange {
		t.Helper()
		for {
			if c := within(t, changes); is(c) {
				return c
			} else if len(c.Joined)+len(c.Left)+len(c.Updated) > 0 {
				t.Fatalf("waiting for %s: %+v", what, c)
			}
		}
	}
	joined := func(user string) func(client.PresenceChange) bool {
		return func(c client.PresenceChange) bool { return slices.Equal(users(c.Joined), []string{user}) }
	}
	left := func(user string) func(client.PresenceChange) bool {
		return func(c client.PresenceChange) bool { return slices.Equal(users(c.Left), []string{user}) }
	}
	var e *client.Error
	if err := p.Watch(t.Context(), "colour"); !errors.As(err, &e) || e.Kind != client.KindNotFound || e.Setting != "presence" {
		t.Errorf("a key that is not declared: %v", err)
	}
	if err := p.Watch(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	until("the snapshot", func(c client.PresenceChange) bool { return c.Value == "7" && c.Count == 0 })
	ann := run(t, client.PageOptions{URL: address, Token: "anns-token-1234", Labels: client.Labels{"order": {"7"}}})
	c := until("Ann", joined("ann"))
	if c.Key != "order" || c.Value != "7" || c.Count != 1 || c.Joined[0].Labels.Get("name") != "Ann" || c.Joined[0].Since.IsZero() {
		t.Errorf("Ann has joined: %+v", c)
	}
	if members := p.Members("order", "7"); !slices.Equal(users(members), []string{"ann"}) || members[0].Labels.Get("name") != "Ann" {
		t.Errorf("the members are %+v", members)
	}
	if members := slices.Collect(seq(t, b.Members(t.Context(), "order", "7"))); len(members) != 1 || members[0].User != "ann" || members[0].Connections != 1 {
		t.Errorf("the members by the API are %+v", members)
	}

	// While the page is away, Ann goes and Bob comes.
	if _, err := b.Disconnect(t.Context(), fmt.Sprintf("@page == %q", p.PageID()), 4408, ""); err != nil {
		t.Fatal(err)
	}
	ann.stop()
	_ = ann.end()
	run(t, client.PageOptions{URL: address, Token: "bobs-token-1234", Labels: client.Labels{"order": {"7"}}})
	for {
		members := slices.Collect(seq(t, b.Members(t.Context(), "order", "7")))
		if slices.Equal(users(members), []string{"bob"}) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	back <- struct{}{}
	c = until("what has happened meanwhile", joined("bob"))
	if !left("ann")(c) {
		t.Errorf("Ann has gone, and the page is told %+v", c)
	}

	// It moves: the old scene ends, and the new one has a snapshot. Without a label it sees nobody, and asks again.
	for _, values := range [][]string{{"8"}, nil, {"7"}} {
		if err := p.Set(t.Context(), client.Labels{"order": values}); err != nil {
			t.Fatal(err)
		}
	}
	until("the snapshot of the scene to which it has come back", func(c client.PresenceChange) bool { return c.Value == "7" && !c.Ended && c.Count == 1 })
	p.Unwatch("order")
	if members := p.Members("order", "7"); members != nil {
		t.Errorf("a page that does not watch sees %+v", members)
	}
	if err := p.Watch(t.Context(), ""); err == nil {
		t.Error("no key is watched")
	}
}

// TestWatchStale: a scene that the page has left while it was away ends, though the new connection says nothing of it.
func TestWatchStale(t *testing.T) {
	t.Parallel()
	address := start(t, map[string]string{"presence": "[{key: order}]"})
	b := newBackend(t, address)
	changes := make(chan client.PresenceChange, 100)
	away, back := make(chan struct{}), make(chan struct{})
	p := run(t, client.PageOptions{
		URL: address, Labels: client.Labels{"order": {"7"}},
		OnPresence: func(c client.PresenceChange) { changes <- c },
		Backoff:    func(int, error) time.Duration { away <- struct{}{}; <-back; return 0 },
	})
	if err := p.Watch(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	if c := within(t, changes); c.Value != "7" || c.Ended {
		t.Errorf("the first is %+v", c)
	}
	b.disconnect(4408)
	within(t, away)
	set := make(chan error, 1)
	go func() { set <- p.Set(t.Context(), client.Labels{"order": nil}) }()
	select {
	case err := <-set:
		t.Errorf("answered without a connection: %v", err)
	case <-time.After(20 * time.Millisecond): // not to be waited for: the change goes along with the connection or behind it
	}
	close(back)
	if err := within(t, set); err != nil {
		t.Error(err)
	}
	for c := within(t, changes); !c.Ended; c = within(t, changes) {
		if c.Value != "7" {
			t.Errorf("told %+v", c)
		}
	}
}

// seq are the values of an iterator that must not fail.
func seq[T any](t *testing.T, all func(func(T, error) bool)) func(func(T) bool) {
	return func(yield func(T) bool) {
		t.Helper()
		all(func(value T, err error) bool {
			if err != nil {
				t.Fatal(err)
			}
			return yield(value)
		})
	}
}
