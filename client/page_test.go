package client_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/client"
	"scenecast/protocol/native"
)

// TestPage gets what its labels match, and nothing else.
func TestPage(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url+"/")
	p := run(t, client.PageOptions{URL: url, Labels: map[string][]string{"page": {"home"}, "tag": {"a", "b"}}})
	if w := expectTold[client.Welcome](p); w.ID == "" || w.Position == (scenecast.Position{}) {
		t.Errorf("welcome: %+v", w)
	}
	b.push(`page == "list"`, `"for the list"`)
	b.push(`page == "home" && tag == "a" && tag == "b"`, `{"code": 200}`)
	p.expect(`{"code": 200}`)
	b.push(`@page == "`+p.PageID()+`"`, `1`)
	p.expect(`1`)
	p.stop()
	if err := p.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
}

// TestPageComesBack to where it was: what was pushed meanwhile it gets once, and in order.
func TestPageComesBack(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url)
	gate := make(chan struct{}, 100)
	p := run(t, client.PageOptions{
		URL: url, Labels: map[string][]string{"page": {"home"}},
		Backoff: func(failures int, err error) time.Duration {
			<-gate
			return 0
		},
	})
	expectTold[client.Welcome](p)
	b.push("*", "1")
	p.expect("1")
	for _, code := range []int{4408, 4410, 4503, 4000} {
		b.disconnect(code)
		for len(connections(b)) > 0 { // one that is closed counts until its socket is gone
		}
		b.push("*", "2")
		b.push("*", "3")
		gate <- struct{}{}
		var e *client.Error
		if err := expectTold[error](p); !errors.As(err, &e) || int(e.Code) != code || e.Final() {
			t.Errorf("lost by %d: %v", code, err)
		}
		expectTold[client.Welcome](p)
		b.push("*", "4")
		p.expect("2", "3", "4")
	}
	// Another that takes its place goes on where it was.
	p.stop()
	_ = p.end()
	b.push("*", "5")
	next := run(t, client.PageOptions{URL: url, Labels: map[string][]string{"page": {"home"}}, Since: p.Position(), PageID: p.PageID()})
	next.expect("5")
}

func connections(b *backend) []any {
	b.t.Helper()
	var answer struct{ Connections []any }
	if err := b.Call(b.t.Context(), "GET", "/v1/connections?limit=10", nil, &answer); err != nil {
		b.t.Fatal(err)
	}
	return answer.Connections
}

