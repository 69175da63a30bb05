package server_test

import (
	"cmp"
	"context"
	cryptorand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/client"
	"scenecast/push"
)

// numbering is how hard the numbering test is; `make soak` has it in full.
type numbering struct {
	pages           int
	pushes          int
	perSecond       int
	atLeast, atMost time.Duration // between two cuts of a connection
}

var numberingForms = map[bool]numbering{
	false: {pages: 20, pushes: 2000, perSecond: 2000, atLeast: 50 * time.Millisecond, atMost: 250 * time.Millisecond},
	true:  {pages: 50, pushes: 100_000, perSecond: 1000, atLeast: time.Second, atMost: 5 * time.Second},
}

const numberedGroups = 5

// isNumberFor is who gets a number: every third is for everybody, the others for one group after the other.
func isNumberFor(n, group int) bool { return n%3 == 0 || n%numberedGroups == group }

// TestNumbering pushes numbers to pages whose connections are cut again and again, in the middle of frames too. Each page
// must show every number that was for it, once and in order.
func TestNumbering(t *testing.T) {
	runNumbering(t, numberingForms[*soak >= time.Minute], []*running{start(t, nil, nil)}).expectAll()
}

// TestNumberingOverNodes is TestNumbering with three nodes: each number is pushed to another one than the number before, and a page that
// comes back is on any of them. Nothing that a page has may depend on where.
func TestNumberingOverNodes(t *testing.T) {
	form := numberingForms[*soak >= time.Minute]
	form.pushes /= 2
	r := runNumbering(t, form, startNodes(t, 3, nil))
	r.expectAll()
	r.expectMoves()
}

// TestNumberingWithGaps is TestNumberingOverNodes, where the nodes keep less than pages miss: what a page does not show it was told of, at
// that place.
func TestNumberingWithGaps(t *testing.T) {
	form := numberingForms[false]
	form.pushes /= 2
	nodes := startNodes(t, 3, map[string]string{"history.max_count": "8"})
	begun := time.Now()
	r := runNumbering(t, form, nodes)
	slow := time.Since(begun) > 20*time.Duration(form.pushes)*time.Second/time.Duration(form.perSecond)
	gaps, missed := 0, 0
	for _, p := range r.pages {
		gaps += len(p.gaps)
		missed += len(p.want) - len(p.shown)
		next := 0 // in what is wanted
		for i, n := range p.shown {
			at, ok := slices.BinarySearch(p.want, n)
			if !ok || at < next {
				t.Fatalf("%s has shown %d, which was not for it, or not then: %v", p.id, n, p.shown[max(0, i-3):i+1])
			}
			if at > next && !slices.Contains(p.gaps, i) {
				t.Fatalf("%s has shown %d, and %d is missing before it; it was told of no gap there: %v", p.id, n, p.want[next], p.gaps)
			}
			next = at + 1
		}
		if next < len(p.want) && !slices.Contains(p.gaps, len(p.shown)) {
			t.Errorf("%s has not shown %d and what follows, and was told of no gap there: %v", p.id, p.want[next], p.gaps)
		}
	}
	t.Logf("%d gaps, %d numbers missed", gaps, missed)
	if (gaps == 0 || missed == 0) && !slow { // where pushes come slowly, the few that are kept are all that a page has missed
		t.Errorf("%d pages have missed %d numbers and were told of %d gaps: the test is to have some", form.pages, missed, gaps)
	}
	r.expectMoves()
}

// numberingRun is what has become of the pages.
type numberingRun struct {
	t     *testing.T
	nodes []*running
	proxy *cutter
	form  numbering
	pages []*numbered
}

// runNumbering pushes the numbers, and returns when each page has shown what was for it.
func runNumbering(t *testing.T, form numbering, nodes []*running) *numberingRun {
	t.Helper()
	r := &numberingRun{t: t, nodes: nodes, form: form, pages: make([]*numbered, form.pages)}
	var addrs []string
	for _, s := range nodes {
		addrs = append(addrs, s.addr)
	}
	r.proxy = newCutter(t, addrs, form.atLeast, form.atMost)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var opened, ended sync.WaitGroup
	for i := range r.pages {
		opened.Add(1)
		p := &numbered{t: t, id: fmt.Sprint("page-", i), group: i % numberedGroups, rest: form.atLeast, opened: opened.Done}
		for n := range form.pushes {
			if isNumberFor(n, p.group) {
				p.want = append(p.want, n)
			}
		}
		r.pages[i] = p
		ended.Go(func() { p.live(ctx, r.proxy.listener.Addr().String()) })
	}
	opened.Wait()
	r.push()
	r.proxy.healthy.Store(true)
	giveUp := time.AfterFunc(3*patience, cancel)
	all := make(chan struct{})
	go func() {
		ended.Wait()
		close(all)
	}()
	for i := 0; ; i++ { // pages that have missed the end, for which there is no other sign, get another one
		select {
		case <-all:
			giveUp.Stop()
			return r
		case <-time.After(100 * time.Millisecond):
			r.pushTo(i, audience.Everybody(), theEnd)
		}
	}
}

