// Package viewer does to a server what a tab of the dashboard does to it: the same calls, as often. It reads the answers and shows nothing, so that
// what a viewer costs the server can be measured without what a browser costs the machine.
package viewer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Call is a call that a screen makes, below /dashboard/api/.
type Call struct {
	Method, Path, Body string
	Every              time.Duration // after each answer it is made again; 0: it is made once
	Streams            bool          // the answer does not end
}

// Screen is a screen of the dashboard.
type Screen struct {
	Name  string
	Calls []Call
}

// Screens are those that are measured, each as it opens for a key that may do everything on a server without hooks or presence. On Push the
// audience is typed already. A test of the browser compares these calls with those of the tab.
var Screens = []Screen{
	{"now", []Call{
		{Method: "GET", Path: "v1/nodes", Every: 3 * time.Second},
		{Method: "GET", Path: "v1/stats?window=15m", Every: 2 * time.Second},
		{Method: "GET", Path: "v1/labels?limit=30"},
		{Method: "GET", Path: "v1/scenes?by=page&limit=200", Every: 3 * time.Second},
	}},
	{"feed", []Call{{Method: "GET", Path: "v1/feed?", Streams: true}}},
	{"pages", []Call{{Method: "GET", Path: "v1/connections?limit=100"}}},
	{"push", []Call{{Method: "POST", Path: "v1/audience", Body: `{"to":"page == \"home\"","sample":5}`, Every: 3 * time.Second}}},
}

// Named is the screen with this name; nil: it is none of Screens.
func Named(name string) *Screen {
	for i := range Screens {
		if Screens[i].Name == name {
			return &Screens[i]
		}
	}
	return nil
}

// Viewer is somebody who has logged in. Safe for concurrent use.
type Viewer struct {
	url    string // of the dashboard, with a slash at the end
	client *http.Client

	calls, bytes, events atomic.Int64
}

// LogIn logs in by an API key. The URL is the server's.
func LogIn(ctx context.Context, server, key string) (*Viewer, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &Viewer{url: strings.TrimSuffix(server, "/") + "/dashboard/", client: &http.Client{Jar: jar, Transport: &http.Transport{DisableCompression: true}}}
	body, err := json.Marshal(map[string]string{"key": key})
	if err != nil {
		return nil, err
	}
	return v, v.call(ctx, Call{Method: "POST", Path: "login", Body: string(body)}, v.url+"login", nil)
}

// Close closes the connections to the server that wait for another call.
func (v *Viewer) Close() { v.client.CloseIdleConnections() }

// Totals are what a viewer has had so far: answers, their bytes, and the events of feeds, about: one that comes in two reads may not be counted.
type Totals struct{ Calls, Bytes, Events int64 }

// Totals tells them, also while Look goes on.
func (v *Viewer) Totals() Totals { return Totals{v.calls.Load(), v.bytes.Load(), v.events.Load()} }

// Look makes the calls of a screen until ctx ends. begun is called once when each has been answered for the first time, or has begun to stream. The
// error says which call has failed; ctx that ends is none.
func (v *Viewer) Look(ctx context.Context, s *Screen, begun func()) error {
	whole := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var calls, first sync.WaitGroup
	for _, c := range s.Calls {
		first.Add(1)
		answered := sync.OnceFunc(first.Done)
		calls.Go(func() {
			defer answered()
			if err := v.repeat(ctx, c, answered); err != nil {
				cancel(fmt.Errorf("%s %s: %w", c.Method, c.Path, err))
			}
		})
	}
	first.Wait()
	if ctx.Err() == nil {
		begun()
	}
	<-ctx.Done()
	calls.Wait()
	if whole.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// repeat makes a call as often as its screen does.
func (v *Viewer) repeat(ctx context.Context, c Call, answered func()) error {
	for {
		err := v.call(ctx, c, v.url+"api/"+c.Path, answered)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case c.Streams:
			return errors.New("the stream has ended")
		}
		answered()
		if c.Every == 0 {
			return nil
		}
		select {
		case <-time.After(c.Every):
		case <-ctx.Done():
			return nil
		}
	}
}

// call makes a call and reads the answer. began is called when a stream begins.
func (v *Viewer) call(ctx context.Context, c Call, url string, began func()) error {
	r, err := http.NewRequestWithContext(ctx, c.Method, url, strings.NewReader(c.Body))
	if err != nil {
		return err
	}
	if c.Body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := v.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	v.calls.Add(1)
	if answer.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	if c.Streams {
		began()
	}
	for piece := make([]byte, 32<<10); ; {
		n, err := answer.Body.Read(piece)
		v.bytes.Add(int64(n))
		if c.Streams {
			v.events.Add(int64(bytes.Count(piece[:n], []byte("\ndata: "))))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
