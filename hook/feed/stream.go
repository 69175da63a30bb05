package feed

import (
	"cmp"
	"slices"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hook/event"
	"scenecast/problem"
)

// StreamOptions say what a stream is about.
type StreamOptions struct {
	App    string
	Types  []event.Type  // nil: all
	To     audience.Expr // only events whose labels match, and pushes; zero: all
	Within audience.Expr // the confinement of whoever listens; zero: none
	Since  *Cursor       // where to begin; nil: now
}

// A confined listener gets events of these types: they are of one page, which is within its confinement. What else there is may be
// brought about by pages that are not.
var confinedTypes = []event.Type{event.Connected, event.Disconnected, event.Relabelled, event.Gap}

// CheckTypes returns a problem where a confined listener asks for a type that it does not get.
func CheckTypes(types []event.Type) error {
	for _, of := range types {
		if of != event.Pushed && !slices.Contains(confinedTypes, of) {
			return problem.New(problem.Forbidden, "this API key is confined to an audience (within), and %s is not of one page", of).
				At("events").DecidedBy("api_keys")
		}
	}
	return nil
}

// maxQueued bounds the events that wait for the listener. One that reads more slowly than they come is cut.
const maxQueued = 10_000

// Stream is one listener. Next is called by one goroutine.
type Stream struct {
	feed   *Feed
	o      StreamOptions
	number uint64        // by which other nodes name it
	more   chan struct{} // holds a signal when Next has something to do

	// With feed.mu held:
	waiting map[scenecast.NodeID]*awaited // nodes that have not answered yet
	begun   bool
	queue   []*shared
	newest  map[scenecast.NodeID]int64 // by node, the stamp up to which all events have come, or are told as missed
	heard   map[scenecast.NodeID]int64 // by node, when that was last known to be its newest event, in µs
	missed  bool                       // since the last part
	told    bool                       // Next has returned the first part
	ended   error
	cursor  Cursor // of what Next has returned; it alone writes it, and reads and writes After, also without feed.mu

	last partBuffer // of Next
}

// awaited is a node's answer of which there is more to come.
type awaited struct {
	until time.Time // it is waited for until then
	parts int       // that have come, with those that were lost before the last of them
	holes bool      // some were lost
}

// Open opens a stream. A problem of the kind TooMany says that there are as many as there may be. Close ends it.
func (f *Feed) Open(o StreamOptions) (*Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, errClosing
	case len(f.streams) == maxStreams:
		return nil, problem.New(problem.TooMany, "%d streams are open at this node, and no more may be", maxStreams)
	}
	f.asked++
	s := &Stream{feed: f, o: o, number: f.asked, more: make(chan struct{}, 1), waiting: make(map[scenecast.NodeID]*awaited), newest: make(map[scenecast.NodeID]int64),
		heard: make(map[scenecast.NodeID]int64)}
	s.cursor = Cursor{Since: time.Now().Add(-delay).UnixMicro()}
	if o.Since != nil {
		s.cursor = Cursor{Since: o.Since.Since, After: slices.Clone(o.Since.After)}
	}
	f.noteNodes(time.Now())
	f.streams[s] = struct{}{}
	if s.listensForPushes() {
		f.pushListeners.Add(1)
	}
	app := f.keep(o.App)
	app.local++
	items, holes := f.past(app, o.Since, false)
	s.pushAll(items)
	s.missed = holes || o.Since != nil && o.Since.Since < f.lost
	for id, left := range f.nodes {
		if !left {
			s.ask(id, o.Since, false)
		}
	}
	s.begin()
	return s, nil
}

// ask, with mu held, asks a node for what has happened there.
func (s *Stream) ask(id scenecast.NodeID, since *Cursor, joined bool) {
	s.waiting[id] = &awaited{until: time.Now().Add(answerWait)}
	s.feed.send(message{Ask: &ask{Stream: s.number, To: id, App: s.o.App, Cursor: since, Joined: joined}})
}

// askNew, with mu held, asks a node that the engine knows only now, or knows again, for what it has had no stream for.
func (s *Stream) askNew(id scenecast.NodeID) {
	since := s.cursor.Since - joinTime.Microseconds()
	s.ask(id, &Cursor{Since: since, Need: since, After: stamps{{id, s.newest[id]}}}, true)
}

// Close ends the stream.
func (s *Stream) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.remove()
}

// remove, with mu held, removes the stream, if it is there.
func (s *Stream) remove() {
	if _, open := s.feed.streams[s]; open {
		delete(s.feed.streams, s)
		if s.listensForPushes() {
			s.feed.pushListeners.Add(-1)
		}
		s.feed.keep(s.o.App).local--
	}
}

