package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scenecast"
	"scenecast/client"
)

// chaos is how many nodes TestChaos kills, and half as many rolling restarts there are: `make chaos` has a hundred.
var chaos = flag.Int("chaos", 4, "how many nodes are killed")

// load is numbered pushes, from several publishers, to pages that change nodes. Each publisher sends a number when the one before was
// acknowledged, and tries again, with the number's key and at another node, until it is.
type load struct {
	t     *testing.T
	fleet *fleet

	keys       string // what the pushes' keys begin with
	ending     atomic.Bool
	publishing sync.WaitGroup
	sent       [publishers]atomic.Int64 // numbers that were acknowledged, of each publisher
	refused    atomic.Int64             // attempts that failed

	mu     sync.Mutex
	last   time.Time     // a push was acknowledged
	silent time.Duration // the longest time without
	slow   time.Duration // the longest attempt

	reading sync.WaitGroup
	stop    context.CancelFunc
	pages   []*roamer
}

const (
	publishers = 4
	roamers    = 12
)

func startLoad(t *testing.T, f *fleet) *load {
	l := &load{t: t, fleet: f, keys: fmt.Sprint(time.Now().UnixNano(), "-"), last: time.Now()}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	var welcomed sync.WaitGroup
	for i := range roamers {
		welcomed.Add(1)
		p := &roamer{load: l, id: fmt.Sprint("page", i), next: i, random: rand.New(rand.NewPCG(uint64(i), 1)), welcomed: sync.OnceFunc(welcomed.Done)}
		l.pages = append(l.pages, p)
		l.reading.Go(func() { p.live(ctx) })
	}
	welcomed.Wait()
	for n := range publishers {
		l.publishing.Go(func() { l.publish(n) })
	}
	return l
}

// publish pushes numbers from 1 on.
func (l *load) publish(publisher int) {
	random := rand.New(rand.NewPCG(uint64(publisher), 2))
	for number := int64(1); !l.ending.Load(); number++ {
		text := fmt.Sprintf("%d.%d", publisher, number)
		r := client.PushRequest{To: client.Audience("*"), Message: json.RawMessage(strconv.Quote(text)), IdempotencyKey: l.keys + text}
		for begun := time.Now(); !l.attempt(r, l.fleet.nodes[random.IntN(len(l.fleet.nodes))]); time.Sleep(10 * time.Millisecond) {
			if time.Since(begun) > 3*patience {
				l.t.Errorf("%s is not taken", text)
				return
			}
		}
		l.sent[publisher].Store(number)
		l.mu.Lock()
		l.silent = max(l.silent, time.Since(l.last))
		l.last = time.Now()
		l.mu.Unlock()
		time.Sleep(4 * time.Millisecond)
	}
}

// attempt pushes at a node. One that hangs is given up like one that is dead.
func (l *load) attempt(r client.PushRequest, m *member) bool {
	if !m.isUp() {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	begun := time.Now()
	got, err := (&client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}).Push(ctx, r)
	var refused *client.Error
	switch {
	case err == nil && (got.Nodes > got.NodesKnown || got.NodesKnown > len(l.fleet.nodes)+*chaos):
		l.t.Errorf("%s: %d of %d nodes", r.IdempotencyKey, got.Nodes, got.NodesKnown)
	case errors.As(err, &refused) && refused.Status != 503 && refused.Status != 504:
		l.t.Errorf("%s: %v", r.IdempotencyKey, err)
	}
	if err != nil {
		l.refused.Add(1)
	}
	l.mu.Lock()
	l.slow = max(l.slow, time.Since(begun))
	l.mu.Unlock()
	return err == nil
}

// end stops publishing, waits until the pages have shown everything, and holds them against what was acknowledged.
func (l *load) end() {
	l.t.Helper()
	l.ending.Store(true)
	l.publishing.Wait()
	total := int64(0)
	for i := range l.sent {
		total += l.sent[i].Load()
	}
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		behind := false
		for _, p := range l.pages {
			behind = behind || p.count.Load() < total
		}
		if !behind {
			break
		}
	}
	time.Sleep(200 * time.Millisecond) // what came twice would come now
	l.stop()
	l.reading.Wait()
	gaps, moves := 0, 0
	for _, p := range l.pages {
		p.check(l)
		gaps, moves = gaps+len(p.gaps), moves+p.moves
	}
	l.t.Logf("%d pushes acknowledged, %d attempts failed, longest time without one %v, longest attempt %v; %d pages moved %d times, %d gaps",
		total, l.refused.Load(), l.silent.Round(time.Millisecond), l.slow.Round(time.Millisecond), roamers, moves, gaps)
}

// roamer is a page that comes back to another node each time, and moves when it is left alone.
type roamer struct {
	load     *load
	id       string
	next     int
	random   *rand.Rand
	welcomed func()

	since scenecast.Position
	shown []string
	count atomic.Int64
	gaps  []string
	moves int
}

