package socket

import (
	"errors"
	"sync"
)

// Held is a loop that reads nothing and accepts nobody, until it goes on. Its tasks run, and what they send is written; Freeze ends that, too.
// Its methods may be called by one goroutine.
type Held struct {
	loop  *eventLoop
	wake  chan struct{} // holds one token while there may be work
	calls chan func()
	ended sync.WaitGroup

	frozen bool // the owner's
	over   bool // … likewise
}

// errNotHeld is returned where a loop cannot be held.
var errNotHeld = errors.New("the loop has stopped, or has sockets with goroutines only")

// Hold holds the loop: when it returns, nothing of what its sockets bring is handled any more.
func (l *Loop) Hold() (*Held, error) {
	e, ok := l.epoll.(*eventLoop)
	if !ok {
		return nil, errNotHeld
	}
	h := &Held{loop: e, wake: make(chan struct{}, 1), calls: make(chan func())}
	began := make(chan struct{})
	h.ended.Add(1)
	if !l.Post(func() { e.hold(h, began) }) {
		return nil, errNotHeld
	}
	<-began
	return h, nil
}

// hold is the task that the owner is in meanwhile. It runs the other tasks itself.
func (e *eventLoop) hold(h *Held, began chan struct{}) {
	defer h.ended.Done()
	e.loop.endRound() // a loop that is held on purpose does not hang
	defer e.loop.beginRound()
	e.setHeld(h)
	close(began)
	for !h.over {
		if h.frozen {
			(<-h.calls)()
			continue
		}
		e.now = e.loop.now()
		e.loop.runRound(pace{isFull: e.isFull})
		e.flush(len(e.batch.dirty))
		e.reap()
		e.asleep.Store(true)
		if e.loop.hasWork() || !e.batch.isWritten() || len(e.ended) > 0 {
			e.asleep.Store(false)
			select {
			case call := <-h.calls:
				call()
			default:
			}
			continue
		}
		select {
		case <-h.wake:
		case call := <-h.calls:
			call()
		}
		e.asleep.Store(false)
	}
	e.setHeld(nil)
	e.now = e.loop.now()
}

// setHeld has wake-ups go to whoever holds the loop; nil: to the loop.
func (e *eventLoop) setHeld(h *Held) {
	e.waking.Lock()
	defer e.waking.Unlock()
	e.held = h
}

// Do runs a task on the owner and waits for it.
func (h *Held) Do(task func()) {
	done := make(chan struct{})
	h.calls <- func() {
		task()
		close(done)
	}
	<-done
}

// IsQuiet reports whether no task waits, and none runs in the background.
func (h *Held) IsQuiet() (quiet bool) {
	h.Do(func() { quiet = !h.loop.loop.hasWork() && h.loop.batch.isWritten() })
	return quiet
}

// Freeze has the owner run no tasks any more, until Thaw: what is posted waits.
func (h *Held) Freeze() { h.Do(func() { h.frozen = true }) }

// Unfreeze has the owner run tasks again.
func (h *Held) Unfreeze() { h.Do(func() { h.frozen = false }) }

// Thaw has the loop go on, as if nothing had been. It is the last call.
func (h *Held) Thaw() {
	h.Do(func() { h.over = true })
	h.ended.Wait()
}
