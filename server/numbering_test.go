package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

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
	form := numberingForms[*soak >= time.Minute]
	s := start(t, nil, nil)
	proxy := newCutter(t, s.addr, form.atLeast, form.atMost)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pages := make([]*numbered, form.pages)
	var opened, ended sync.WaitGroup
	for i := range pages {
		opened.Add(1)
		pages[i] = &numbered{t: t, id: fmt.Sprint("page-", i), group: i % numberedGroups, rest: form.atLeast, opened: opened.Done}
		for n := range form.pushes {
			if isNumberFor(n, pages[i].group) {
				pages[i].want = append(pages[i].want, n)
			}
		}
		ended.Go(func() { pages[i].live(ctx, proxy.listener.Addr().String()) })
	}
	opened.Wait()

	tick := time.NewTicker(time.Second / time.Duration(form.perSecond/10)) // ten at a time: a timer is not as fast as pushes
	defer tick.Stop()
	for n := range form.pushes {
		if n%10 == 0 {
			<-tick.C
		}
		to := audience.Everybody()
		if n%3 != 0 {
			to, _ = audience.Parse(fmt.Sprintf("group == %q", strconv.Itoa(n%numberedGroups)))
		}
		if _, err := s.Push(t.Context(), push.Request{To: to, Message: json.RawMessage(strconv.Itoa(n))}); err != nil {
			t.Fatal(err)
		}
	}
	proxy.healthy.Store(true)
	giveUp := time.AfterFunc(3*patience, cancel)
	ended.Wait()
	giveUp.Stop()

	lost, twice, gaps, connections := 0, 0, 0, 0
	for _, p := range pages {
		if !slices.Equal(p.shown, p.want) {
			shown := slices.Clone(p.shown)
			slices.Sort(shown)
			different := slices.Compact(slices.Clone(shown))
			lost, twice = lost+len(p.want)-len(different), twice+len(shown)-len(different)
			t.Errorf("%s has shown %d numbers, in order: %v; want %d", p.id, len(p.shown), slices.IsSorted(p.shown), len(p.want))
		}
		gaps, connections = gaps+p.gaps, connections+p.connections
	}
	if lost+twice+gaps > 0 {
		t.Errorf("%d lost, %d shown twice, %d gaps", lost, twice, gaps)
	}
	t.Logf("%d pushes to %d pages over %d connections; cut by reset %d, by stalling %d, by truncating %d times",
		form.pushes, form.pages, connections, proxy.cuts[byReset].Load(), proxy.cuts[byStalling].Load(), proxy.cuts[byTruncating].Load())
	for way := range proxy.cuts {
		if proxy.cuts[way].Load() < int64(form.pages/4) {
			t.Errorf("only %d cuts of the kind %d", proxy.cuts[way].Load(), way)
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
	gaps        int
}

// errAllShown ends a page.
var errAllShown = errors.New("everything is shown")

// live comes back until it has shown everything.
func (p *numbered) live(ctx context.Context, addr string) {
	page, err := client.NewPage(client.PageOptions{
		URL:    "http://" + addr,
		Token:  pageToken,
		PageID: p.id,
		Labels: map[string][]string{"group": {strconv.Itoa(p.group)}},
		OnWelcome: func(client.Welcome) {
			if p.connections++; p.connections == 1 {
				p.opened()
			}
		},
		OnGap:   func(client.Gap) { p.gaps++ },
		Backoff: func(int, error) time.Duration { return rand.N(p.rest) },
	})
	if err == nil {
		err = page.Run(ctx, func(push client.Push) error {
			n, err := strconv.Atoi(string(push.Data))
			if p.shown = append(p.shown, n); err == nil && len(p.shown) == len(p.want) {
				err = errAllShown
			}
			return err
		})
	}
	if !errors.Is(err, errAllShown) {
		p.t.Errorf("%s ended with %v", p.id, err)
	}
}
