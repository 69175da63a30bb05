package listener

import (
	"sync"
	"time"
)

// deadline is one that can be moved while somebody waits for it.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	moved   int           // how often
	passed  bool          // the channel is closed
	channel chan struct{} // closed when the deadline passes; replaced when it is moved after that
}

// wait is closed when the deadline has passed.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.channel
}

// set moves the deadline; the zero time is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.passed {
		d.passed, d.channel = false, make(chan struct{})
	}
	d.moved++
	if t.IsZero() {
		return
	}
	moved := d.moved
	d.timer = time.AfterFunc(time.Until(t), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if moved == d.moved { // otherwise it was stopped too late
			d.passed = true
			close(d.channel)
		}
	})
}
