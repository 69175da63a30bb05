package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"scenecast/client"
)

// hookCall is what the backend gets of a call, as far as the tests need it.
type hookCall struct {
	Data struct {
		Method string
		Data   json.RawMessage
	}
}

// TestCall: what a page asks its backend is answered, refused, or uncertain where the connection is lost meanwhile.
func TestCall(t *testing.T) {
	arrived := make(chan string, 100)
	hold := make(chan struct{})
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c hookCall
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			t.Error(err)
		}
		arrived <- c.Data.Method
		switch c.Data.Method {
		case "refused":
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"reason":"sold out"}`))
		case "held":
			<-hold
			_, _ = w.Write([]byte(`"held"`))
		case "nothing":
		default:
			_, _ = w.Write(c.Data.Data)
		}
	}))
	defer shop.Close()
	address := start(t, map[string]string{"hooks.call.url": shop.URL, "hooks.call.timeout": "20s", "hooks.call.concurrency": "100"})
	p := run(t, client.PageOptions{URL: address})
	ctx := t.Context()

	type product struct{ Product int }
	var got product
	if err := p.Call(ctx, "stock", product{7}, &got); err != nil || got.Product != 7 { // which waits for the connection
		t.Errorf("the answer is %+v, %v", got, err)
	}
	if err := p.Call(ctx, "nothing", nil, nil); err != nil {
		t.Error(err)
	}
	var e *client.Error
	if err := p.Call(ctx, "refused", nil, nil); !errors.As(err, &e) || e.Kind != client.KindForbidden || e.Detail != "sold out" {
		t.Errorf("what the backend refuses: %v", err)
	}
	for _, method := range []string{"", string(make([]byte, 129))} {
		if err := p.Call(ctx, method, nil, nil); err == nil {
			t.Errorf("a method of %d bytes is called", len(method))
		}
	}
	if err := p.Call(ctx, "stock", make(chan int), nil); err == nil {
		t.Error("a channel is sent")
	}
	for range 3 {
		within(t, arrived)
	}

	// Ten at a time: eight are under way, two wait for their turn.
	results := make(chan error, 10)
	for range 10 {
		go func() {
			var text string
			err := p.Call(ctx, "held", nil, &text)
			if err == nil && text != "held" {
				err = errors.New("the answer is " + text)
			}
			results <- err
		}()
	}
	for range 8 {
		within(t, arrived)
	}
	select {
	case method := <-arrived:
		t.Errorf("a ninth call is under way: %s", method)
	case <-time.After(20 * time.Millisecond): // not to be waited for: it shows one that does not wait for its turn
	}
	close(hold)
	for range 10 {
		if err := within(t, results); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		within(t, arrived)
	}
}

// TestCallLost: a call that is under way when the connection is lost is uncertain; one that waits goes on with the next; one whose context
// ends, and one whose page ends, is over.
func TestCallLost(t *testing.T) {
	arrived := make(chan string, 100)
	release := make(chan struct{})
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var c hookCall
		_ = json.NewDecoder(r.Body).Decode(&c)
		arrived <- c.Data.Method
		if c.Data.Method == "held" {
			<-release
		}
	}))
	defer shop.Close()
	defer sync.OnceFunc(func() { close(release) })()
	address := start(t, map[string]string{"hooks.call.url": shop.URL, "hooks.call.timeout": "20s", "hooks.call.concurrency": "100"})
	b := newBackend(t, address)
	p := run(t, client.PageOptions{URL: address})
	expectTold[client.Welcome](p)
	call := func(ctx context.Context, method string) chan error {
		ended := make(chan error, 1)
		go func() { ended <- p.Call(ctx, method, nil, nil) }()
		return ended
	}
	var under []chan error
	for range 8 {
		under = append(under, call(t.Context(), "held"))
		within(t, arrived)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := within(t, call(ctx, "never")); !errors.Is(err, context.Canceled) {
		t.Errorf("a call whose context has ended: %v", err)
	}
	b.disconnect(4408)
	for _, ended := range under {
		var e *client.Error
		if err := within(t, ended); !errors.As(err, &e) || e.Kind != client.KindUncertain {
			t.Errorf("a call under way when the connection is lost: %v", err)
		}
	}
	expectTold[error](p)
	if err := within(t, call(t.Context(), "next")); err != nil {
		t.Errorf("the next connection: %v", err)
	}
	if method := within(t, arrived); method != "next" {
		t.Errorf("the backend was asked %s", method)
	}
	last := call(t.Context(), "held")
	within(t, arrived)
	p.stop()
	if err := within(t, last); err == nil {
		t.Error("a call of a page that has ended succeeds")
	}
	_ = p.end()
	if err := p.Call(t.Context(), "late", nil, nil); !errors.Is(err, client.ErrEnded) {
		t.Errorf("a call behind the end: %v", err)
	}
}
