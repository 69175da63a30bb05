package socket

// Post implements hub.Loop.
func (l *Loop) Post(task func()) bool {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return false
	}
	l.addTask(task)
	l.mu.Unlock()
	l.wakeUp()
	return true
}

// post is Post for the owner and for goroutines of sockets, which a stopped loop waits for.
func (l *Loop) post(task func()) {
	l.mu.Lock()
	l.addTask(task)
	l.mu.Unlock()
	l.wakeUp()
}

// addTask, with mu held, adds a task to those that the owner has not taken up.
func (l *Loop) addTask(task func()) {
	if len(l.tasks) == 0 {
		l.posted = l.elapsed()
	}
	l.tasks = append(l.tasks, task)
}

// postAll posts tasks in order.
func (l *Loop) postAll(tasks []func()) {
	for _, task := range tasks {
		l.Post(task)
	}
}

// hasWork reports whether there are tasks to run, or endings to report.
func (l *Loop) hasWork() bool {
	if l.ran < len(l.running) || l.endings.queued.Load() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tasks)+len(l.background) > 0
}

// pace bounds what tasks may do in a round. The zero value does not.
type pace struct {
	isFull func() bool // what they have sent must be written first
	isLate func() bool // they have had their time
}

func (p pace) full() bool { return p.isFull != nil && p.isFull() }
func (p pace) late() bool { return p.isLate != nil && p.isLate() }

// runRound runs what was posted, and slices of background tasks.
func (l *Loop) runRound(p pace) {
	l.runTasks(p)
	l.runBackground(p)
}

// runTasks runs tasks in the order in which they were posted: those at hand, or if there are none, those posted since.
func (l *Loop) runTasks(p pace) {
	if l.ran == len(l.running) {
		l.mu.Lock()
		l.running, l.tasks = l.tasks, l.running[:0]
		posted := l.posted
		l.mu.Unlock()
		l.ran = 0
		if len(l.running) > 0 {
			l.waits.Observe(l.elapsed() - posted)
		}
	}
	l.reportEndings()
	for l.ran < len(l.running) && !p.full() {
		task := l.running[l.ran]
		l.running[l.ran] = nil
		l.ran++
		task()
		l.reportEndings()
		if p.late() {
			return
		}
	}
}
