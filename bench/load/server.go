package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// How long a server of one's own may take to begin, and to end before it is killed.
const (
	beginWithin = 15 * time.Second
	endWithin   = 10 * time.Second
)

// listening is the line of the log that tells where the server is.
var listening = regexp.MustCompile(`msg=listening addr=(\S+)`)

// Server is a server of one's own: a child process with secrets made up for it, on a free port of loopback.
type Server struct {
	URL        *url.URL
	Token, Key string
	PID        int

	cmd   *exec.Cmd
	dir   string        // the child's working directory, which is empty: no configuration file is found there
	ended chan struct{} // closed when the process has ended
}

// StartServer runs `binary serve`. Close ends it.
func StartServer(ctx context.Context, binary string) (*Server, error) {
	dir, err := os.MkdirTemp("", "scenecast-bench")
	if err != nil {
		return nil, err
	}
	s := &Server{Token: rand.Text(), Key: rand.Text(), dir: dir, ended: make(chan struct{})}
	s.cmd = exec.Command(binary, "serve", "--addr", "127.0.0.1:0")
	s.cmd.Dir = dir
	s.cmd.Env = s.environ(os.Environ())
	s.cmd.SysProcAttr = childAttributes()
	started, addr, said := make(chan error), make(chan string, 1), &tail{}
	go s.live(started, addr, said)
	if err := <-started; err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("a server of its own: %w", err)
	}
	s.PID = s.cmd.Process.Pid
	select {
	case a := <-addr:
		s.URL = &url.URL{Scheme: "http", Host: a}
		return s, nil
	case <-s.ended:
		err = fmt.Errorf("a server of its own did not start: %s", said)
	case <-time.After(beginWithin):
		err = fmt.Errorf("a server of its own did not start within %v", beginWithin)
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Close()
	return nil, err
}

// live is the process's life. It has a thread of its own, because childAttributes may tie the child to that.
func (s *Server) live(started chan<- error, addr chan<- string, said *tail) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.ended)
	log, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	started <- err
	if err != nil {
		return
	}
	scan(log, addr, said)
	_ = s.cmd.Wait() // that it ended is all that matters
}

// environ is the parent's environment without settings of a server, and with those of this one.
func (s *Server) environ(parent []string) []string {
	var env []string
	for _, v := range parent {
		if !strings.HasPrefix(v, "SCENECAST_") {
			env = append(env, v)
		}
	}
	return append(env,
		"SCENECAST_CLIENT_TOKENS="+s.Token,
		"SCENECAST_API_KEYS=[{name: bench, key: "+s.Key+", allow: [push]}]",
		"SCENECAST_LOG_FORMAT=text",
		"SCENECAST_LOG_LEVEL=info",
		"SCENECAST_DRAIN=1s")
}

// scan reads the log to its end, and tells the address when it comes.
func scan(log io.Reader, addr chan<- string, said *tail) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		said.add(lines.Bytes())
		if m := listening.FindSubmatch(lines.Bytes()); m != nil {
			select {
			case addr <- string(m[1]):
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, log) // a line too long
}

// tail is the last lines of a log.
type tail struct{ text []byte }

func (t *tail) add(line []byte) {
	const most = 2 << 10
	t.text = append(append(t.text, line...), '\n')
	t.text = t.text[max(0, len(t.text)-most):]
}

func (t *tail) String() string { return string(bytes.TrimSpace(t.text)) }

// Close ends the process, by its pid, and returns when it has ended.
func (s *Server) Close() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = s.cmd.Process.Kill() // Windows knows no SIGTERM
	}
	select {
	case <-s.ended:
	case <-time.After(endWithin):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	_ = os.RemoveAll(s.dir)
}
