// Package deadline has the deadlines of connections that are no sockets of the kernel.
package deadline

import (
	"sync"
	"time"
)

// Deadline is one that can be moved while somebody waits for it. Its methods may be called concurrently.
type Deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	moved   int           // how often
	passed  bool          // the channel is closed
	channel chan struct{} // closed when the deadline passes; replaced when it is moved after that
}

// New makes one that is not set.
func New() *Deadline { return &Deadline{channel: make(chan struct{})} }

// Wait is closed when the deadline has passed. Whoever has waited for it asks again after it was moved.
func (d *Deadline) Wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.channel
}

// Set moves the deadline; the zero time is none.
func (d *Deadline) Set(t time.Time) {
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
