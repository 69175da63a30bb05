package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// FeedOptions say which events a feed has, and what its reader is told besides. The callbacks are called one at a time, by Feed, which
// waits for them; any may be nil.
type FeedOptions struct {
	Events []string // types, as in connected: docs/hooks.md#events. None: all but push, which is told of who names it
	To     any      // only events whose labels match; as PushRequest.To. Nil: all

	// Since is Event.Cursor of the last event that the reader has had. Empty: it gets what happens from now on.
	Since string

	OnReady  func()                                  // from here on the feed is live
	OnMissed func(reason string)                     // events may be missing at this place
	OnLost   func(err error, comeBack time.Duration) // the stream is lost, and is opened again after that time

	// Backoff is as in PageOptions.
	Backoff func(failures int, err error) time.Duration
}

// Event is something that has happened to pages. Which of the fields of Data an event has, its type says: docs/hooks.md#events.
type Event struct {
	ID     string    `json:"id"`        // the same if it is told again
	Type   string    `json:"type"`      // as in connected, left or push: docs/hooks.md#events
	Time   time.Time `json:"timestamp"` // when it happened, by the clock of its node
	Data   EventData `json:"data"`
	Cursor string    `json:"-"` // its place in the feed
}

// EventData is what an event carries. Behind each field stand the types of events that have it; in others it is zero.
type EventData struct {
	App        string `json:"app"`
	Node       uint64 `json:"node"`       // not for a key that is confined
	Connection string `json:"connection"` // connected, disconnected, relabelled, gap
	Labels     Labels `json:"labels"`     // of the connection; of joined and left those that the member shows
	Before     Labels `json:"before"`     // relabelled: what it had
	Cause      string `json:"cause"`      // disconnected, gap
	Code       int    `json:"code"`       // disconnected: the close code
	Key        string `json:"key"`        // joined, left, occupied, vacated: the scene
	Value      string `json:"value"`
	User       string `json:"user"`     // joined, left
	Version    int64  `json:"version"`  // joined, left, occupied, vacated: rises from event to event of one user or scene
	Trigger    string `json:"trigger"`  // trigger: its name
	By         string `json:"by"`       // … and the key that ran it; empty: a page's token
	Push       string `json:"push"`     // push, trigger: the push's ID
	To         string `json:"to"`       // push: its audience
	Event      string `json:"event"`    // … and the name of its message
	Matched    int    `json:"matched"`  // … and how many connections that matched
	Position   string `json:"position"` // … and where in the log it is, as of push; of gap the page's
}

// feedSilence is how long a feed may say nothing: the server says something every 15 s.
const feedSilence = 45 * time.Second

var errFeedSilent = errors.New("nothing has come for 45 s")

// Feed has take called with each event that happens to pages of the key's app, at all nodes, in the order of the feed, and opens the stream
// again where it is lost: what has happened meanwhile comes first, or OnMissed says that something may be missing. It returns when ctx has
// ended, when take returns an error, or when coming back would be in vain: ctx's error, take's, or an *Error whose Final is true.
func (b *Backend) Feed(ctx context.Context, o FeedOptions, take func(Event) error) error {
	query := make(url.Values)
	if len(o.Events) > 0 {
		query.Set("events", strings.Join(o.Events, ","))
	}
	if o.To != nil {
		text, err := audienceText(o.To)
		if err != nil {
			return err
		}
		query.Set("to", text)
	}
	if o.Since != "" {
		query.Set("since", o.Since)
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	f := feed{backend: b, options: o, query: query, take: take}
	for failures := 0; ; failures++ {
		begun := time.Now()
		err := f.stream(ctx)
		var own *takeError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &own):
			return own.error
		case isFinal(err):
			return err
		}
		if time.Since(begun) > stayedAfter {
			failures = 0
		}
		wait := o.Backoff(failures, err)
		if o.OnLost != nil {
			o.OnLost(err, wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// feed is a feed that is being read.
type feed struct {
	backend *Backend
	options FeedOptions
	query   url.Values
	take    func(Event) error
	cursor  string // of the last event
}

// stream reads one stream to its end.
func (f *feed) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(feedSilence, func() { cancel(errFeedSilent) })
	defer silence.Stop()
	header := make(http.Header)
	if f.cursor != "" {
		header.Set("Last-Event-ID", f.cursor)
	}
	response, err := f.backend.send(ctx, http.MethodGet, "/v1/feed?"+f.query.Encode(), header, nil)
	if err != nil {
		return f.cause(ctx, err)
	}
	defer response.Body.Close()
	r := eventReader{r: bufio.NewReader(response.Body), id: f.cursor, onLine: func() { silence.Reset(feedSilence) }}
	for {
		e, err := r.next()
		if err != nil {
			return f.cause(ctx, err)
		}
		silence.Stop() // while take works, nothing is read
		if err := f.receive(e); err != nil {
			return err
		}
		silence.Reset(feedSilence)
	}
}

// cause is why a stream has ended, where it was ended from here.
func (f *feed) cause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errFeedSilent) {
		return errFeedSilent
	}
	return err
}

func (f *feed) receive(e event) error {
	switch e.name {
	case "ready":
		if f.options.OnReady != nil {
			f.options.OnReady()
		}
	case "missed":
		if f.options.OnMissed != nil {
			f.options.OnMissed(readNotice(e.data).Reason)
		}
	case "close":
		return readNotice(e.data).error()
	default:
		said := Event{Cursor: e.id}
		if err := json.Unmarshal(e.data, &said); err != nil {
			return err
		}
		if err := f.take(said); err != nil {
			return &takeError{err}
		}
	}
	f.cursor = e.id
	return nil
}

// notice is what the feed says of itself.
type notice struct{ Kind, Reason string }

func readNotice(text []byte) (n notice) {
	_ = json.Unmarshal(text, &n) // without a reason it is one all the same
	return n
}

// error is why the server has ended the stream; it is final where the key is gone.
func (n notice) error() *Error {
	status := http.StatusServiceUnavailable
	if n.Kind == KindUnauthorized {
		status = http.StatusUnauthorized
	}
	return &Error{Status: status, Kind: n.Kind, Detail: n.Reason}
}
