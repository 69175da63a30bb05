package main_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/client"
)

// roamer is a page that comes back to another node each time, and moves when it is left alone, unless it stays as long as its node lets it.
type roamer struct {
	stays    bool
	load     *load
	id       string
	next     int
	random   *rand.Rand
	welcomed func()

	since scenecast.Position
	shown []showing
	count atomic.Int64
	fewer atomic.Bool // it was told of a gap, and may never have all
	gaps  []string
	gapAt []int // of each, how much was shown before it
	moves int

	reordered int // pushes that were shown behind later ones of their publisher
}

// showing is a push as a page has shown it.
type showing struct {
	text     string
	position scenecast.Position
	node     *member
	after    time.Duration // since the load began
}

func (s showing) String() string {
	return fmt.Sprintf("%s at %v by %s after %v", s.text, s.position, s.node.name, s.after.Round(time.Millisecond))
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
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	if !p.stays {
		time.AfterFunc(time.Duration(300+p.random.IntN(1500))*time.Millisecond, leave)
	}
	page, err := client.NewPage(client.PageOptions{
		URL: m.url, Token: fleetToken, PageID: p.id, Since: p.since,
		OnWelcome: func(w client.Welcome) {
			if p.since == (scenecast.Position{}) {
				p.since = w.Position
			}
			p.welcomed()
		},
		OnGap: func(g client.Gap) {
			p.fewer.Store(true)
			p.gapAt = append(p.gapAt, len(p.shown))
			p.gaps = append(p.gaps, fmt.Sprintf("%s at %s after %v, standing at %v, goes on at %v",
				g.Reason, m.name, time.Since(p.load.begun).Round(time.Millisecond), p.since, g.Position))
		},
		OnLost: func(error, time.Duration) { leave() },
	})
	if err != nil {
		p.load.t.Error(err)
		return
	}
	_ = page.Run(ctx, func(push client.Push) error {
		text, _ := strconv.Unquote(string(push.Data))
		p.shown = append(p.shown, showing{text, push.Position, m, time.Since(p.load.begun)})
		p.count.Add(1)
		p.since = push.Position
		return nil
	})
	p.since = page.Position()
}

// check: the page has shown every number of each publisher once, in order, but for those of which it was told that it has missed them.
func (p *roamer) check(l *load) {
	next, at := make(map[string]int), make(map[string]int) // by publisher: the last number, and where it was shown
	isTold := func(from, to int) bool {
		return l.mayLose && slices.ContainsFunc(p.gapAt, func(gap int) bool { return gap > from && gap <= to })
	}
	shown, missing, forgiven := make(map[string]int), make(map[string]bool), make(map[string]bool)
	for i, s := range p.shown {
		text := s.text
		publisher, number, _ := strings.Cut(text, ".")
		n, _ := strconv.Atoi(number)
		last, ok := at[publisher]
		if !ok {
			last = -1
		}
		told := n <= next[publisher]+1 || isTold(last, i)
		if before, twice := shown[text]; twice {
			l.t.Errorf("%s has shown %v, and %v; behind the first, %v; before the second, %v; its gaps: %v", p.id, p.shown[before], s,
				p.shown[before+1], p.shown[i-1], p.gaps)
			return
		}
		if !l.mayLose && (n <= next[publisher] && !forgiven[text] || !told) {
			l.t.Errorf("%s has shown %v behind %s.%d; its gaps: %v", p.id, s, publisher, next[publisher], p.gaps)
			return
		}
		shown[text] = i
		delete(missing, text)
		if n < next[publisher] {
			p.reordered++
			continue
		}
		into := missing
		if told { // what it is told to have missed may come after all, when it is appended again
			into = forgiven
		}
		for between := next[publisher] + 1; between < n; between++ {
			into[fmt.Sprint(publisher, ".", between)] = true
		}
		next[publisher], at[publisher] = n, i
	}
	if len(missing) > 0 {
		l.t.Errorf("%s has not shown %v; its gaps: %v", p.id, slices.Sorted(maps.Keys(missing)), p.gaps)
	}
	for i := range l.sent {
		publisher := strconv.Itoa(i)
		if got, want := next[publisher], int(l.sent[i].Load()); got != want && !isTold(at[publisher], len(p.shown)) {
			l.t.Errorf("%s has shown %d numbers of the publisher %d, and %d were acknowledged; its gaps: %v", p.id, got, i, want, p.gaps)
		}
	}
	if !l.mayLose {
		for _, gap := range p.gaps {
			l.t.Errorf("%s was told of a gap: %s", p.id, gap)
		}
	}
}
