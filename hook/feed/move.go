package feed

import (
	"encoding/json"
	"time"

	"scenecast"
)

// A node can go on in another process, which has its ID. Streams at other nodes go on as if nothing had been: that process stamps its events
// behind those of this one. Streams at the node itself end, as the connections of all HTTP calls that are under way do.

// moved is what goes to the other process, as JSON.
type moved struct {
	Last int64
	Apps []movedApp
	Out  []sentEvent // that are to be sent
	Asks []movedAsk  // that are to be answered
}

type movedApp struct {
	Name     string
	Newest   int64
	WantedBy map[scenecast.NodeID]time.Time
}

type movedAsk struct {
	By  scenecast.NodeID
	Ask ask
}

// Pause sends what waits to be sent, and has the feed send nothing more until Resume.
func (f *Feed) Pause() {
	f.answerAll()
	f.sendEvents()
	f.sending.Lock()
	defer f.sending.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = true
}

// Resume goes on.
func (f *Feed) Resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = false
	f.signalAll()
}

// signalAll, with mu held, has what waits be sent.
func (f *Feed) signalAll() {
	if len(f.out) > 0 {
		signal(f.flush)
	}
	if len(f.asks) > 0 {
		signal(f.answers)
	}
}

// Export is what the process needs that takes the place of this node, behind Pause; nil: nothing, as there are no other nodes.
func (f *Feed) Export() ([]byte, error) {
	if f.o.Broadcast == nil {
		return nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m := moved{Last: f.last}
	for name, app := range f.apps {
		if len(app.wantedBy) > 0 {
			m.Apps = append(m.Apps, movedApp{name, app.newest, app.wantedBy})
		}
	}
	for _, o := range f.out {
		m.Out = append(m.Out, sentEvent{o.item.stamp, o.before, o.item.event})
	}
	for _, a := range f.asks {
		m.Asks = append(m.Asks, movedAsk{a.by, a.ask})
	}
	return json.Marshal(m)
}

// Restore takes what Export has returned, before Start.
func (f *Feed) Restore(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	var m moved
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last, f.joining = max(m.Last, f.last), time.Now() // other nodes know it already
	for _, moved := range m.Apps {
		app := f.keep(moved.Name)
		app.newest, app.wantedBy = moved.Newest, moved.WantedBy
	}
	for _, e := range m.Out {
		f.out = append(f.out, outgoing{e.Before, item{f.o.Node, e.Stamp, e.Event}})
	}
	for _, a := range m.Asks {
		f.asks = append(f.asks, asked{a.By, a.Ask})
	}
	f.signalAll()
	return nil
}
