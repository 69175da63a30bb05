package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"scenecast/access"
	"scenecast/auth"
	"scenecast/hook/event"
	"scenecast/hook/feed"
	"scenecast/problem"
)

// feedPing is how often a stream says something while nothing happens: proxies take silence for death, and the cursor moves on.
const feedPing = 15 * time.Second

// feedGather is how far apart the parts of a stream are at least. An event after a silence is written at once; of those that come in numbers, several are
// written together: a write for each costs both ends more than the events do.
const feedGather = 50 * time.Millisecond

// feedRetry is when a client comes back by itself, in ms.
const feedRetry = "retry: 2000\n"

// The names of the stream's own events, which are no types of events of pages.
const (
	feedReady  = "ready"  // the stream is live
	feedMissed = "missed" // events are missing here
	feedClose  = "close"  // the server ends the stream
)

// feedNotice is what such an event says.
type feedNotice struct {
	Type   string `json:"type"`
	Kind   string `json:"kind,omitempty"`   // close: as in a problem
	Reason string `json:"reason,omitempty"` // missed, close
}

// missedReason is why events may be missing; nobody knows more about those that are not there.
const missedReason = "events may be missing here: they are not kept any more, or a node has not answered, or is gone"

// feed answers GET /v1/feed with an event stream: what happens to pages of the whole cluster.
func (a *API) feed(r *request) (any, error) {
	o, err := r.feedOptions()
	if err != nil {
		return nil, err
	}
	header := r.w.Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("Cache-Control", "no-store, no-transform") // a proxy that compresses would hold events back
	header.Set("X-Accel-Buffering", "no")                 // nginx would hold events back until it has some kilobytes
	if r.Method == http.MethodHead {
		return written{}, nil
	}
	s, err := a.o.Feed.Open(o)
	if err != nil {
		header.Del("Cache-Control")
		header.Del("X-Accel-Buffering")
		return nil, err
	}
	defer s.Close()
	control := http.NewResponseController(r.w)
	_ = control.SetReadDeadline(time.Time{}) // the request is whole; that of net/http would end the stream
	_, _ = r.w.Write([]byte(feedRetry + "\n"))
	_ = control.Flush()
	out := feedWriter{to: r.w}
	var last time.Time
	for {
		select {
		case <-time.After(time.Until(last.Add(feedGather))):
		case <-r.Context().Done(): // Next says so
		}
		part, err := s.Next(r.Context(), feedPing)
		last = time.Now()
		if err == nil {
			err = a.checkKey(r)
		}
		var p *problem.Problem
		if errors.As(err, &p) {
			_, _ = r.w.Write(feedEvent(nil, nil, feedClose, feedNotice{feedClose, string(p.Kind), p.Error()}))
			return written{}, nil
		}
		if err != nil || out.write(part) != nil || control.Flush() != nil {
			return written{}, nil //nolint:nilerr // the reader is gone
		}
	}
}

// checkKey returns a problem when the settings do not let the key do any more what the stream does that it has opened: a reload may have changed them.
func (a *API) checkKey(r *request) error {
	key, ok := a.o.FindKey(auth.Bearer(r.Request))
	if now := access.KeyCaller(key); ok && key.May(auth.Read) && now.App == r.caller.App && now.Credential == r.caller.Credential { // which names its confinement
		return nil
	}
	return problem.New(problem.Unauthorized, "the API key is not what it was when the stream was opened").DecidedBy(access.SettingKeys)
}

// feedOptions reads what a stream is to be about.
func (r *request) feedOptions() (o feed.StreamOptions, err error) {
	o.App, o.Within = r.caller.App, r.caller.Within
	if o.To, err = r.params.audience(); err != nil {
		return o, err
	}
	if o.To, err = r.caller.Reach(o.To); err != nil {
		return o, err
	}
	if text, given := r.params["events"]; given {
		for _, name := range strings.Split(text, ",") {
			of := event.Type(name)
			if !slices.Contains(event.FeedTypes, of) {
				return o, problem.New(problem.Invalid, "%.40q is no type of event; there are %s", name, typeNames()).At("events")
			}
			o.Types = append(o.Types, of)
		}
	}
	if r.caller.Confined() {
		if err := feed.CheckTypes(o.Types); err != nil {
			return o, err
		}
	}
	since, place := r.Header.Get("Last-Event-Id"), "Last-Event-ID" // a client that comes back by itself has the same URL as before
	if since == "" {
		since, place = r.params["since"], "since"
	}
	if _, given := r.params["since"]; since != "" || given {
		if o.Since, err = feed.ParseCursor(since); err != nil {
			return o, problem.New(problem.Invalid, "%v", err).At(place)
		}
	}
	return o, nil
}

func typeNames() string {
	var names []string
	for _, of := range event.FeedTypes {
		names = append(names, string(of))
	}
	return strings.Join(names, ", ")
}

// feedWriter writes the parts of one stream, with a buffer that it uses again.
type feedWriter struct {
	to     http.ResponseWriter
	buffer []byte
}

// write writes what there is, a bounded piece at a time.
func (f *feedWriter) write(p feed.Part) error {
	const piece = 32 << 10
	b := f.buffer[:0]
	if p.Missed {
		b = feedEvent(b, nil, feedMissed, feedNotice{Type: feedMissed, Reason: missedReason})
	}
	for _, e := range p.Events {
		b = feedHead(b, e.Cursor, string(e.Type))
		b = append(e.AppendJSON(b), "\n\n"...)
		if len(b) >= piece {
			if _, err := f.to.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	if p.Ready {
		b = feedEvent(b, p.Cursor, feedReady, feedNotice{Type: feedReady})
	} else if len(p.Events) == 0 { // no event, but a client that comes back goes on from here
		b = append(append(append(b, "id: "...), p.Cursor...), "\n:\n\n"...)
	}
	f.buffer = b
	_, err := f.to.Write(b)
	return err
}

// feedEvent appends an event of the stream's own (HTML Standard, 9.2.5). JSON as it is encoded here has no end of a line in it.
func feedEvent(b, id []byte, name string, data feedNotice) []byte {
	encoded, _ := json.Marshal(data) // texts: it cannot fail
	return append(append(feedHead(b, id, name), encoded...), "\n\n"...)
}

// feedHead appends what stands before the data of an event.
func feedHead(b, id []byte, name string) []byte {
	if id != nil {
		b = append(append(append(b, "id: "...), id...), '\n')
	}
	return append(append(append(b, "event: "...), name...), "\ndata: "...)
}
