package cluster

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"scenecast"
	"scenecast/language"
)

// members are the other nodes of the cluster, as far as this one has heard of them.
type members struct {
	byID    map[scenecast.NodeID]*member
	senders map[scenecast.NodeID]*sender // of messages that have come; also those that have not beaten yet
	ahead   scenecast.Position           // the newest position that any node has told of
	beaten  time.Time                    // when this node has beaten last

	former formerNodes
}

// member is another node.
type member struct {
	beat
	heard time.Time // of it, the last time
	knows bool      // it has heard of this node
	late  bool      // it has not answered in time, and not beaten since
	since time.Time // when it has come to be known, or late
}

// sender is where messages come from.
type sender struct {
	seen seen

	// The smallest differences between this node's clock, when a message came, and the sender's, when it was sent, within this minute
	// and the one before. The clocks begin anywhere, and drift apart slowly: so what is above the smallest is delay.
	smallest, before time.Duration
	minute           time.Duration // when this minute began; 0: no message has come
}

// delay is how much longer a message has taken than the fastest. A node that was stopped, or cut off, finds out by it how old the
// messages are that have waited for it.
func (s *sender) delay(now, sent time.Duration) time.Duration {
	difference := now - sent
	switch {
	case s.minute == 0:
		s.minute, s.smallest, s.before = now, difference, difference
	case now-s.minute >= time.Minute:
		s.minute, s.smallest, s.before = now, difference, s.smallest
	default:
		s.smallest = min(s.smallest, difference)
	}
	return difference - min(s.smallest, s.before)
}

// known is how many nodes there are, this one among them.
func (m *members) known() int { return 1 + len(m.byID) }

// beat is what a node says of itself, as JSON: nodes of different versions must understand each other's.
type beat struct {
	Kind    string              `json:"kind"`
	Name    string              `json:"name,omitempty"`
	Version string              `json:"version,omitempty"`
	Newest  scenecast.Position  `json:"newest"` // that it has read
	Lag     scenecast.Lag       `json:"lag,omitzero"`
	Started time.Time           `json:"started,omitzero"`
	Pages   int                 `json:"connections,omitempty"`
	Problem string              `json:"problem,omitempty"` // why the node is not ready, in English
	Why     language.Message    `json:"why,omitzero"`      // the same in every language; older versions have none
	Is      scenecast.Condition `json:"is,omitzero"`
	Records int                 `json:"format"`            // the newest record version that it reads
	Knows   []scenecast.NodeID  `json:"knows"`             // nodes that it has heard of
	Settles time.Duration       `json:"settles,omitempty"` // ns for which nodes may append again what was lost when the newest epoch began
	Gone    []goneNode          `json:"gone,omitempty"`    // nodes that have fallen silent
	Stopped []scenecast.NodeID  `json:"stopped,omitempty"` // nodes that others take for silent, and that have told this one that they stop
}

// problem is why the node is not ready; zero: it is.
func (b *beat) problem() language.Message {
	if b.Why.IsZero() {
		return language.Message{Text: b.Problem}
	}
	return b.Why
}

// The kinds of beats. A node that hears a hello, or hears of another for the first time, beats as well, so that both know each other.
const (
	beatHello = "hello"
	beatHere  = "here"
	beatBye   = "bye"
)

// beat tells the other nodes that this one is there, or goes.
func (e *Engine) beat(kind string) {
	b := beat{
		Kind:    kind,
		Name:    e.options.Name,
		Version: e.options.Version,
		Newest:  e.Newest(),
		Started: e.begin,
		Pages:   e.options.Connections(),
		Records: recordVersion,
	}
	e.mu.Lock()
	b.Knows, b.Settles = slices.Collect(maps.Keys(e.members.byID)), max(0, e.settlesFor())
	e.members.former.expire(e.options.Now())
	b.Gone, b.Stopped = slices.Clone(e.members.former.Gone), e.members.former.disputed()
	e.mu.Unlock()
	_, b.Lag, _ = e.logInfo()
	b.Why, b.Is = e.problem(), e.condition()
	b.Problem = b.Why.In(language.English)
	body, _ := json.Marshal(b) // texts and numbers: it cannot fail
	e.send(0, messageBeat, body)
}

// problem is why this node is not ready; zero: it is.
func (e *Engine) problem() language.Message {
	if err := e.CheckHealth(e.ctx); err != nil {
		return language.MessageOf(err)
	}
	return language.Message{}
}

// condition is how this node is.
func (e *Engine) condition() (c scenecast.Condition) {
	if e.options.Condition != nil {
		c = e.options.Condition()
	}
	return c
}

