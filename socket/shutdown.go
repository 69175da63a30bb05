package socket

import (
	"context"
	"time"
)

// LowerCloseWait lowers Options.CloseWait for the pages that are closed from now on, where it is more: a server that stops does not wait as
// long for those that do not answer its close frame. Any goroutine may call it.
func (l *Loop) LowerCloseWait(wait time.Duration) {
	l.loweredCloseWait.Store(int64(wait))
}

// closeWait is how long a page has to answer a close frame.
func (l *Loop) closeWait() time.Duration {
	if lowered := time.Duration(l.loweredCloseWait.Load()); lowered > 0 {
		return min(lowered, l.options.CloseWait)
	}
	return l.options.CloseWait
}

// Shutdown takes no further sockets, waits until those that are closing are gone, and when ctx ends closes what is still
// open; their endings are reported to the handler as any other (CauseStopped). When it returns, all of the loop's goroutines
// have ended. Call it once.
func (l *Loop) Shutdown(ctx context.Context) {
	l.StopListening()
	l.mu.Lock()
	l.stopping = true
	l.noteEmpty()
	l.mu.Unlock()
	select {
	case <-l.empty:
	case <-ctx.Done():
	}
	l.mu.Lock()
	l.stopped = true
	for c := range l.open {
		_ = c.net.Close()
	}
	l.mu.Unlock()
	l.wakeUp()
	l.goroutines.Wait()
}

// keep counts a socket with goroutines among the open ones, and its reader among the goroutines. False: the loop is stopping,
// and the connection is closed.
func (l *Loop) keep(c *goConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		_ = c.net.Close()
		l.release(c.lease)
		return false
	}
	l.open[c] = struct{}{}
	l.countGoroutine()
	return true
}

// forget drops a socket whose reader has ended.
func (l *Loop) forget(c *goConn) {
	l.release(c.lease)
	c.clear()
	c.removeUser()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	l.noteEmpty()
}

// countEpoll notes that there is one socket without goroutines more or less. False: the loop is stopping and takes no more.
func (l *Loop) countEpoll(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > 0 && l.stopping {
		return false
	}
	l.epollOpen += n
	l.noteEmpty()
	return true
}

// noteEmpty, with mu held, lets Shutdown go on when there is nothing left to wait for.
func (l *Loop) noteEmpty() {
	if l.stopping && len(l.open)+l.epollOpen == 0 && !l.emptied {
		l.emptied = true
		close(l.empty)
	}
}

func (l *Loop) isStopped() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// hasEnded reports whether the loop is stopped and has nothing left to run: what Post took is run, and what arises meanwhile.
// Goroutines of sockets may post until they have ended.
func (l *Loop) hasEnded() bool {
	l.mu.Lock()
	ended := l.stopped && l.working == 0
	l.mu.Unlock()
	return ended && !l.hasWork()
}

// addGoroutine counts a goroutine of a socket, which calls removeGoroutine when it ends.
func (l *Loop) addGoroutine() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.countGoroutine()
}

// countGoroutine is addGoroutine with mu held.
func (l *Loop) countGoroutine() {
	l.working++
	l.goroutines.Add(1)
}

func (l *Loop) removeGoroutine() {
	l.mu.Lock()
	l.working--
	stopped := l.stopped
	l.mu.Unlock()
	if stopped {
		l.wakeUp() // it may be the one that the loop waits for
	}
	l.goroutines.Done()
}