// push pushes the numbers, one after the other and each to another node.
func (r *numberingRun) push() {
	r.t.Helper()
	tick := time.NewTicker(time.Second / time.Duration(r.form.perSecond/10)) // ten at a time: a timer is not as fast as pushes
	defer tick.Stop()
	for n := range r.form.pushes {
		if n%10 == 0 {
			<-tick.C
		}
		to := audience.Everybody()
		if n%3 != 0 {
			to, _ = audience.Parse(fmt.Sprintf("group == %q", strconv.Itoa(n%numberedGroups)))
		}
		r.pushTo(n, to, n)
	}
}

// pushTo pushes a number. What a node of several refuses, because it is cut off for a moment, it is given again.
func (r *numberingRun) pushTo(node int, to audience.Expr, n int) {
	r.t.Helper()
	request := push.Request{To: to, Message: json.RawMessage(strconv.Itoa(n)), IdempotencyKey: cryptorand.Text()}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		_, err := r.nodes[node%len(r.nodes)].Push(r.t.Context(), request)
		if err == nil {
			return
		}
		again := errors.Is(err, scenecast.ErrUnavailable) || errors.Is(err, scenecast.ErrUncertain)
		if !again || time.Since(begun) > patience {
			r.t.Fatal(err)
		}
	}
}

// expectAll: each page has shown everything, once and in order, and was told of no gap.
func (r *numberingRun) expectAll() {
	r.t.Helper()
	lost, twice, gaps, connections := 0, 0, 0, 0
	for _, p := range r.pages {
		if !slices.Equal(p.shown, p.want) {
			shown := slices.Clone(p.shown)
			slices.Sort(shown)
			different := slices.Compact(slices.Clone(shown))
			lost, twice = lost+len(p.want)-len(different), twice+len(shown)-len(different)
			r.t.Errorf("%s has shown %d numbers, in order: %v; want %d", p.id, len(p.shown), slices.IsSorted(p.shown), len(p.want))
		}
		gaps, connections = gaps+len(p.gaps), connections+p.connections
	}
	if lost+twice+gaps > 0 {
		r.t.Errorf("%d lost, %d shown twice, %d gaps", lost, twice, gaps)
	}
	cuts := &r.proxy.cuts
	r.t.Logf("%d pushes over %d nodes to %d pages over %d connections; cut by reset %d, by stalling %d, by truncating %d times",
		r.form.pushes, len(r.nodes), r.form.pages, connections, cuts[byReset].Load(), cuts[byStalling].Load(), cuts[byTruncating].Load())
	for way := range cuts {
		if cuts[way].Load() < int64(r.form.pages/4) {
			r.t.Errorf("only %d cuts of the kind %d", cuts[way].Load(), way)
		}
	}
}

// expectMoves: pages have been on all nodes.
func (r *numberingRun) expectMoves() {
	r.t.Helper()
	for _, p := range r.pages {
		if p.connections >= 20 && len(p.nodes) < len(r.nodes) {
			r.t.Errorf("%s had %d connections, to %d of %d nodes", p.id, p.connections, len(p.nodes), len(r.nodes))
		}
	}
}

// numbered is a page, as package client has it, which counts what it is told.
type numbered struct {
	t      *testing.T
	id     string
	group  int
	want   []int
	rest   time.Duration // the longest that it waits before it comes back
	opened func()        // called once

	shown       []int
	connections int
	nodes       map[string]bool // that it has been on
	gaps        []int           // of each gap, how many numbers were shown before it
}

// errAllShown ends a page.
var errAllShown = errors.New("everything is shown")

// theEnd is behind all numbers.
const theEnd = -1

// live comes back until it has shown everything, or was told that there is no more.
func (p *numbered) live(ctx context.Context, addr string) {
	p.nodes = make(map[string]bool)
	page, err := client.NewPage(client.PageOptions{
		URL:    "http://" + addr,
		Token:  pageToken,
		PageID: p.id,
		Labels: map[string][]string{"group": {strconv.Itoa(p.group)}},
		OnWelcome: func(w client.Welcome) {
			node, _, _ := strings.Cut(w.ID, ".")
			p.nodes[node] = true
			if p.connections++; p.connections == 1 {
				p.opened()
			}
		},
		OnGap:   func(client.Gap) { p.gaps = append(p.gaps, len(p.shown)) },
		Backoff: func(int, error) time.Duration { return rand.N(p.rest) },
	})
	if err == nil {
		err = page.Run(ctx, func(push client.Push) error {
			n, err := strconv.Atoi(string(push.Data))
			if err != nil || n == theEnd {
				return cmp.Or(err, errAllShown)
			}
			if p.shown = append(p.shown, n); len(p.shown) == len(p.want) {
				return errAllShown
			}
			return nil
		})
	}
	if !errors.Is(err, errAllShown) {
		p.t.Errorf("%s ended with %v", p.id, err)
	}
}
