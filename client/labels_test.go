package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"scenecast/client"
)

// TestSet moves the page to another scene; a change that the server refuses changes nothing, also not when the page comes back.
func TestSet(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url)
	p := run(t, client.PageOptions{URL: url, Labels: map[string][]string{"page": {"home"}, "order": {"7"}}})
	expectTold[client.Welcome](p)
	if err := p.Set(t.Context(), map[string][]string{"page": {"list"}, "tag": {"a", "b"}, "order": {}}); err != nil {
		t.Fatal(err)
	}
	var e *client.Error
	if err := p.Set(t.Context(), map[string][]string{"page": {"back"}, "plan": {"pro"}}); !errors.As(err, &e) || e.Kind != "forbidden" || e.Where != "labels.plan" {
		t.Errorf("a change that is refused: %v", err)
	}
	b.disconnect(4408)
	expectTold[error](p)
	expectTold[client.Welcome](p)
	b.push(`page == "home" || page == "back" || has(order)`, `"old"`)
	b.push(`page == "list" && tag == "a" && tag == "b" && plan == "free"`, `"new"`)
	p.expect(`"new"`)
}

// TestSetWhileAway: the next connection brings the labels; one that is refused for them fails the change, not the page.
func TestSetWhileAway(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url)
	away, back := make(chan struct{}), make(chan struct{})
	p := run(t, client.PageOptions{
		URL: url, Labels: map[string][]string{"page": {"home"}},
		Backoff: func(int, error) time.Duration {
			away <- struct{}{}
			<-back
			return 0
		},
	})
	expectTold[client.Welcome](p)
	set := func(labels map[string][]string) chan error {
		ended := make(chan error, 1)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		go func() {
			defer cancel()
			ended <- p.Set(ctx, labels)
		}()
		return ended
	}
	for _, c := range []struct {
		labels  map[string][]string
		refused bool
		matches string
	}{
		{map[string][]string{"page": {"list"}}, false, `page == "list"`},
		{map[string][]string{"page": {"back"}, "plan": {"pro"}}, true, `page == "list" && plan == "free"`},
		{map[string][]string{"page": nil}, false, `!has(page)`},
	} {
		b.disconnect(4408)
		<-away
		ended := set(c.labels)
		select {
		case err := <-ended:
			t.Errorf("%v: answered without a connection: %v", c.labels, err)
		case <-time.After(10 * time.Millisecond): // not to be waited for: it shows a change that is not kept
		}
		back <- struct{}{}
		expectTold[error](p)
		if err := within(t, ended); (err != nil) != c.refused {
			t.Errorf("%v: %v", c.labels, err)
		}
		expectTold[client.Welcome](p)
		b.push(c.matches, `1`)
		p.expect("1")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Set(ctx, map[string][]string{"page": {"x"}}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Set with a context that has ended: %v", err)
	}
}
