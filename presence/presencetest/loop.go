package presencetest

import (
	"fmt"
	"sync"

	"scenecast"
	"scenecast/hub"
)

// loop is a hub's loop without sockets: pages get their frames as it comes to them.
type loop struct {
	shard *hub.Shard
	pages map[uint32]*page // by slot; the loop's goroutine only
	done  sync.WaitGroup

	mu      sync.Mutex
	posted  *sync.Cond
	tasks   []func()
	stopped bool
}

var _ hub.Loop = (*loop)(nil)

func newLoop(h *hub.Hub) *loop {
	l := &loop{pages: make(map[uint32]*page)}
	l.posted = sync.NewCond(&l.mu)
	l.shard = h.AddShard(l)
	return l
}

func (l *loop) start() { l.done.Go(l.run) }

// stop waits until the loop does nothing any more. What was posted and not done yet is not done.
func (l *loop) stop() {
	l.mu.Lock()
	l.stopped = true
	l.posted.Broadcast()
	l.mu.Unlock()
	l.done.Wait()
}

func (l *loop) run() {
	for {
		l.mu.Lock()
		for len(l.tasks) == 0 && !l.stopped {
			l.posted.Wait()
		}
		tasks := l.tasks
		l.tasks = nil
		stopped := l.stopped
		l.mu.Unlock()
		if stopped {
			return
		}
		for _, task := range tasks {
			task()
		}
	}
}

// Post implements hub.Loop.
func (l *loop) Post(task func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	l.tasks = append(l.tasks, task)
	l.posted.Signal()
	return true
}

// PostBackground implements hub.Loop.
func (l *loop) PostBackground(task func() (more bool)) bool {
	return l.Post(func() {
		if task() {
			l.PostBackground(task)
		}
	})
}

// at is the page in a slot; nil if it has gone.
func (l *loop) at(s scenecast.Slot) *page {
	if p := l.pages[s.Index]; p != nil && p.slot == s {
		return p
	}
	return nil
}

// SendShared implements hub.Loop.
func (l *loop) SendShared(s scenecast.Slot, f *scenecast.Frame) bool { return l.Send(s, f.Data) }

// Send implements hub.Loop.
func (l *loop) Send(s scenecast.Slot, frame []byte) bool {
	p := l.at(s)
	if p != nil {
		p.take(frame)
	}
	return p != nil
}

// OnWritten implements hub.Loop.
func (l *loop) OnWritten(_ scenecast.Slot, task func()) { l.Post(task) }

// Lease implements hub.Loop.
func (l *loop) Lease(scenecast.Slot) scenecast.Lease { return 0 }

// Close implements hub.Loop.
func (l *loop) Close(s scenecast.Slot, e scenecast.Ending) {
	if p := l.at(s); p != nil {
		p.fault(fmt.Errorf("was closed: %+v", e))
		delete(l.pages, s.Index)
	}
}
