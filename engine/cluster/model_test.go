package cluster

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/engine/tail"
)

var (
	seeds = flag.Int("seeds", 40, "how many runs of the model test")
	seed  = flag.Uint64("seed", 0, "the first of them")
)

// TestModel runs publishers over nodes whose network, log and clocks are hostile, and holds what they were told against what the log
// and the nodes have. Seeds that fail are printed; -seed N -seeds 1 runs one again.
func TestModel(t *testing.T) {
	for n := *seed; n < *seed+uint64(*seeds); n++ {
		if !t.Run(fmt.Sprint("seed ", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, n) })
		}) {
			return // the first seed that fails tells enough
		}
	}
}

// outcome is what a publisher was told of a push.
type outcome struct {
	id, key string
	receipt scenecast.Receipt
	got     scenecast.Published
	err     error
	took    time.Duration
}

// asking is what whoever asked was told.
type asking struct {
	id      string
	begun   time.Time
	reply   scenecast.Reply
	err     error
	started int // nodes that had been started by the end
}

// model is a run.
type model struct {
	*clusterOf
	loses  bool          // the log loses tails; otherwise any node may be killed
	window time.Duration // of idempotency keys
	calm   bool          // no message is lost, and no node hangs

	mu       sync.Mutex
	outcomes []outcome
	askings  []asking
	lost     int // tails
	killed   int
}

// skew is how far the clocks of two nodes may be apart.
const skew = 20 * time.Second

func runModel(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	f := faults{delay: time.Duration(1+r.IntN(20)) * time.Millisecond}
	m := &model{loses: r.IntN(2) == 0, calm: r.IntN(3) == 0, window: 5 * time.Minute}
	if !m.calm {
		f.ackLost, f.appendLost, f.appendTwice = r.IntN(20), r.IntN(20), r.IntN(10)
		f.messageLost, f.messageTwice = r.IntN(10), r.IntN(10)
	}
	if r.IntN(2) == 0 {
		m.window = 500 * time.Millisecond
	}
	apart := time.Duration(0)
	if r.IntN(2) == 0 {
		apart = skew
	}
	m.clusterOf = newClusterWith(t, 3+r.IntN(2), seed, f, func(n int) Options {
		off := time.Duration(rand.New(rand.NewPCG(seed, uint64(1000+n))).Float64() * float64(apart))
		return Options{Keys: tail.KeyOptions{Window: m.window}, Now: func() time.Time { return time.Now().Add(off) }}
	})
	defer m.close()
	for _, s := range m.sinks {
		slow := rand.New(rand.NewPCG(seed, 3))
		s.slow = func() time.Duration { return time.Duration(slow.IntN(5)) * time.Millisecond }
	}
	var working sync.WaitGroup
	for n := range 3 {
		steps := rand.New(rand.NewPCG(seed, uint64(10+n)))
		working.Go(func() { m.publish(n, steps) })
	}
	working.Go(func() { m.ask(rand.New(rand.NewPCG(seed, 20))) })
	m.disturb(rand.New(rand.NewPCG(seed, 4)))
	working.Wait()
	time.Sleep(40 * time.Second) // whatever is to be appended again, is
	synctest.Wait()
	m.check()
}

