package socket

import "time"

// What background tasks may take of a round: so many calls, and no further one once they have taken so long together.
const (
	backgroundCalls = 64
	backgroundTime  = time.Millisecond
)

// PostBackground has the owner run long work in slices: it calls the task again and again, until it returns false, behind
// what has happened on sockets and what was posted, and in turn with other background tasks, for at most a millisecond per
// round of the loop. So a slice should take 100 µs at most. Any goroutine may call it. False means that the loop has stopped
// and the task will not run; otherwise it is run to its end, even if the loop is stopped meanwhile.
func (l *Loop) PostBackground(task func() (more bool)) bool {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return false
	}
	l.background = append(l.background, task)
	l.mu.Unlock()
	l.wakeUp()
	return true
}

// runBackground runs slices until this round's share is used up, there are none left, or what they have sent must be written.
func (l *Loop) runBackground(p pace) {
	var begun time.Time
	for calls := 0; calls < backgroundCalls && !p.full(); calls++ {
		task := l.nextBackground()
		if task == nil {
			return
		}
		if calls == 0 {
			begun = time.Now()
		}
		if task() {
			l.mu.Lock()
			l.background = append(l.background, task)
			l.mu.Unlock()
		}
		l.reportEndings()
		if time.Since(begun) > backgroundTime {
			return
		}
	}
}

// nextBackground takes the task whose turn it is; nil: there is none.
func (l *Loop) nextBackground() func() (more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.background) == 0 {
		return nil
	}
	task := l.background[0]
	l.background[0] = nil
	l.background = l.background[1:]
	return task
}
