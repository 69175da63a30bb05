package feed

import (
	"encoding/json"
	"slices"
	"time"

	"scenecast"
	"scenecast/hook/event"
)

// message is what nodes tell each other, as JSON: nodes of different versions must understand it.
type message struct {
	From   scenecast.NodeID `json:"from"`
	Want   []string         `json:"want,omitempty"`   // apps whose events the sender's streams want, for as long as a lease
	Newest map[string]int64 `json:"newest,omitempty"` // by app, the stamp of the sender's newest event; all until then were sent before, or are lost
	Ask    *ask             `json:"ask,omitempty"`    // a stream of the sender opens
	Answer *answer          `json:"answer,omitempty"` // to such a message
	Events []sentEvent      `json:"events,omitempty"` // what happens at the sender
	Bye    bool             `json:"bye,omitempty"`    // the sender goes, and has sent everything
}

// envelope is a message as it is sent: other parts of a node tell each other other things.
type envelope struct {
	Feed *message `json:"feed"`
}

var envelopeBegin = []byte(`{"feed":`)

// ask asks all nodes for events of an app, from now on and, with a cursor, from the past.
type ask struct {
	Stream uint64           `json:"stream"`       // a number of the asking node's
	To     scenecast.NodeID `json:"to,omitempty"` // none: all nodes
	App    string           `json:"app"`
	Cursor *Cursor          `json:"cursor,omitempty"`
	Joined bool             `json:"joined,omitempty"` // the node has joined while the stream was there: it has no earlier events that could be missing
}

// asked is a question that another node has asked.
type asked struct {
	by scenecast.NodeID
	ask
}

// answer is a part of the answer of a node. The parts are sent one behind the other, with no events between them.
type answer struct {
	To     scenecast.NodeID `json:"to"`
	Stream uint64           `json:"stream"`
	Part   int              `json:"part,omitempty"` // counts the parts
	Last   bool             `json:"last,omitempty"`
	Holes  bool             `json:"holes,omitempty"` // in the last: not all that was asked for is kept
	Newest int64            `json:"newest"`          // the stamp of the newest event before the answer
	Events []sentEvent      `json:"events,omitempty"`
}

type sentEvent struct {
	Stamp  int64       `json:"stamp"`
	Before int64       `json:"before,omitempty"` // the stamp of the app's event before it at its node, or when that began to keep them; not in an answer
	Event  event.Event `json:"event"`
}

// outgoing is an event on its way to other nodes.
type outgoing struct {
	before int64 // as in sentEvent
	item   item
}

// The events of one message, at most. Engines take messages up to 1 MiB.
const (
	maxPart      = 200
	maxPartBytes = 100_000 // as item.size has it
)

// part is how many of the items go into one message.
func part[T any](items []T, of func(T) item) (n int) {
	for bytes := int64(0); n < min(len(items), maxPart); n++ {
		if bytes += of(items[n]).size(); bytes > maxPartBytes && n > 0 {
			break
		}
	}
	return n
}

// sendEvents sends other nodes what has happened.
func (f *Feed) sendEvents() {
	f.sending.Lock()
	defer f.sending.Unlock()
	f.mu.Lock()
	var out []outgoing
	if !f.paused {
		out = f.takeOut()
	}
	f.mu.Unlock()
	f.sendOut(out)
}

// takeOut, with sending and mu held, takes the events that wait to be sent.
func (f *Feed) takeOut() []outgoing {
	out := f.out
	f.out = nil
	return out
}

func (f *Feed) sendOut(out []outgoing) {
	for len(out) > 0 {
		n := part(out, func(o outgoing) item { return o.item })
		var m message
		for _, o := range out[:n] {
			m.Events = append(m.Events, sentEvent{o.item.stamp, o.before, o.item.event})
		}
		out = out[n:]
		f.send(m)
	}
}

// Received is a message of another node's feed. It does not wait.
func (f *Feed) Received(b []byte) {
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil || e.Feed == nil {
		f.o.Logger.Warn("feed: a message of another node cannot be read", "err", err)
		return
	}
	m := *e.Feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	if m.Ask != nil && (m.Ask.To == 0 || m.Ask.To == f.o.Node) {
		f.keep(m.Ask.App).wantedBy[m.From] = time.Now().Add(lease)
		f.asks = append(f.asks, asked{m.From, *m.Ask})
		signal(f.answers)
	}
	for _, name := range m.Want {
		f.keep(name).wantedBy[m.From] = time.Now().Add(lease)
	}
	for _, sent := range m.Events {
		f.tellStreams(&item{m.From, sent.Stamp, sent.Event}, sent.Before)
	}
	for s := range f.streams {
		if newest, sent := m.Newest[s.o.App]; sent {
			s.complete(m.From, newest)
		}
	}
	if m.Answer != nil && m.Answer.To == f.o.Node {
		f.answered(m.From, *m.Answer)
	}
	if m.Bye {
		f.nodes[m.From] = true
		for s := range f.streams {
			s.gone(m.From, true)
		}
	}
}

// answerAll answers streams of other nodes.
func (f *Feed) answerAll() {
	f.mu.Lock()
	var asks []asked
	if !f.paused {
		asks, f.asks = f.asks, nil
	}
	f.mu.Unlock()
	for _, a := range asks {
		f.answer(a.by, a.ask)
	}
}

// answer answers another node's stream. What has happened until now is sent before the answer, and what happens from now on behind it.
func (f *Feed) answer(to scenecast.NodeID, a ask) {
	f.sending.Lock()
	defer f.sending.Unlock()
	f.mu.Lock()
	if f.paused {
		f.asks = append(f.asks, asked{to, a})
		f.mu.Unlock()
		return
	}
	out := f.takeOut()
	app := f.keep(a.App)
	items, holes := f.past(app, a.Cursor, a.Joined)
	items = slices.Clone(items) // the ring clears what it drops
	newest := app.newest
	f.mu.Unlock()
	f.sendOut(out)
	for number, more := 0, true; more; number++ {
		n := part(items, func(i item) item { return i })
		part := answer{To: to, Stream: a.Stream, Part: number, Last: n == len(items), Holes: holes, Newest: newest}
		for _, i := range items[:n] {
			part.Events = append(part.Events, sentEvent{Stamp: i.stamp, Event: i.event})
		}
		items, more = items[n:], !part.Last
		f.send(message{Answer: &part})
	}
}

// past, with mu held, is what a stream of an app wants that has happened at this node already; joined: while the stream was there this node
// has joined. Holes: not all of it is there.
func (f *Feed) past(app *appFeed, c *Cursor, joined bool) (items []item, holes bool) {
	if c == nil {
		return nil, false
	}
	at := c.of(f.o.Node)
	holes = at < app.dropped || c.Need < app.began && app.began > f.started || c.Need < f.started && !joined
	return app.items[app.find(at):], holes
}

// answered, with mu held, hands a stream what another node has answered.
func (f *Feed) answered(from scenecast.NodeID, a answer) {
	for s := range f.streams {
		if s.number != a.Stream {
			continue
		}
		var items []item
		for _, e := range a.Events {
			items = append(items, item{from, e.Stamp, e.Event})
		}
		s.answered(from, items, a)
	}
}
