package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"scenecast"
	"scenecast/problem"
)

// ask is a question of this node's that others are answering.
type ask struct {
	mu      sync.Mutex // a node's answer comes from any goroutine
	total   scenecast.Reply
	tallies []tallied // of a question about pushes, in its order
	query   *query    // nil: it is about a push
	waiting map[scenecast.NodeID]struct{}
	done    chan struct{} // closed when nobody is waited for any more
}

func newAsk(nodes []scenecast.NodeID) *ask {
	a := &ask{waiting: make(map[scenecast.NodeID]struct{}), done: make(chan struct{})}
	for _, id := range nodes {
		a.waiting[id] = struct{}{}
	}
	return a
}

// add adds a node's answer.
func (a *ask) add(from scenecast.NodeID, r *scenecast.Reply, tallies []tallied) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r != nil && a.query.isAnsweredBy(r) {
		a.total.Add(*r)
	}
	for i := range min(len(tallies), len(a.tallies)) {
		a.tallies[i].add(tallies[i])
	}
	a.remove(from)
}

// add adds what another node knows of the same push. That of its origin is all that is known.
func (t *tallied) add(other tallied) {
	switch {
	case !other.Found || t.Whole:
	case other.Whole || !t.Found:
		*t = other
	default:
		t.Tally.Add(other.Tally)
		t.Done = t.Done && other.Done
	}
}

func (a *ask) waitNoMore(id scenecast.NodeID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(id)
}

// remove, with a.mu held, waits for a node no more.
func (a *ask) remove(id scenecast.NodeID) {
	if _, waits := a.waiting[id]; !waits {
		return
	}
	if delete(a.waiting, id); len(a.waiting) == 0 {
		close(a.done)
	}
}

// unanswered are the nodes that are still waited for.
func (a *ask) unanswered() (ids []scenecast.NodeID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.waiting {
		ids = append(ids, id)
	}
	return ids
}

// Ask implements scenecast.Engine. A node that does not answer in time is missing in the reply, whose Tally.Nodes is then less than
// Known.
func (e *Engine) Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error) {
	a, known, err := e.askAll(ctx, question{Query: newQuery(q), Fit: true}, func(a *ask) {
		e.node.Answer(q, func(r scenecast.Reply) { a.add(e.options.ID, &r, nil) })
	})
	if errors.Is(err, errMoved) {
		return e.successor().Ask(ctx, q)
	}
	if err != nil {
		return scenecast.Reply{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total.Known = max(known, a.total.Tally.Nodes)
	return a.total, nil
}

// askTally asks all nodes what has become of a push, and says how many are known.
func (e *Engine) askTally(ctx context.Context, p scenecast.Position) (tallied, int) {
	tallies, known := e.askFor(ctx, question{Position: p}, []scenecast.Position{p})
	return tallies[0], known
}

// askTallies is askTally for several pushes, of which all nodes are asked by one question.
func (e *Engine) askTallies(ctx context.Context, positions []scenecast.Position) ([]tallied, int) {
	return e.askFor(ctx, question{Positions: positions}, positions)
}

// askFor asks a question about the pushes at these positions.
func (e *Engine) askFor(ctx context.Context, q question, positions []scenecast.Position) ([]tallied, int) {
	a, known, err := e.askAll(ctx, q, func(a *ask) {
		a.tallies = make([]tallied, len(positions))
		a.add(e.options.ID, nil, e.talliesOf(positions))
	})
	if err != nil { // what this node knows is all there is to be had
		e.mu.Lock()
		defer e.mu.Unlock()
		tallies := e.talliesOf(positions)
		for i := range tallies {
			tallies[i].Done = true
		}
		return tallies, e.members.known()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.tallies {
		a.tallies[i].Done = a.tallies[i].Done || !a.tallies[i].Found
	}
	return slices.Clone(a.tallies), known
}

// talliesOf, with mu held, is what this node knows of several pushes.
func (e *Engine) talliesOf(positions []scenecast.Position) []tallied {
	tallies := make([]tallied, len(positions))
	for i, p := range positions {
		tallies[i] = e.tallyOf(p)
	}
	return tallies
}

// tallyOf, with mu held, is what this node knows of a push.
func (e *Engine) tallyOf(p scenecast.Position) (t tallied) {
	entry, ok := e.tail.AtSeq(p.Seq)
	if !ok {
		return t
	}
	t.Tally, t.Done = entry.Progress.SoFar()
	t.Found, t.Whole = true, !entry.Progress.Partial
	return t
}

// askAll asks all nodes, this one by the function, with mu held, and waits for those that are not late.
func (e *Engine) askAll(ctx context.Context, q question, here func(*ask)) (*ask, int, error) {
	e.mu.Lock()
	for e.moving.gate != nil && !e.closed {
		g := e.moving.gate
		e.mu.Unlock()
		if err := g.Await(ctx); err != nil {
			return nil, 0, err
		}
		e.mu.Lock()
		if g.Successor() != nil {
			e.mu.Unlock()
			return nil, 0, errMoved
		}
	}
	switch {
	case e.closed:
		e.mu.Unlock()
		return nil, 0, scenecast.ErrClosed
	case e.state != nil || e.down || !e.isLive:
		e.mu.Unlock()
		return nil, 0, scenecast.ErrUnavailable
	}
	e.markSilent()
	nodes := []scenecast.NodeID{e.options.ID}
	for id, m := range e.members.byID {
		if !m.knows {
			continue
		}
		q.Nodes = append(q.Nodes, id)
		if !m.late {
			nodes = append(nodes, id)
		}
	}
	known := e.members.known()
	a := newAsk(nodes)
	a.query = q.Query
	e.askNo++
	q.No, q.Within, q.After = e.askNo, e.options.AnswerTimeout, e.tail.Newest()
	var body []byte
	if known > 1 { // before this node has done anything: what the others are not asked, none does
		var err error
		if body, err = e.encodeQuestion(q); err != nil {
			e.mu.Unlock()
			return nil, 0, err
		}
	}
	e.asks[q.No] = a
	here(a)
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.asks, q.No)
		e.mu.Unlock()
	}()
	if known > 1 {
		e.send(0, messageAsk, body)
	}
	timer := time.NewTimer(e.options.AnswerTimeout)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	case <-timer.C:
		e.mu.Lock()
		for _, id := range a.unanswered() {
			if m := e.members.byID[id]; m != nil {
				e.markLate(id, m)
			}
		}
		e.mu.Unlock()
		if slices.Contains(a.unanswered(), e.options.ID) { // this node's own loops are busy
			select {
			case <-a.done:
			case <-ctx.Done():
				return nil, 0, ctx.Err()
			}
		}
	}
	return a, known, nil
}

