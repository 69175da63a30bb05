// Package logqueue keeps a program's log from stopping the program: a bounded queue between those who log, who never wait,
// and the writer, which may. A reader of the log that is gone or stalled costs lines, and how many is told in the log.
package logqueue

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxBytes is how much may wait where the options do not say.
const DefaultMaxBytes = 1 << 20

// Options are what is settable about a queue.
type Options struct {
	// MaxBytes bounds the lines that wait, and as much again that is being written. Defaults to DefaultMaxBytes.
	MaxBytes int

	// Lost makes the line, or lines, that tell how many were lost; they are written in the place of those. Nil: nothing
	// tells it.
	Lost func(lines int) []byte
}

// Writer is the writer of a log; package log/slog writes one record, whole lines, at a time. Safe for concurrent use.
type Writer struct {
	to      io.Writer
	options Options
	work    chan struct{} // holds one signal while there may be something to do
	done    chan struct{} // closed when the goroutine has ended

	total atomic.Int64 // lines that were lost

	mu      sync.Mutex
	pending []byte
	lost    int // lines that came after pending, which was full
	closed  bool
}

// Open starts a queue in front of a writer. Close ends it.
func Open(to io.Writer, o Options) *Writer {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	w := &Writer{to: to, options: o, work: make(chan struct{}, 1), done: make(chan struct{})}
	go w.drain()
	return w
}

// Write puts lines into the queue, or counts them as lost where they find no room, or where the queue is closed. It never
// waits, and the error is always nil: who logs can do nothing about it.
func (w *Writer) Write(lines []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost > 0 || w.closed || len(w.pending)+len(lines) > w.options.MaxBytes {
		n := count(lines)
		w.total.Add(int64(n))
		w.lost += n // and so are those behind them, until the loss can be told in its place
	} else {
		w.pending = append(w.pending, lines...)
	}
	select {
	case w.work <- struct{}{}:
	default:
	}
	return len(lines), nil
}

// Lost is how many lines were lost so far.
func (w *Writer) Lost() int64 { return w.total.Load() }

// Close writes what waits, and gives it up after the time: a reader that has stalled must not keep a program from ending.
// It reports whether everything was written; if not, the goroutine is left to its write.
func (w *Writer) Close(within time.Duration) bool {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	select {
	case w.work <- struct{}{}:
	default:
	}
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	select {
	case <-w.done:
		return true
	case <-timeout.C:
		return false
	}
}

// drain writes what waits, all at once, until the queue is closed.
func (w *Writer) drain() {
	defer close(w.done)
	var batch []byte
	untold := 0 // lines that were lost and not told of yet
	torn := false
	for range w.work {
		w.mu.Lock()
		batch, w.pending = w.pending, batch[:0]
		untold += w.lost
		w.lost = 0
		closed := w.closed
		w.mu.Unlock()
		if torn { // what comes next begins a line of its own
			_, err := w.to.Write([]byte{'\n'})
			torn = err != nil
		}
		if n, err := w.to.Write(batch); err != nil {
			torn = torn || n > 0 && batch[n-1] != '\n'
			lost := count(batch[n:])
			w.total.Add(int64(lost))
			untold += lost
		} else if untold > 0 && w.options.Lost != nil {
			if _, err := w.to.Write(w.options.Lost(untold)); err == nil {
				untold = 0
			}
		}
		if closed {
			return
		}
	}
}

// count is how many lines these are, one that is cut included.
func count(lines []byte) int {
	n := bytes.Count(lines, []byte("\n"))
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		n++
	}
	return n
}
