package accesslog

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
)

// fileMode are the permissions of a file that is made: addresses of people are in it.
const fileMode = 0o640

// file is a file that lines are appended to, and that can be opened anew while somebody waits for the disk.
type file struct {
	path   string
	logger *slog.Logger
	wanted atomic.Bool // it is to be opened anew

	mu      sync.Mutex
	open    *os.File
	failing bool
}

func openFile(path string, logger *slog.Logger) (*file, error) {
	f, err := appendTo(path)
	if err != nil {
		return nil, fmt.Errorf("access_log.to: %w", err)
	}
	return &file{path: path, logger: logger, open: f}, nil
}

// appendTo opens a file, and does not wait for somebody who reads it: a FIFO that nobody reads is an error.
func appendTo(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|nonBlocking, fileMode)
	if file, statErr := os.Stat(path); err != nil && statErr == nil && file.Mode().Type() == os.ModeNamedPipe {
		err = fmt.Errorf("%w: it is a FIFO that nobody reads", err)
	}
	return f, err
}

// Write implements io.Writer, for one goroutine.
func (f *file) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reopenIfWanted()
	n, err := f.open.Write(lines)
	if err != nil && !f.failing {
		f.logger.Error("the access log cannot be written; its lines are lost until it can", "err", err)
	}
	f.failing = err != nil
	return n, err
}

// reopen opens the file anew: at once, or, while a write is under way, behind that.
func (f *file) reopen() {
	f.wanted.Store(true)
	if f.mu.TryLock() {
		f.reopenIfWanted()
		f.mu.Unlock()
	}
}

// reopenIfWanted, with mu held, goes on with the file that was open where the other one cannot be opened.
func (f *file) reopenIfWanted() {
	if !f.wanted.Swap(false) {
		return
	}
	next, err := appendTo(f.path)
	if err != nil {
		f.logger.Error("the access log cannot be opened anew, and goes on where it was", "err", err)
		return
	}
	_ = f.open.Close()
	f.open = next
}

func (f *file) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.open.Close()
}
