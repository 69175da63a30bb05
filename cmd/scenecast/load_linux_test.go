package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scenecast"
	"scenecast/client"
)

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
	why        lockedBuffer             // of those, a line each

	begun   time.Time
	rate    int  // pushes a second that are wanted
	mayLose bool // the log may lose its end: see chaosEngine

	mu     sync.Mutex
	last   time.Time     // a push was acknowledged
	silent time.Duration // the longest time without
	lately time.Duration // and since quiet was asked last
	slow   time.Duration // the longest attempt

	summary string // of the end
	reading sync.WaitGroup
	stop    context.CancelFunc
	pages   []*roamer
}

const (
	publishers = 8
	roamers    = 12
	stayers    = 3 // pages that move only when their connection is lost
	maxKnown   = 4 // times the nodes that there are: those that were killed are known until they are forgotten
)

// defaultRate is how many pushes a second a load has, unless -chaos-rate says otherwise.
const defaultRate = 400

func startLoad(t *testing.T, f *fleet) *load { return startLoadOf(t, f, *chaosRate, false) }

func startLoadOf(t *testing.T, f *fleet, rate int, mayLose bool) *load {
	l := &load{t: t, fleet: f, rate: rate, mayLose: mayLose, keys: fmt.Sprint(time.Now().UnixNano(), "-"), begun: time.Now(), last: time.Now()}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	var welcomed sync.WaitGroup
	for i := range roamers + stayers {
		welcomed.Add(1)
		p := &roamer{load: l, stays: i >= roamers, id: fmt.Sprint("page", i), next: i, random: rand.New(rand.NewPCG(uint64(i), 1)), welcomed: sync.OnceFunc(welcomed.Done)}
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
	interval := time.Second * publishers / time.Duration(l.rate)
	next := time.Now()
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
		silent := time.Since(l.last)
		l.silent, l.lately = max(l.silent, silent), max(l.lately, silent)
		l.last = time.Now()
		l.mu.Unlock()
		next = next.Add(interval)
		if behind := time.Since(next); behind > time.Second { // what was not pushed while nothing could be is not pushed all at once
			next = next.Add(behind - time.Second)
		}
		time.Sleep(time.Until(next))
	}
}

// quiet is the longest time without an acknowledged push since the last call.
func (l *load) quiet() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := max(l.lately, time.Since(l.last))
	l.lately = 0
	return d
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
	case err == nil && (got.Nodes > got.NodesKnown || got.NodesKnown > maxKnown*len(l.fleet.nodes)):
		l.t.Errorf("%s: %d of %d nodes", r.IdempotencyKey, got.Nodes, got.NodesKnown)
	case errors.As(err, &refused) && refused.Status != 503 && refused.Status != 504 && refused.Status != 507:
		l.t.Errorf("%s: %v", r.IdempotencyKey, err)
	}
	if err != nil {
		l.refused.Add(1)
		fmt.Fprintf(&l.why, "after %v: %s: %v\n", time.Since(l.begun).Round(time.Millisecond), r.IdempotencyKey, err)
	}
	l.mu.Lock()
	l.slow = max(l.slow, time.Since(begun))
	l.mu.Unlock()
	return err == nil
}

// end stops publishing, waits until the pages have shown everything, and compares them with what was acknowledged.
func (l *load) end() {
	l.t.Helper()
	l.ending.Store(true)
	l.publishing.Wait()
	total := int64(0)
	for i := range l.sent {
		total += l.sent[i].Load()
	}
	last, since := int64(0), time.Now() // what pages have shown, and since when they have shown no more
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		behind, fewer, shown := false, false, int64(0)
		for _, p := range l.pages {
			n := p.count.Load()
			shown += n
			fewer = fewer || n < total && p.fewer.Load()
			behind = behind || n < total && !p.fewer.Load()
		}
		if shown != last {
			last, since = shown, time.Now()
		}
		if !behind && (!fewer || time.Since(since) > 10*time.Second) {
			break
		}
	}
	time.Sleep(200 * time.Millisecond) // what came twice would come now
	l.stop()
	l.reading.Wait()
	gaps, moves, reordered := 0, 0, 0
	seen := make(map[string]bool)
	places := make(map[scenecast.Position]string) // what was shown with each position, on any page
	for _, p := range l.pages {
		p.check(l)
		gaps, moves, reordered = gaps+len(p.gaps), moves+p.moves, reordered+p.reordered
		for _, s := range p.shown {
			seen[s.text] = true
			if other, taken := places[s.position]; taken && other != s.text {
				l.t.Errorf("%v is the position of %s, and of %s on %s", s.position, other, s.text, p.id)
			}
			places[s.position] = s.text
		}
	}
	if lost := total - int64(len(seen)); lost > 0 {
		l.t.Errorf("%d acknowledged pushes were shown by no page", lost)
	}
	l.summary = fmt.Sprintf("%d pushes acknowledged, %d attempts failed, longest time without one %v, longest attempt %v; %d pages moved %d times, %d gaps, %d shown behind later ones",
		total, l.refused.Load(), l.silent.Round(time.Millisecond), l.slow.Round(time.Millisecond), len(l.pages), moves, gaps, reordered)
	l.t.Log(l.summary)
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
