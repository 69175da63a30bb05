// Package redistest runs redis-server for tests: each a process of its own on a port of 127.0.0.1 that is reserved for it, with its files
// in a directory of the test. scripts/install-test-tools installs it.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast/freeport"
)

// Server is a redis-server. Its methods are for one goroutine at a time.
type Server struct {
	Addr string // host:port; the same over restarts
	Dir  string // where its files are

	tb     testing.TB
	args   []string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has; nil: it does not run
	output bytes.Buffer  // of the process; to be read when it has ended
}

// Start starts a server and waits until it takes connections; it ends with the test. Unless the arguments say otherwise, it keeps
// nothing over restarts. They are those of redis-server, as in "--requirepass", "x"; PORT and DIR in them stand for the server's own.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return start(tb, append([]string{"--bind", "127.0.0.1", "--port", "PORT", "--dir", "DIR", "--save", "", "--appendonly", "no"}, args...))
}

func start(tb testing.TB, args []string) *Server {
	tb.Helper()
	s := &Server{Addr: freeport.For(tb, clusterBus).Addr(), Dir: tb.TempDir(), tb: tb}
	words := strings.NewReplacer("PORT", s.Port(), "DIR", s.Dir)
	for _, a := range args {
		s.args = append(s.args, words.Replace(a))
	}
	tb.Cleanup(s.Kill)
	s.Restart()
	return s
}

// patience ends a test whose servers hang; nothing is asserted about it.
const patience = 3 * time.Minute

// clusterBus is how far above its port a node of a Cluster has the one for the others.
const clusterBus = 10000

// Port is that of Addr.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// Restart starts the process, which has ended or has not begun, and waits until it answers. It need not be ready otherwise: it may be
// reading its data.
func (s *Server) Restart() {
	s.tb.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if s.ended == nil {
			s.run()
		}
		if s.answers() {
			return
		}
		select {
		case <-s.ended:
			s.ended = nil
		default:
		}
	}
	s.Kill()
	s.tb.Fatalf("redis-server does not answer at %s:\n%s", s.Addr, s.output.String())
}

func (s *Server) run() {
	s.tb.Helper()
	s.output.Reset()
	cmd, ended := exec.Command("redis-server", s.args...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	if err := cmd.Start(); err != nil {
		s.tb.Fatalf("redis-server: %v; scripts/install-test-tools installs it", err)
	}
	s.cmd, s.ended = cmd, ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
}

// answers reports whether the server answers, be it that it wants a password, or closes a connection that has no TLS. To take one is not
// enough: it does before it has all ports.
func (s *Server) answers() bool {
	c, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte("PING\r\n"))
	n, err := c.Read(make([]byte, 1))
	if n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		select {
		case <-s.ended: // that is why it has closed
			return false
		case <-time.After(20 * time.Millisecond):
			return true
		}
	}
	return n > 0
}

// URL is the server's.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Kill ends the process with SIGKILL, if it runs, and waits for that.
func (s *Server) Kill() {
	if s.ended == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	s.ended = nil
}

// Client is a client of the server for the test itself, which ends with it. The server asks for no password and no TLS. A client takes more than
// a megabyte: who asks again and again has one, or calls Do.
func (s *Server) Client() rueidis.Client {
	s.tb.Helper()
	c := s.connect()
	s.tb.Cleanup(c.Close)
	return c
}

func (s *Server) connect() rueidis.Client {
	s.tb.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, ForceSingleClient: true, DisableCache: true})
	if err != nil {
		s.tb.Fatal(err)
	}
	return c
}

// Do runs a command on a connection that is then closed, and returns its answer.
func (s *Server) Do(words ...string) rueidis.RedisMessage {
	s.tb.Helper()
	c := s.connect()
	defer c.Close()
	return Do(s.tb, c, words...)
}

// Say sends a line to the server and returns the beginning of what it answers, or nothing where it does not answer soon. Any goroutine may
// call it.
func (s *Server) Say(line string) string {
	c, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte(line + "\r\n"))
	b := make([]byte, 1024)
	n, _ := c.Read(b)
	return string(b[:n])
}

// Do runs a command, as in "HLEN", "key", and returns its answer, for which it waits while the server reads its data. In a Cluster it asks any
// node, whatever the key.
func Do(tb testing.TB, c rueidis.Client, words ...string) rueidis.RedisMessage {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for {
		answer, err := c.Do(ctx, c.B().Arbitrary(words...).Build()).ToMessage()
		if refused, is := rueidis.IsRedisErr(err); is && refused.IsLoading() && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil && !rueidis.IsRedisNil(err) {
			tb.Fatalf("%q: %v", words, err)
		}
		return answer
	}
}