// keepBeating beats until Close, and forgets nodes that do not.
func (e *Engine) keepBeating() {
	ticker := time.NewTicker(e.options.BeatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-ticker.C:
		}
		e.beat(beatHere)
		e.mu.Lock()
		if e.moving.gate != nil {
			e.mu.Unlock()
			continue
		}
		e.members.beaten = time.Now()
		for id, m := range e.members.byID {
			if time.Since(m.heard) >= e.options.ForgetAfter {
				e.forget(id, "silent")
				e.noteGone(goneNode{id, m.Name, m.Version, e.options.Now().Add(-time.Since(m.heard))})
			}
		}
		for id := range e.members.senders { // not at once: what a node has sent that was silent for long may come still
			if _, here := e.members.byID[id]; !here && len(e.members.senders) > 2*e.members.known()+16 {
				delete(e.members.senders, id)
			}
		}
		e.pruneOthers()
		e.routes.prune(e.tail)
		now := e.options.Now()
		e.tail.Expire(now)
		// Keys are taken by the times in the log, which other nodes' clocks have given: so they are kept for longer than the window.
		e.keys.Expire(now.Add(-keySlack))
		e.mu.Unlock()
	}
}

// keySlack is how far clocks of nodes may be apart.
const keySlack = time.Minute

func (e *Engine) receiveBeat(from scenecast.NodeID, body []byte) error {
	var b beat
	if err := json.Unmarshal(body, &b); err != nil {
		return errMessage
	}
	e.mu.Lock()
	if b.Kind == beatBye {
		if e.members.byID[from] != nil {
			e.forget(from, "it has stopped")
		}
		e.members.former.addStopped(from, b.Name, e.options.Now())
		e.mu.Unlock()
		return nil
	}
	if e.members.former.hasStopped(from) { // it was about to beat when it stopped
		e.mu.Unlock()
		return nil
	}
	m := e.members.byID[from]
	isNew := m == nil
	if isNew {
		m = &member{since: e.options.Now()}
		e.members.byID[from] = m
		e.logger.Info("engine: a node has joined", "node", b.Name, "id", from, "version", b.Version, "nodes", e.members.known())
	}
	m.beat, m.heard, m.knows = b, time.Now(), slices.Contains(b.Knows, e.options.ID)
	if m.late {
		m.late, m.since = false, e.options.Now()
		e.logger.Info("engine: a node answers again", "node", b.Name, "id", from)
	}
	e.members.former.removeGone(from, b.Name)
	e.receiveFormer(&b)
	if e.members.ahead.Epoch != b.Newest.Epoch || e.members.ahead.Seq < b.Newest.Seq {
		e.members.ahead = b.Newest
	}
	if e.epochRead.IsZero() && b.Settles > 0 && b.Settles <= settleFor { // this node has started since, and pages come to it as well
		e.epochRead = time.Now().Add(b.Settles - settleFor)
	}
	e.mu.Unlock()
	if b.Kind == beatHello || isNew {
		e.beat(beatHere)
	}
	return nil
}

// heard, with mu held, notes a sign of life.
func (e *Engine) heard(from scenecast.NodeID) {
	if m := e.members.byID[from]; m != nil {
		m.heard = time.Now()
	}
}

// forget, with mu held, has a node be none of the cluster's any more.
func (e *Engine) forget(id scenecast.NodeID, why string) {
	m := e.members.byID[id]
	delete(e.members.byID, id)
	e.waitNoMore(id)
	e.logger.Warn("engine: a node has gone", "node", m.Name, "id", id, "why", why, "nodes", e.members.known())
}

// Nodes implements scenecast.NodeLister.
func (e *Engine) Nodes() scenecast.Nodes {
	log, lag, _ := e.logInfo()
	self := scenecast.NodeInfo{
		ID:          e.options.ID,
		Name:        e.options.Name,
		Version:     e.options.Version,
		Self:        true,
		Since:       e.begin,
		Started:     e.begin,
		Connections: e.options.Connections(),
		Newest:      e.Newest(),
		Lag:         lag,
		Problem:     e.problem(),
		Condition:   e.condition(),
	}
	if log.Leads { // the server in this process may have a name of its own
		log.Leader = cmp.Or(self.Name, log.Leader)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.markSilent()
	others := make([]scenecast.NodeInfo, 0, len(e.members.byID))
	for id, m := range e.members.byID {
		others = append(others, scenecast.NodeInfo{
			ID:          id,
			Name:        m.Name,
			Version:     m.Version,
			Late:        m.late,
			Since:       m.since,
			Started:     m.Started,
			Connections: m.Pages,
			Newest:      m.Newest,
			Lag:         m.Lag,
			Problem:     m.problem(),
			Condition:   m.Is,
		})
	}
	slices.SortFunc(others, func(a, b scenecast.NodeInfo) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return scenecast.Nodes{Log: log, Nodes: append([]scenecast.NodeInfo{self}, others...), Gone: e.goneNodes()}
}
