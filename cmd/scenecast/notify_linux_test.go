package main_test

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// notifySocket is what systemd gives a unit of Type=notify.
type notifySocket struct {
	t    *testing.T
	path string
	conn *net.UnixConn
}

func newNotifySocket(t *testing.T) *notifySocket {
	t.Helper()
	s := &notifySocket{t: t, path: filepath.Join(t.TempDir(), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s.conn = conn
	return s
}

// next is the next message other than those of the watchdog, which are counted.
func (s *notifySocket) next() (message string, beats int) {
	s.t.Helper()
	b := make([]byte, 4<<10)
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.t.Fatal(err)
		}
		n, err := s.conn.Read(b)
		if err != nil {
			s.t.Fatal(err)
		}
		if message = string(b[:n]); message != "WATCHDOG=1" {
			return message, beats
		}
		beats++
	}
}

func (s *notifySocket) expect(pattern string) {
	s.t.Helper()
	if got, _ := s.next(); !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(got) {
		s.t.Fatalf("systemd was told %q, want %q", got, pattern)
	}
}

// TestNotify: systemd is told when the server is ready, and by which process; that it lives; that it reloads and has; that it stops.
func TestNotify(t *testing.T) {
	systemd := newNotifySocket(t)
	server := launch(t, []string{"NOTIFY_SOCKET=" + systemd.path, "WATCHDOG_USEC=30000"}, "serve", "--listen", "127.0.0.1:0", "--log-level", "info")
	systemd.expect(fmt.Sprintf("READY=1\nMAINPID=%d", server.cmd.Process.Pid))
	line(t, server.stderr, `msg=listening addr=`)
	b := make([]byte, 100)
	for range 3 {
		n, err := systemd.conn.Read(b)
		if err != nil || string(b[:n]) != "WATCHDOG=1" {
			t.Fatalf("the watchdog was told %q, %v", b[:n], err)
		}
	}
	signal(t, server.cmd, syscall.SIGHUP)
	systemd.expect(`RELOADING=1\nMONOTONIC_USEC=[1-9]\d*\n`)
	systemd.expect("READY=1")
	signal(t, server.cmd, syscall.SIGTERM)
	systemd.expect("STOPPING=1")
	server.awaitEnd()
}

// TestNotifyWithoutWatchdog: a unit without WatchdogSec gets no beats, and one whose socket is gone is served all the same.
func TestNotifyWithoutWatchdog(t *testing.T) {
	systemd := newNotifySocket(t)
	server := launch(t, []string{"NOTIFY_SOCKET=" + systemd.path}, "serve", "--listen", "127.0.0.1:0", "--log-level", "info")
	systemd.expect(`READY=1\nMAINPID=\d+`)
	signal(t, server.cmd, syscall.SIGTERM)
	if got, beats := systemd.next(); got != "STOPPING=1" || beats > 0 {
		t.Errorf("%q after %d beats", got, beats)
	}
	server.awaitEnd()

	server = launch(t, []string{"NOTIFY_SOCKET=" + systemd.path + ".gone"}, "serve", "--listen", "127.0.0.1:0", "--log-level", "info")
	line(t, server.stderr, `level=WARN msg="systemd was not told" .*err=.*no such file`)
	server.terminate()
}
