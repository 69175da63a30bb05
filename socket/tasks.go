package socket

// Post implements hub.Loop.
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

// hasWork reports whether there are tasks to run, or endings to tell.
func (l *Loop) hasWork() bool {
	if l.ran < len(l.running) || l.endings.queued.Load() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tasks)+len(l.background) > 0
}

// runRound runs what was posted, and slices of background tasks, until it is to pause; nil: never.
func (l *Loop) runRound(pause func() bool) {
	l.runTasks(pause)
	if pause == nil || !pause() {
		l.runBackground(pause)
	}
}

// runTasks runs tasks in the order in which they were posted: those at hand, or if there are none, those posted since.
func (l *Loop) runTasks(pause func() bool) {
	if l.ran == len(l.running) {
		l.mu.Lock()
		l.running, l.tasks = l.tasks, l.running[:0]
		l.mu.Unlock()
		l.ran = 0
	}
	l.tellEndings()
	for l.ran < len(l.running) && (pause == nil || !pause()) {
		task := l.running[l.ran]
		l.running[l.ran] = nil
		l.ran++
		task()
		l.tellEndings()
	}
}
