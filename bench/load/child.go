package load

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// endWithin is how long a child may take to end before it is killed.
const endWithin = 10 * time.Second

// Child is a process that ends with this one. It begins in a directory of its own, which is empty: no configuration file is
// found there.
type Child struct {
	PID int

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
	said  tail
}

// StartChild begins the process. heard is told each line that it says on standard error, from a goroutine; it may be nil.
func StartChild(cmd *exec.Cmd, heard func(line []byte)) (*Child, error) {
	dir, err := os.MkdirTemp("", "scenecast-bench")
	if err != nil {
		return nil, err
	}
	cmd.Dir, cmd.SysProcAttr = dir, childAttributes()
	c := &Child{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go c.live(started, heard)
	if err := <-started; err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	c.PID = cmd.Process.Pid
	return c, nil
}

// live is the process's life. It has a thread of its own, because childAttributes may tie the child to that.
func (c *Child) live(started chan<- error, heard func(line []byte)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.ended)
	log, err := c.cmd.StderrPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	started <- err
	if err != nil {
		return
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		c.said.add(lines.Bytes())
		if heard != nil {
			heard(lines.Bytes())
		}
	}
	_, _ = io.Copy(io.Discard, log) // a line too long
	_ = c.cmd.Wait()                // that it ended is all that matters
}

// Ended is closed when the process has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// LastWords are the last lines that the process has said.
func (c *Child) LastWords() string { return c.said.String() }

// Close ends the process, by its pid, and returns when it has ended.
func (c *Child) Close() {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = c.cmd.Process.Kill() // Windows knows no SIGTERM
	}
	select {
	case <-c.ended:
	case <-time.After(endWithin):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	_ = os.RemoveAll(c.cmd.Dir)
}

// tail is the last lines of a log. Safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) add(line []byte) {
	const most = 2 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(append(t.text, line...), '\n')
	t.text = t.text[max(0, len(t.text)-most):]
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