func (p *roamer) live(ctx context.Context) {
	for ctx.Err() == nil {
		m := p.load.fleet.nodes[p.next%len(p.load.fleet.nodes)]
		p.next++
		if !m.isUp() {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		p.moves++
		p.visit(ctx, m)
	}
}

// visit is one connection.
func (p *roamer) visit(ctx context.Context, m *member) {
	ctx, leave := context.WithTimeout(ctx, time.Duration(300+p.random.IntN(1500))*time.Millisecond)
	defer leave()
	page, err := client.NewPage(client.PageOptions{
		URL: m.url, Token: fleetToken, PageID: p.id, Since: p.since,
		OnWelcome: func(w client.Welcome) {
			if p.since == (scenecast.Position{}) {
				p.since = w.Position
			}
			p.welcomed()
		},
		OnGap: func(g client.Gap) {
			p.gaps = append(p.gaps, fmt.Sprintf("%s at %s, standing at %v, goes on at %v", g.Reason, m.name, p.since, g.Position))
		},
		OnLost: func(error, time.Duration) { leave() },
	})
	if err != nil {
		p.load.t.Error(err)
		return
	}
	_ = page.Run(ctx, func(push client.Push) error {
		text, _ := strconv.Unquote(string(push.Data))
		p.shown = append(p.shown, text)
		p.count.Add(1)
		p.since = push.Position
		return nil
	})
	p.since = page.Position()
}

// check: the page has shown every number of each publisher once, in order.
func (p *roamer) check(l *load) {
	next := make(map[string]int)
	for _, text := range p.shown {
		publisher, number, _ := strings.Cut(text, ".")
		if n, _ := strconv.Atoi(number); n != next[publisher]+1 {
			l.t.Errorf("%s has shown %s behind %s.%d; its gaps: %v", p.id, text, publisher, next[publisher], p.gaps)
			return
		}
		next[publisher]++
	}
	for i := range l.sent {
		if got, want := next[strconv.Itoa(i)], int(l.sent[i].Load()); got != want {
			l.t.Errorf("%s has shown %d numbers of the publisher %d, and %d were acknowledged; its gaps: %v", p.id, got, i, want, p.gaps)
		}
	}
	for _, gap := range p.gaps {
		l.t.Errorf("%s was told of a gap: %s", p.id, gap)
	}
}

// TestChaos kills nodes of three at random under numbered pushes, or has them hang: nothing that was acknowledged is lost, doubled or
// out of order on any page, and no page is told of a gap.
func TestChaos(t *testing.T) {
	f := newFleet(t, 3)
	l := startLoad(t, f)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for n := range *chaos {
		time.Sleep(time.Duration(500+random.IntN(700)) * time.Millisecond)
		m := f.nodes[random.IntN(3)]
		if n%4 == 3 {
			m.freeze(time.Duration(300+random.IntN(2500)) * time.Millisecond)
			m.awaitReady()
			continue
		}
		m.kill()
		time.Sleep(time.Duration(random.IntN(1200)) * time.Millisecond)
		m.start()
		m.awaitReady()
	}
	time.Sleep(500 * time.Millisecond)
	l.end()
}

// TestFastElections: a leader that is killed is replaced sooner than NATS's own times allow, which are 4 s at least. Each node is killed
// once, so the leader is. A machine that is busy may be slow by itself: one round of some is enough.
func TestFastElections(t *testing.T) {
	f := newFleet(t, 3)
	for round := range 4 {
		l := startLoad(t, f)
		for _, m := range f.nodes {
			time.Sleep(300 * time.Millisecond)
			m.kill()
			l.awaitPush()
			m.start()
			m.awaitReady()
		}
		l.end()
		if l.silent < 4*time.Second {
			return
		}
		t.Logf("round %d: %v without a push", round, l.silent)
	}
	t.Error("in no round a leader was replaced within 4 s: does NATS obey the variables of engine/nats/elections.go?")
}

// awaitPush waits until another push is acknowledged.
func (l *load) awaitPush() {
	begun := time.Now()
	for time.Since(begun) < 2*patience {
		l.mu.Lock()
		acknowledged := l.last.After(begun.Add(100 * time.Millisecond)) // not one that was under way
		l.mu.Unlock()
		if acknowledged {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.t.Errorf("no push is acknowledged within %v", 2*patience)
}

// TestRollingRestarts: an operator restarts one node after the other, and nobody notices.
func TestRollingRestarts(t *testing.T) {
	f := newFleet(t, 3)
	l := startLoad(t, f)
	for range max(1, *chaos/5) {
		for _, m := range f.nodes {
			time.Sleep(300 * time.Millisecond)
			m.terminate()
			m.start()
			m.awaitReady()
		}
	}
	l.end()
}

// TestSingleNodeIsKilled: one node with a directory loses nothing that it has acknowledged.
func TestSingleNodeIsKilled(t *testing.T) {
	f := newFleet(t, 1)
	l := startLoad(t, f)
	for range max(2, *chaos/2) {
		time.Sleep(500 * time.Millisecond)
		f.nodes[0].kill()
		f.nodes[0].start()
		f.nodes[0].awaitReady()
	}
	l.end()
}