// publish publishes at random nodes. Of pushes with a key some are tried again, at other nodes, until they succeed.
func (m *model) publish(publisher int, r *rand.Rand) {
	for i := range 40 {
		p := pushOf(fmt.Sprintf("%d.%d", publisher, i))
		attempts := 1
		if r.IntN(2) == 0 {
			p.IdempotencyKey = fmt.Sprint("key", r.IntN(20))
			if r.IntN(2) == 0 {
				attempts = 12
			}
		} else if r.IntN(2) == 0 {
			p.Receipt, p.Timeout = scenecast.ReceiptWritten, time.Second
		}
		id := p.ID
		for attempt := range attempts {
			p.ID = fmt.Sprint(id, "/", attempt)
			nodes := m.alive()
			if m.submit(nodes[r.IntN(len(nodes))], p) == nil {
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
	}
}

func (m *model) submit(e *Engine, p scenecast.Push) error {
	begun := time.Now()
	o := outcome{id: p.ID, key: p.IdempotencyKey, receipt: p.Receipt}
	pending, err := e.Submit(p)
	if o.err = err; err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		o.got, o.err = pending.Wait(ctx)
		cancel()
	}
	o.took = time.Since(begun)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes = append(m.outcomes, o)
	return o.err
}

// ask asks random nodes to do something that can be told from the others, and is seen to be done.
func (m *model) ask(r *rand.Rand) {
	for i := range 30 {
		nodes := m.alive()
		a := asking{id: fmt.Sprint("ask", i), begun: time.Now()}
		q := scenecast.Query{App: "app", To: audience.Everybody(), Disconnect: &scenecast.Disconnect{Ending: scenecast.EndingBy(scenecast.CauseDisconnected, a.id)}}
		a.reply, a.err = nodes[r.IntN(len(nodes))].Ask(context.Background(), q)
		m.clusterOf.mu.Lock()
		a.started = m.started
		m.clusterOf.mu.Unlock()
		m.mu.Lock()
		m.askings = append(m.askings, a)
		m.mu.Unlock()
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
	}
}

// disturb does to the nodes what happens to nodes.
func (m *model) disturb(r *rand.Rand) {
	for range 6 {
		time.Sleep(time.Duration(r.IntN(600)) * time.Millisecond)
		b := m.backs[r.IntN(len(m.backs))]
		switch what := r.IntN(6); {
		case what == 0:
			if m.loses {
				m.log.loseTail(r.IntN(5))
				m.lost++
			}
		case what <= 3 && m.calm:
		case what <= 2:
			b.set(func() { b.stalled = true })
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
			b.set(func() { b.stalled = false })
		case what == 3:
			b.set(func() { b.cut = true })
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
			if r.IntN(4) == 0 {
				time.Sleep(20 * time.Second) // longer than an origin tries
			}
			b.set(func() { b.cut = false })
		case what == 4:
			if len(m.engines) < 6 {
				m.add()
			}
		default:
			// A push is lost where the log loses its end and the push's origin dies at the same time; nothing can be done about that.
			if !m.loses && len(m.engines) > 2 {
				m.kill(r.IntN(len(m.engines)))
				m.killed++
			}
		}
	}
}

// check holds what was told against what nodes got.
func (m *model) check() {
	for i, s := range m.sinks {
		m.checkNode(fmt.Sprint("node ", i), s)
	}
	for i, s := range m.dead {
		m.checkNode(fmt.Sprint("dead node ", i), s)
	}
	for _, o := range m.outcomes {
		m.checkOutcome(o)
	}
	for _, a := range m.askings {
		m.checkAsking(a)
	}
	if m.lost == 0 { // otherwise what one node has got of a lost tail stands elsewhere in the others' order
		want := strings.Join(m.sinks[0].delivered(), " ")
		for i, s := range m.sinks {
			if got := strings.Join(s.delivered(), " "); got != want {
				m.t.Errorf("node %d got %q, and node 0 %q", i, got, want)
			}
		}
		for i, s := range m.dead {
			if got := strings.Join(s.delivered(), " "); !strings.HasPrefix(want, got) {
				m.t.Errorf("dead node %d got %q, and node 0 %q", i, got, want)
			}
		}
	}
	m.checkPages()
}

// checkNode: a node gets each push once, in the order of positions, and of those with one key only such as lie a window apart.
func (m *model) checkNode(name string, s *sink) {
	ids, keys := make(map[string]bool), make(map[string]*scenecast.Push)
	last := uint64(0)
	for _, p := range s.pushes() {
		if ids[p.ID] {
			m.t.Errorf("%s got %s twice", name, p.ID)
		}
		if p.Position.Seq <= last {
			m.t.Errorf("%s got %v behind %d", name, p.Position, last)
		}
		ids[p.ID], last = true, p.Position.Seq
		if p.IdempotencyKey == "" {
			continue
		}
		if before := keys[p.IdempotencyKey]; before != nil && p.At.Sub(before.At) < m.window {
			m.t.Errorf("%s got %s and, %v later, %s, which have the key %s", name, before.ID, p.At.Sub(before.At), p.ID, p.IdempotencyKey)
		}
		keys[p.IdempotencyKey] = p
	}
}

// has reports whether a node got a push, or where that may be so, one with its key.
func (s *sink) has(id, key string) bool {
	for _, p := range s.pushes() {
		if p.ID == id || key != "" && p.IdempotencyKey == key {
			return true
		}
	}
	return false
}

func (m *model) checkOutcome(o outcome) {
	t := m.t
	key := ""
	if m.lost > 0 { // a node that has read the lost tail had the key taken by another push, of the same words
		key = o.key
	}
	switch {
	case o.err == nil:
		for i, s := range m.sinks {
			if !s.has(o.got.ID, key) {
				t.Errorf("%s was acknowledged as %s at %v, and node %d did not get it", o.id, o.got.ID, o.got.Position, i)
			}
		}
		tally := o.got.Tally
		// Of a push that another node took, nobody may be able to tell just now.
		if tally.Nodes < 1 && !o.got.Replayed || o.got.Known < tally.Nodes || tally.Nodes > m.started || o.got.Replayed != (o.got.ID != o.id || o.got.Replayed) {
			t.Errorf("%s: %d of %d nodes, %d were ever started, replayed %v", o.id, tally.Nodes, o.got.Known, m.started, o.got.Replayed)
		}
		if tally.Matched != tally.Nodes || m.calm && tally.Written > tally.Nodes || o.receipt == scenecast.ReceiptQueued && o.key == "" && tally.Written != 0 {
			t.Errorf("%s: %+v", o.id, tally)
		}
		if m.calm && m.lost == 0 && m.killed == 0 && !o.got.Replayed && o.receipt == scenecast.ReceiptWritten && tally.Written != tally.Nodes {
			t.Errorf("%s: written %d of %d, and no message was lost", o.id, tally.Written, tally.Nodes)
		}
	case errors.Is(o.err, scenecast.ErrUnavailable):
		for _, s := range append(m.sinks, m.dead...) {
			if s.has(o.id, "") {
				t.Errorf("%s was refused, and a node got it", o.id)
			}
		}
	case errors.Is(o.err, scenecast.ErrUncertain), errors.Is(o.err, scenecast.ErrClosed) && m.killed > 0:
	default:
		t.Errorf("%s: %v", o.id, o.err)
	}
	if bound := 1500*time.Millisecond + 3500*time.Millisecond + time.Second + 500*time.Millisecond; o.took > bound {
		t.Errorf("%s was answered after %v: %+v, %v", o.id, o.took, o.got, o.err)
	}
}

// checkAsking: each node does what was asked at most once, and nobody after the asker was told.
func (m *model) checkAsking(a asking) {
	t := m.t
	done := 0
	for _, s := range append(m.sinks, m.dead...) {
		here := 0
		for _, q := range s.asked() {
			if q.query.Disconnect.Ending.Detail != a.id {
				continue
			}
			here++
			if late := q.at.Sub(a.begun); late > 2*500*time.Millisecond {
				t.Errorf("%s was done %v after it was asked", a.id, late)
			}
		}
		if here > 1 {
			t.Errorf("%s was done %d times at one node", a.id, here)
		}
		done += here
	}
	switch {
	case a.err == nil:
		if n := a.reply.Tally.Nodes; n < 1 || n > a.reply.Known || a.reply.Known > a.started || n > done {
			t.Errorf("%s: %d of %d nodes; %d have done it, and %d were ever started", a.id, n, a.reply.Known, done, a.started)
		}
	case errors.Is(a.err, scenecast.ErrUnavailable), errors.Is(a.err, scenecast.ErrClosed) && m.killed > 0:
	default:
		t.Errorf("%s: %v", a.id, a.err)
	}
}

// checkPages moves pages from each node, where they stand at one push after the other, to each other node, also to one that was
// started later: with what they have got, they have everything once, or are told of a gap.
func (m *model) checkPages() {
	for from, s := range append(m.sinks, m.dead...) {
		pushes := s.pushes()
		for to, e := range m.engines {
			for i := range pushes {
				m.checkPage(fmt.Sprintf("a page that stood at node %d at %v and comes to node %d", from, pushes[i].Position, to), pushes[:i+1], e, m.sinks[to])
			}
		}
	}
}

func (m *model) checkPage(name string, got []*scenecast.Push, e *Engine, s *sink) {
	counts, places := make(map[string]int), make(map[string]scenecast.Position) // by ID, or key
	count := func(p *scenecast.Push) {
		counts[p.ID]++
		if key := p.IdempotencyKey; key != "" {
			counts[key]++
		}
	}
	for _, p := range got {
		count(p)
		places[p.ID] = p.Position
	}
	at := got[len(got)-1].Position
	for {
		pushes, err := e.After(context.Background(), at, 50)
		var gap *scenecast.GapError
		if errors.As(err, &gap) {
			if m.lost == 0 {
				m.t.Errorf("%s is told %v", name, gap)
			}
			return
		}
		if err != nil {
			m.t.Errorf("%s: %v", name, err)
		}
		if len(pushes) == 0 {
			break
		}
		for _, p := range pushes {
			count(p)
			at = p.Position
		}
	}
	for _, p := range s.pushes() {
		n := counts[p.ID]
		if n == 2 && m.lost > 0 && places[p.ID].Epoch != p.Position.Epoch {
			// Its first node has read it in a tail that was lost, the other where it was appended again, and between the two the page
			// has moved. Nobody can know that it has it, but the page.
			n = 1
		}
		if n == 0 && m.lost > 0 && counts[p.IdempotencyKey] > 0 {
			n = 1 // or the one that has the key at the other node
		}
		if n != 1 {
			m.t.Errorf("%s has %s %d times", name, p.ID, n)
			return
		}
	}
}
