package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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

// TestNotifyOfHandovers: systemd is told that a handover is a reload, and which process is the main one then: by that, and by the one before,
// whose end may come first. Where a handover fails, the reload is over, and nothing else has changed.
func TestNotifyOfHandovers(t *testing.T) {
	t.Parallel()
	systemd := newNotifySocket(t)
	r := newRelay(t)
	file := filepath.Join(r.dir, "scenecast.yaml")
	settings := "client_tokens: [" + fleetToken + "]\napi_keys: [{name: test, key: " + fleetKey + "}]\nhandover: " + filepath.Join(r.dir, "h.sock") + "\n"
	configure := func(listen string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(settings+"listen: "+listen+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := strings.TrimPrefix(r.url, "http://")
	configure(port)
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.Env = []string{"HOME=" + r.dir, "NOTIFY_SOCKET=" + systemd.path, "SCENECAST_DRAIN=20s"}
	cmd.Stderr = r.log.File
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := &process{cmd, make(chan error, 1)}
	go func() { first.ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	systemd.expect(fmt.Sprintf("READY=1\nMAINPID=%d", cmd.Process.Pid))
	const reloading = `RELOADING=1\nMONOTONIC_USEC=[1-9]\d*\n`
	r.awaitLog("another process can take over", 1)

	configure("127.0.0.1:1")
	signal(t, cmd, syscall.SIGUSR2)
	systemd.expect(reloading)
	systemd.expect("READY=1")
	r.awaitLog("a handover keeps the port; restart instead", 1)

	configure(port)
	signal(t, cmd, syscall.SIGUSR2)
	systemd.expect(reloading)
	told := map[string]bool{}
	for range 2 { // in any order
		message, _ := systemd.next()
		told[message] = true
	}
	r.awaitLog("a new process was started", 2)
	for _, want := range []string{fmt.Sprintf("MAINPID=%d", r.started()), fmt.Sprintf("READY=1\nMAINPID=%d", r.started())} {
		if !told[want] {
			t.Errorf("systemd was told %v, want %q", told, want)
		}
	}
	if err := first.await(t); err != nil {
		t.Errorf("the process before ends by %v", err)
	}
	if pid := r.started(); syscall.Kill(pid, syscall.SIGTERM) != nil {
		t.Error("the new process has ended")
	}
	systemd.expect("STOPPING=1")
	r.awaitLog("msg=stopped", 2)
}

// TestReloadWithoutHandover: what systemd calls to reload the unit has a server that hands over to nobody read its configuration anew, and fails
// where that has mistakes, or where there is no such process, before anything is done.
func TestReloadWithoutHandover(t *testing.T) {
	t.Parallel()
	systemd := newNotifySocket(t)
	file := filepath.Join(t.TempDir(), "scenecast.yaml")
	configure := func(more string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\nclient_tokens: [token-of-pages]\napi_keys: [{name: test, key: key-of-a-backend}]\n"+more), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("")
	env := []string{"NOTIFY_SOCKET=" + systemd.path}
	server := launch(t, env, "serve", "--config", file)
	systemd.expect(`READY=1\nMAINPID=\d+`)
	pid := fmt.Sprint(server.cmd.Process.Pid)
	reload := func(want string, status int, args ...string) {
		t.Helper()
		out, errs, code := run(t, "", env, append([]string{"handover", "--config", file}, args...)...)
		if code != status || !strings.Contains(out+errs, want) {
			t.Errorf("exit %d, %s%s; want %d and %q", code, out, errs, status, want)
		}
	}
	over := func() {
		t.Helper()
		const reloading = `RELOADING=1\nMONOTONIC_USEC=[1-9]\d*\n`
		systemd.expect(reloading) // of the command
		systemd.expect(reloading) // of the server
		systemd.expect("READY=1")
	}
	reload("process "+pid+" reads its configuration anew", 0, "--else-reload", pid)
	over()
	line(t, server.stderr, `msg="configuration reloaded" applied=none`)
	configure("handover: " + filepath.Join(filepath.Dir(file), "h.sock") + "\n")
	reload("process "+pid+" reads its configuration anew", 0, "--else-reload", pid)
	over()
	line(t, server.stderr, `msg="configuration reloaded" applied=none need_restart=handover`)
	reload("no server listens there", 1)
	configure("nonsense: true\n")
	reload("nonsense", 1, "--else-reload", pid)
	configure("")
	reload("the setting handover is empty", 1)
	reload("process 999999999", 1, "--else-reload", "999999999")
	signal(t, server.cmd, syscall.SIGTERM)
	systemd.expect("STOPPING=1") // and nothing in between
	server.awaitEnd()
}
