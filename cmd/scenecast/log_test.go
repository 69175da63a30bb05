package main_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// logging is a server with a log that the test reads, or does not.
type logging struct {
	t   *testing.T
	cmd *exec.Cmd
	log *os.File // the read end
	url string
}

// launchLogging launches a server, or the demo, and reads its log until it listens.
func launchLogging(t *testing.T, args []string) *logging {
	t.Helper()
	l := &logging{t: t, cmd: command(t, nil, append(slices.Clone(args), "--listen", "127.0.0.1:0", "--log-level", "debug")...)}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	l.log, l.cmd.Stderr = read, write
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() { _ = l.cmd.Process.Kill() })
	l.url = "http://" + line(t, bufio.NewReader(read), `msg=listening addr=(\S+)`)
	return l
}

// get makes calls with a long path each, which is logged.
func (l *logging) get(calls int) {
	l.t.Helper()
	for n := range calls {
		response, err := http.Get(fmt.Sprintf("%s/%d/%s", l.url, n, strings.Repeat("x", 8<<10)))
		if err != nil {
			l.t.Fatalf("call %d: %v", n, errors.Unwrap(err)) // without the URL
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}

// end sends SIGTERM and waits for a clean end.
func (l *logging) end() {
	l.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		l.t.Fatal(err)
	}
	if err := l.cmd.Wait(); err != nil {
		l.t.Errorf("%v ended with %v", l.cmd.Args, err)
	}
}

var longRunning = [][]string{{"serve", "--client-token", "page-token", "--api-key", "backend-key"}, {"demo"}}

// TestLogReaderGone: a server whose log nobody reads any more goes on, and ends as it should.
func TestLogReaderGone(t *testing.T) {
	for _, args := range longRunning {
		l := launchLogging(t, args)
		_ = l.log.Close()
		l.get(10)
		l.end()
	}
}

// TestLogReaderStalled: one whose log is not read goes on, ends as it should, and tells in the log how much of it was lost.
func TestLogReaderStalled(t *testing.T) {
	for _, args := range longRunning {
		l := launchLogging(t, args)
		l.get(500) // 4 MiB: more than the pipe and the queue hold
		l.end()

		l = launchLogging(t, args)
		l.get(500)
		lines := bufio.NewReader(l.log)
		line(t, lines, `level=WARN msg="log lines were lost, because their reader was too slow or gone" lines=(\d+)$`)
		go func() { _, _ = io.Copy(io.Discard, lines) }()
		l.get(10)
		l.end()
	}
}

// TestHangup: SIGHUP has the configuration read anew, and everything goes on.
func TestHangup(t *testing.T) {
	for _, args := range longRunning {
		d := launch(t, nil, append(slices.Clone(args), "--listen", "127.0.0.1:0", "--log-level", "info")...)
		line(t, d.stderr, `msg=listening`)
		want := `level=INFO msg="configuration reloaded" applied=none need_restart=none pages_closed=0$`
		if args[0] == "demo" {
			want = `level=WARN msg="SIGHUP: the demo reads no configuration, so nothing has changed"$`
		}
		for range 2 {
			if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			line(t, d.stderr, want)
		}
		d.terminate()
	}
}

// TestHangupUnderNohup: where the signal is ignored, it stays so.
func TestHangupUnderNohup(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	cmd := command(t, nil, "demo", "--listen", "127.0.0.1:0", "--log-level", "info")
	cmd.Args = append([]string{"sh", "-c", `trap '' HUP && exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = shell
	d := follow(t, cmd)
	line(t, d.stderr, `msg=listening`)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(d.stderr); strings.Contains(string(rest), "SIGHUP") || !strings.Contains(string(rest), "stopped") {
		t.Errorf("the log goes on\n%s", rest)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