// encodeQuestion is the body of a messageAsk. What the backend does not carry is too_large.
func (e *Engine) encodeQuestion(q question) ([]byte, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	if carried := e.backend.MaxRecord(); len(body) > carried {
		return nil, problem.New(problem.TooLarge, "what the other nodes are asked has %d bytes, and one message between nodes may have %d; with NATS, max_payload decides how long one may be", len(body), carried)
	}
	return body, nil
}

// waitingAsk is another node's question that this one has not read far enough to answer.
type waitingAsk struct {
	from     scenecast.NodeID
	question question
	until    time.Time
}

func (e *Engine) receiveAsk(from scenecast.NodeID, body []byte, delay time.Duration) error {
	var q question
	if err := json.Unmarshal(body, &q); err != nil {
		return errMessage
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard(from)
	if !slices.Contains(q.Nodes, e.options.ID) {
		return nil
	}
	w := waitingAsk{from, q, time.Now().Add(q.Within - delay)}
	if e.hasRead(q.After) {
		return e.answer(w)
	}
	e.waiting = append(e.waiting, w)
	return nil
}

// hasRead, with mu held, reports whether this node has read the log up to a position. Numbers rise from epoch to epoch.
func (e *Engine) hasRead(p scenecast.Position) bool { return p.Seq <= e.tail.Newest().Seq }

// answerWaiting, with mu held, answers what has waited for this node to read on.
func (e *Engine) answerWaiting() {
	e.waiting = slices.DeleteFunc(e.waiting, func(w waitingAsk) bool {
		if !e.hasRead(w.question.After) {
			return time.Now().After(w.until)
		}
		if err := e.answer(w); err != nil {
			e.logger.Warn("engine: a question of another node cannot be answered", "err", err)
		}
		return true
	})
}

// answer, with mu held, answers a question, unless its time has passed: a node that was stopped and goes on is not to disconnect
// pages that somebody wanted gone a while ago.
func (e *Engine) answer(w waitingAsk) error {
	if time.Now().After(w.until) || !e.isLive {
		return nil
	}
	reply := func(a answer) {
		a.No = w.question.No
		body, err := json.Marshal(a)
		if err != nil {
			e.logger.Error("engine: an answer cannot be encoded", "err", err)
			return
		}
		if carried := e.backend.MaxRecord(); len(body) > carried { // an answer without anything, so that this node is not taken for late
			e.logger.Warn("engine: an answer to another node is not sent, because the backend does not carry it", "bytes", len(body), "carried", carried)
			body = fmt.Appendf(nil, `{"no":%d}`, a.No)
		}
		e.send(w.from, messageReply, body)
	}
	if w.question.Query == nil && len(w.question.Positions) > 0 {
		tallies := e.talliesOf(w.question.Positions)
		e.spawn(func() { reply(answer{Tallies: tallies}) })
		return nil
	}
	if w.question.Query == nil {
		t := e.tallyOf(w.question.Position)
		e.spawn(func() { reply(answer{Tally: &t}) })
		return nil
	}
	q, err := w.question.Query.query()
	if err != nil {
		return err
	}
	e.node.Answer(q, func(r scenecast.Reply) {
		e.spawn(func() {
			e.fit(&r, w.question.Fit)
			reply(answer{Reply: &r})
		})
	})
	return nil
}

// maxReply bounds what is told of many connections in a reply, in bytes, however much the backend carries: so much is encoded in some 50 ms.
const maxReply = 4 << 20

// fit has a reply be no longer than the backend carries, half of which is for what is not counted. Of scenes every asker knows that there may be more.
func (e *Engine) fit(r *scenecast.Reply, all bool) {
	bytes := min(e.backend.MaxRecord()/2, maxReply)
	switch {
	case all:
		r.Fit(bytes)
	case r.Scenes != nil:
		r.Scenes.Fit(bytes)
	}
}

func (e *Engine) receiveReply(from scenecast.NodeID, body []byte) error {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return errMessage
	}
	e.mu.Lock()
	e.heard(from)
	asked := e.asks[a.No]
	e.mu.Unlock()
	if a.Tally != nil {
		a.Tallies = []tallied{*a.Tally}
	}
	if asked != nil {
		asked.add(from, a.Reply, a.Tallies)
	}
	return nil
}
