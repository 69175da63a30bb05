package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// pageLoop is the owner of a node's pages: it runs tasks one after the other, and what a page is sent it has at once.
type pageLoop struct {
	shard *hub.Shard
	pages map[scenecast.Slot]*roamer // the owner's
	next  uint32

	mu    sync.Mutex
	tasks []func()
	wake  chan struct{}
	end   chan struct{}
	done  sync.WaitGroup

	closing sync.Once
}

// newPages makes a hub with one loop, over the log of a node.
func newPages(node scenecast.NodeID, log scenecast.Log) (*hub.Hub, *pageLoop) {
	h := hub.New(hub.Options{Node: node, Limits: label.DefaultLimits, Log: log, Logger: slog.New(slog.DiscardHandler)})
	l := &pageLoop{pages: make(map[scenecast.Slot]*roamer), wake: make(chan struct{}, 1), end: make(chan struct{})}
	l.shard = h.AddShard(l)
	l.done.Go(l.run)
	return h, l
}

func (l *pageLoop) run() {
	for {
		select {
		case <-l.end:
			return
		case <-l.wake:
		}
		for {
			l.mu.Lock()
			tasks := l.tasks
			l.tasks = nil
			l.mu.Unlock()
			if len(tasks) == 0 {
				break
			}
			for _, task := range tasks {
				select {
				case <-l.end:
					return
				default:
					task()
				}
			}
		}
	}
}

// close ends the loop, as the node's end does: pages lose their connections.
func (l *pageLoop) close() {
	l.closing.Do(func() { close(l.end) })
	l.done.Wait()
}

func (l *pageLoop) Post(task func()) bool {
	l.mu.Lock()
	l.tasks = append(l.tasks, task)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

func (l *pageLoop) PostBackground(task func() bool) bool {
	return l.Post(func() {
		for task() {
		}
	})
}

func (l *pageLoop) SendShared(s scenecast.Slot, f *scenecast.Frame) bool {
	p := l.pages[s]
	if p == nil {
		return false
	}
	p.take(f.Data)
	if f.Done != nil {
		l.Post(func() { f.Done(s.Index, true) })
	}
	return true
}

func (l *pageLoop) Send(s scenecast.Slot, frame []byte) bool {
	return l.SendShared(s, &scenecast.Frame{Data: frame})
}

func (l *pageLoop) OnWritten(s scenecast.Slot, task func()) {
	if l.pages[s] != nil {
		l.Post(task)
	}
}

func (l *pageLoop) Lease(scenecast.Slot) scenecast.Lease { return 0 }

func (l *pageLoop) Close(s scenecast.Slot, _ scenecast.Ending) { delete(l.pages, s) }

// visit has a page stay for a while, or until the node ends.
func (l *pageLoop) visit(p *roamer, stay time.Duration) {
	slot := scenecast.Slot{}
	opened := make(chan struct{})
	l.Post(func() {
		slot.Index = l.next
		l.next++
		l.pages[slot] = p
		a := scenecast.Admission{App: "app", PageID: p.name, Protocol: pageWire{}}
		a.Resume = scenecast.Resume{Wanted: p.since != scenecast.Position{}, After: p.since}
		l.shard.Opened(slot, a)
		close(opened)
	})
	select {
	case <-opened:
	case <-l.end:
	}
	select {
	case <-time.After(stay):
	case <-l.end:
		l.done.Wait()
		return
	}
	left := make(chan struct{})
	l.Post(func() {
		delete(l.pages, slot)
		l.shard.Closed(slot, scenecast.EndingBy(scenecast.CauseReset, ""))
		close(left)
	})
	select {
	case <-left:
	case <-l.end:
		l.done.Wait()
	}
}

// pageWire is a protocol whose frames are lines of JSON.
type pageWire struct{ scenecast.Protocol }

// pageFrame is a push, or where a page stands or goes on behind a gap.
type pageFrame struct {
	ID, Key  string
	At       time.Time
	Position scenecast.Position
	Gap      scenecast.Gap
}

func (f pageFrame) line() []byte {
	b, _ := json.Marshal(f) // texts and numbers: it cannot fail
	return append(b, '\n')
}

func (pageWire) Name() string { return "lines" }

func (pageWire) Traits() scenecast.Traits {
	return scenecast.Traits{EncodeGap: func(n scenecast.GapNotice) []byte { return pageFrame{Gap: n.Reason, Position: n.Newest}.line() }}
}

func (pageWire) EncodePush(p *scenecast.Push, _ scenecast.Delivery) []byte {
	return pageFrame{ID: p.ID, Key: p.IdempotencyKey, At: p.At, Position: p.Position}.line()
}

func (pageWire) Opened(c scenecast.Conn) { c.Send(pageFrame{Position: c.Position()}.line()) }

func (pageWire) Closed(scenecast.Conn, scenecast.Ending) {}

// roamer is a page that changes nodes. Its fields are its node's loop's.
type roamer struct {
	name  string
	begun time.Time // when the run did
	node  string    // where it is
	since scenecast.Position
	shown []shown // pushes, and gaps, which have no ID
}

// shown is a push or a gap as a page has got it.
type shown struct {
	pageFrame
	node  string
	after time.Duration
}

func (s shown) String() string {
	what := s.ID
	if s.ID == "" {
		what = "a gap, " + string(s.Gap)
	}
	return fmt.Sprintf("%s(%s)@%v from %s after %v", what, s.Key, s.Position, s.node, s.after)
}

// take takes what a page is sent.
func (p *roamer) take(b []byte) {
	for line := range bytes.Lines(b) {
		var f pageFrame
		if err := json.Unmarshal(line, &f); err != nil {
			panic(err) // the wire's own lines
		}
		switch {
		case f.ID == "" && f.Gap == "" && p.since != scenecast.Position{}:
			continue // where it stands, which it knows
		case f.ID != "" || f.Gap != "":
			p.shown = append(p.shown, shown{f, p.node, time.Since(p.begun)})
		}
		p.since = f.Position
	}
}

// roam moves a page from node to node until the run is over.
func (m *model) roam(p *roamer, r *rand.Rand, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		m.clusterOf.mu.Lock()
		n := r.IntN(len(m.sinks))
		l := m.sinks[n].loop
		p.node = m.sinks[n].name
		m.clusterOf.mu.Unlock()
		l.visit(p, time.Duration(50+r.IntN(1500))*time.Millisecond)
	}
}
