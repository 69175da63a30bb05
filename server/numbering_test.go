package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"scenecast"
	"scenecast/audience"
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

	lost, twice, gaps, connections, dropped := 0, 0, 0, 0, 0
	for _, p := range pages {
		if !slices.Equal(p.shown, p.want) {
			shown := slices.Clone(p.shown)
			slices.Sort(shown)
			different := slices.Compact(slices.Clone(shown))
			lost, twice = lost+len(p.want)-len(different), twice+len(shown)-len(different)
			t.Errorf("%s has shown %d numbers, in order: %v; want %d", p.id, len(p.shown), slices.IsSorted(p.shown), len(p.want))
		}
		gaps, connections, dropped = gaps+p.gaps, connections+p.connections, dropped+p.again
	}
	if lost+twice+gaps > 0 {
		t.Errorf("%d lost, %d shown twice, %d gaps", lost, twice, gaps)
	}
	t.Logf("%d pushes to %d pages over %d connections; cut by reset %d, by stalling %d, by truncating %d times; %d came again and were not shown",
		form.pushes, form.pages, connections, proxy.cuts[byReset].Load(), proxy.cuts[byStalling].Load(), proxy.cuts[byTruncating].Load(), dropped)
	for way := range proxy.cuts {
		if proxy.cuts[way].Load() < int64(form.pages/4) {
			t.Errorf("only %d cuts of the kind %d", proxy.cuts[way].Load(), way)
		}
	}
}

// numbered is a page that does what the page script does.
type numbered struct {
	t      *testing.T
	id     string
	group  int
	want   []int
	rest   time.Duration // the longest that it waits before it comes back
	opened func()        // called once

	since       scenecast.Position
	shown       []int
	connections int
	gaps        int
	again       int // pushes that it had shown before
}

// live comes back until it has shown everything.
func (p *numbered) live(ctx context.Context, addr string) {
	for len(p.shown) < len(p.want) && ctx.Err() == nil {
		p.connect(ctx, addr)
		time.Sleep(rand.N(p.rest))
	}
}

// connect reads until the connection is lost, or everything is shown.
func (p *numbered) connect(ctx context.Context, addr string) {
	address := fmt.Sprintf("ws://%s/v1/connect?token=%s&group=%d&page_id=%s", addr, pageToken, p.group, p.id)
	if p.since != (scenecast.Position{}) {
		address += "&since=" + p.since.String()
	}
	// Another client than in the other tests, which takes a message for whole of which only the head has come.
	dialer := ws.Dialer{Timeout: patience, Protocols: []string{"scenecast.v1"}}
	c, buffered, _, err := dialer.Dial(ctx, address)
	if err != nil {
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	from := io.Reader(c)
	if buffered != nil {
		from = buffered
	}
	p.connections++
	for len(p.shown) < len(p.want) {
		message, err := wsutil.ReadServerText(struct {
			io.Reader
			io.Writer
		}{from, c})
		if err != nil {
			return
		}
		p.receive(message)
	}
}

func (p *numbered) receive(message []byte) {
	var m heard
	if err := json.Unmarshal(message, &m); err != nil {
		p.t.Errorf("%s got %s: %v", p.id, message, err)
		return
	}
	at, err := scenecast.ParsePosition(m.Position)
	if err != nil {
		p.t.Errorf("%s got %s: %v", p.id, message, err)
		return
	}
	switch m.Type {
	case "welcome":
		if p.since == (scenecast.Position{}) {
			p.since = at
			p.opened()
		}
	case "gap":
		p.gaps++
		p.since = at
	case "push":
		if at.Seq <= p.since.Seq {
			p.again++
			return
		}
		n, _ := strconv.Atoi(string(m.Data))
		p.shown, p.since = append(p.shown, n), at
	}
}