// TestPageThatFails to take a push has not had it.
func TestPageThatFails(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url)
	p := run(t, client.PageOptions{URL: url})
	expectTold[client.Welcome](p)
	b.push("*", "1")
	p.expect("1")
	p.stop()
	_ = p.end()
	b.push("*", "2")
	failed := errors.New("the disk is full")
	since := p.Position()
	for range 2 {
		o := client.PageOptions{URL: url, Token: pageToken, Since: since, PageID: p.PageID()}
		again, err := client.NewPage(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err = again.Run(ctx, func(push client.Push) error {
			if string(push.Data) != "2" {
				t.Errorf("the page got %s", push.Data)
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Errorf("Run returned %v", err)
		}
		since = again.Position()
	}
}

// TestLatePush comes once, however often the page moves into its audience.
func TestLatePush(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url)
	if _, err := b.Push(t.Context(), client.PushRequest{To: client.Audience(`page == "list"`), Message: []byte(`"late"`), TTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
	p := run(t, client.PageOptions{URL: url, Labels: map[string][]string{"page": {"home"}}})
	expectTold[client.Welcome](p)
	for range 3 {
		for _, page := range []string{"list", "home"} {
			if err := p.Set(t.Context(), map[string][]string{"page": {page}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.push("*", "1")
	if push := within(t, p.pushes); !push.Late || string(push.Data) != `"late"` {
		t.Errorf("the page got %+v", push)
	}
	p.expect("1")
}

// TestGap is told where what a page has missed is not to be had.
func TestGap(t *testing.T) {
	url := start(t, nil)
	other, _ := scenecast.ParsePosition("k3x9a-17")
	p := run(t, client.PageOptions{URL: url, Since: other})
	expectTold[client.Welcome](p)
	if g := expectTold[client.Gap](p); g.Reason != "epoch" || g.Position == (scenecast.Position{}) || p.Position() != g.Position && p.Position() != other {
		t.Errorf("the gap is %+v, the page is at %v", g, p.Position())
	}
	newBackend(t, url).push("*", "1")
	p.expect("1")
}

// TestAcknowledge: a page that is asked to acknowledges what it has taken.
func TestAcknowledge(t *testing.T) {
	t.Parallel()
	url := start(t, nil)
	b := newBackend(t, url)
	p := run(t, client.PageOptions{URL: url, Acknowledge: true})
	silent := run(t, client.PageOptions{URL: url})
	expectTold[client.Welcome](p)
	expectTold[client.Welcome](silent)
	result, err := b.Push(t.Context(), client.PushRequest{To: client.Audience("*"), Message: []byte("1"), Receipt: "acked", Timeout: 3 * time.Second})
	if err != nil || result.Acked != 1 || result.TimedOut != 1 {
		t.Errorf("the receipt is %+v, %v", result, err)
	}
	if push := within(t, p.pushes); !push.Ack {
		t.Errorf("the push is %+v", push)
	}
}

// TestRefused: where coming back would be in vain, Run says why.
func TestRefused(t *testing.T) {
	url := start(t, map[string]string{"limits.connections": "1"})
	for name, c := range map[string]struct {
		o    client.PageOptions
		code scenecast.CloseCode
	}{
		"token":  {client.PageOptions{URL: url, Token: "wrong"}, scenecast.CloseUnauthorized},
		"label":  {client.PageOptions{URL: url, Labels: map[string][]string{"plan": {"pro"}}}, scenecast.CloseForbidden},
		"no key": {client.PageOptions{URL: url, Labels: map[string][]string{"9": {"x"}}}, scenecast.CloseBadMessage},
	} {
		p := run(t, c.o)
		var e *client.Error
		if err := p.end(); !errors.As(err, &e) || e.Code != c.code || !e.Final() {
			t.Errorf("%s: %v, want code %d", name, err, c.code)
		}
		if err := p.Set(t.Context(), nil); !errors.Is(err, client.ErrEnded) {
			t.Errorf("%s: Set after the end: %v", name, err)
		}
	}
	first := run(t, client.PageOptions{URL: url})
	expectTold[client.Welcome](first)
	second := run(t, client.PageOptions{URL: url})
	var e *client.Error
	if err := expectTold[error](second); !errors.As(err, &e) || e.Code != scenecast.CloseTooMany || e.Final() {
		t.Errorf("one page too many: %v", err)
	}
}

func TestNewPage(t *testing.T) {
	for _, o := range []client.PageOptions{
		{}, {URL: "localhost:9502"}, {URL: "ftp://localhost"}, {URL: "http://"},
		{URL: "http://localhost", Labels: map[string][]string{"since": {"x"}}},
	} {
		if _, err := client.NewPage(o); err == nil {
			t.Errorf("%+v makes a page", o)
		}
	}
}

// TestWords: what this package says for itself is what the server says.
func TestWords(t *testing.T) {
	if client.Subprotocol != native.Subprotocol {
		t.Errorf("the subprotocol is %s, and the server's %s", client.Subprotocol, native.Subprotocol)
	}
	for _, param := range []string{admission.TokenParam, admission.SinceParam, admission.PageIDParam} {
		if _, err := client.NewPage(client.PageOptions{URL: "http://localhost", Labels: map[string][]string{param: {"x"}}}); err == nil {
			t.Errorf("%s is taken for a label", param)
		}
	}
}

func TestBackoff(t *testing.T) {
	closed := func(code scenecast.CloseCode) error { return &client.Error{Code: code} }
	for _, c := range []struct {
		failures int
		err      error
		within   time.Duration
	}{
		{0, errors.New("reset"), time.Second},
		{1, closed(scenecast.CloseSlowConsumer), 2 * time.Second},
		{4, nil, 16 * time.Second},
		{5, nil, 30 * time.Second},
		{1000, nil, 30 * time.Second},
		{0, closed(scenecast.CloseShuttingDown), 10 * time.Second},
		{0, closed(scenecast.CloseTooMany), 10 * time.Second},
		{5, closed(scenecast.CloseTooMany), 30 * time.Second},
	} {
		var waits []time.Duration
		for range 1000 {
			waits = append(waits, client.Backoff(c.failures, c.err))
		}
		if least, most := slices.Min(waits), slices.Max(waits); least < 0 || least > c.within/10 || most >= c.within || most < c.within*9/10 {
			t.Errorf("after %d failures and %v the waits are from %v to %v, want them spread from 0 to %v", c.failures, c.err, least, most, c.within)
		}
	}
}