// end, with mu held, ends the stream when Next has returned what waits.
func (s *Stream) end(why error) {
	if s.ended == nil {
		s.ended = why
	}
	s.remove()
	signal(s.more)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// live, with mu held, tells the stream of an event that has just happened, or has just come from another node, where the one with the other stamp was
// before it. Before a node has answered, it is in the answer.
func (s *Stream) live(t *telling, before int64) {
	if before == 0 || s.complete(t.item.node, before) {
		s.push(t)
	}
}

// complete, with mu held, notes that a node has sent all events until this stamp. What has not come is missed, or will be in an answer: then, it is false.
func (s *Stream) complete(from scenecast.NodeID, until int64) bool {
	if _, waits := s.waiting[from]; waits {
		return false
	}
	if until > s.newest[from] {
		if _, known := s.feed.nodes[from]; !known {
			return false // it is asked as soon as the engine knows it
		}
		s.newest[from] = until
		s.missedSome()
	}
	s.heard[from] = time.Now().UnixMicro()
	return true
}

// push, with mu held, queues an event that the stream is about.
func (s *Stream) push(t *telling) {
	s.newest[t.item.node] = t.item.stamp
	e := &t.item.event
	isConfined := !s.o.Within.IsZero()
	switch {
	case e.Data.App != s.o.App,
		s.o.Types != nil && !slices.Contains(s.o.Types, e.Type),
		!s.o.To.IsZero() && !s.o.To.Match(e.Data.Labels),
		isConfined && (!s.o.Within.Match(e.Data.Labels) || !slices.Contains(confinedTypes, e.Type)):
		return
	}
	as := whole
	if isConfined {
		as = confined
		if s.o.Within.Match(e.Data.Before) {
			as = confinedBefore
		}
	}
	s.enqueue(t.share(as))
}

// pushAll, with mu held, queues what has happened before.
func (s *Stream) pushAll(items []item) {
	for i := range items {
		s.push(&telling{item: &items[i]})
	}
}

// enqueue, with mu held, queues an event for the listener.
func (s *Stream) enqueue(e *shared) {
	if s.ended != nil {
		return
	}
	if len(s.queue) >= maxQueued && s.begun && s.told {
		s.feed.overtaken++
		s.queue = nil
		s.end(problem.New(problem.TooMany, "%d events wait: the stream is read more slowly than they come", maxQueued))
		return
	}
	e.streams++
	s.queue = append(s.queue, e)
	signal(s.more)
}

// answered, with mu held, takes what has happened at a node already.
func (s *Stream) answered(from scenecast.NodeID, items []item, a answer) {
	w := s.waiting[from]
	if w == nil {
		return
	}
	if a.Part != w.parts { // one was lost
		w.holes = true
	}
	w.parts = a.Part + 1
	s.pushAll(items)
	if a.Last {
		s.missed = s.missed || a.Holes || w.holes
		s.newest[from], s.heard[from] = max(s.newest[from], a.Newest), time.Now().UnixMicro()
		delete(s.waiting, from)
		s.begin()
	}
}

// gone, with mu held, notes that a node is gone; told: it has said so, and nothing is lost.
func (s *Stream) gone(id scenecast.NodeID, told bool) {
	if _, waits := s.waiting[id]; waits {
		delete(s.waiting, id)
		if s.o.Since != nil || s.begun { // what it has kept is gone
			s.missedSome()
		}
		s.begin()
	}
	if !told {
		s.missedSome()
	}
}

// missedSome, with mu held, has the stream be told that it has missed events.
func (s *Stream) missedSome() {
	s.missed = true
	signal(s.more)
}

// expire, with mu held, waits no more for nodes that do not answer in time.
func (s *Stream) expire(now time.Time) {
	for id, w := range s.waiting {
		if now.After(w.until) {
			s.feed.o.Logger.Warn("feed: a node has not answered a stream in time", "node", id)
			delete(s.waiting, id)
			s.newest[id], s.heard[id] = max(s.newest[id], now.Add(-delay).UnixMicro()), now.UnixMicro()
			s.missedSome()
		}
	}
	s.begin()
}

// begin, with mu held, begins once all nodes have answered: what they have answered is told in the order in which it has happened.
func (s *Stream) begin() {
	if s.begun || len(s.waiting) > 0 {
		return
	}
	s.begun = true
	for id := range s.feed.nodes { // their answers are younger than delay; the cursor must be behind when the last of them began to keep events
		s.heard[id] = time.Now().UnixMicro()
	}
	slices.SortStableFunc(s.queue, func(a, b *shared) int { return cmp.Compare(a.stamp, b.stamp) })
	signal(s.more)
}
