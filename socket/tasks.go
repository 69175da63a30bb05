package socket

// takeTasks makes what was posted the tasks at hand, unless there are some left. It reports whether there are any.
func (l *Loop) takeTasks() bool {
	if l.done < len(l.batch) {
		return true
	}
	l.mu.Lock()
	l.batch, l.tasks = l.tasks, l.batch[:0]
	l.mu.Unlock()
	l.done = 0
	return len(l.batch) > 0
}

// runTasks runs the tasks at hand until it is to pause; nil: never.
func (l *Loop) runTasks(pause func() bool) {
	for l.done < len(l.batch) && (pause == nil || !pause()) {
		task := l.batch[l.done]
		l.batch[l.done] = nil
		l.done++
		task()
	}
}

// hasTasks reports whether there is something to run.
func (l *Loop) hasTasks() bool {
	if l.done < len(l.batch) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tasks)+len(l.background) > 0
}

// hasEnded reports whether the loop is stopped and has run all of its tasks: one that Post took is one that runs. Sockets
// may have something to say until their goroutines have ended.
func (l *Loop) hasEnded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped && l.working == 0 && len(l.tasks) == 0 && l.done == len(l.batch) && len(l.background) == 0
}

// goroutineBegins counts a goroutine of a socket, which calls goroutineEnds.
func (l *Loop) goroutineBegins() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.countGoroutine()
}

// countGoroutine is goroutineBegins with mu held.
func (l *Loop) countGoroutine() {
	l.working++
	l.goroutines.Add(1)
}

func (l *Loop) goroutineEnds() {
	l.mu.Lock()
	l.working--
	stopped := l.stopped
	l.mu.Unlock()
	if stopped {
		l.wakeUp() // it may be the one that the loop waits for
	}
	l.goroutines.Done()
}

// Post implements Loop.
func (l *Loop) Post(task func()) bool {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return false
	}
	l.tasks = append(l.tasks, task)
	l.mu.Unlock()
	l.wakeUp()
	return true
}

// post is Post for the owner and for goroutines of sockets, which a stopped loop waits for.
func (l *Loop) post(task func()) {
	l.mu.Lock()
	l.tasks = append(l.tasks, task)
	l.mu.Unlock()
	l.wakeUp()
}

// postAll posts tasks in order.
func (l *Loop) postAll(tasks []func()) {
	for _, task := range tasks {
		l.Post(task)
	}
}
