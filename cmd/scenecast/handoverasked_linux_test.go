package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scenecast/handover"
)

// waitingRelay is a relay with a running process whose program, by now, waits for the file "go" before it does anything.
func waitingRelay(t *testing.T) (*relay, *process) {
	t.Helper()
	r := newRelay(t)
	program := filepath.Join(r.dir, "program")
	if err := os.Symlink(binary, program); err != nil {
		t.Fatal(err)
	}
	running := r.start(program, "")
	r.awaitLog("msg=listening", 1)
	script := fmt.Sprintf("#!/bin/sh\nwhile [ ! -e %q/go ]; do sleep 0.02; done\nexec %q \"$@\"\n", r.dir, binary)
	if err := os.WriteFile(program+".new", []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	if err := os.Rename(program+".new", program); err != nil {
		t.Fatal(err)
	}
	return r, running
}

// ask has the running process hand over by a command, and returns when that has started a process.
func (r *relay) ask() (pid int, ended func() (rest string, err error)) {
	r.t.Helper()
	command := exec.CommandContext(r.t.Context(), binary, "handover", "--handover", filepath.Join(r.dir, "h.sock"))
	command.Env = []string{"HOME=" + r.dir}
	out, in := io.Pipe()
	command.Stdout, command.Stderr = in, in
	if err := command.Start(); err != nil {
		r.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- command.Wait()
		_ = in.Close()
	}()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if _, scanErr := fmt.Sscanf(line, "process %d was started", &pid); err != nil || scanErr != nil {
		r.t.Fatalf("%q, %v", line, err)
	}
	return pid, func() (string, error) {
		rest, _ := io.ReadAll(lines)
		return string(rest), <-done
	}
}

// TestHandoverWhileOthersAsk: who has asked for a handover is told how that one went, and not how others were refused meanwhile.
func TestHandoverWhileOthersAsk(t *testing.T) {
	t.Parallel()
	r, first := waitingRelay(t)
	started, ended := r.ask()
	second := exec.Command(binary, "handover", "--handover", filepath.Join(r.dir, "h.sock"))
	second.Env = []string{"HOME=" + r.dir}
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "another handover is under way") {
		t.Errorf("the second command: %v, %s", err, out)
	}
	c, err := net.Dial("unix", filepath.Join(r.dir, "h.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(handover.AppendHead(nil, handover.KindReady, 0)); err != nil {
		t.Fatal(err)
	}
	if k, _, err := handover.ReadMessage(c); err != nil || k != handover.KindRefusal {
		t.Errorf("a message that is none is answered %d, %v", k, err)
	}
	r.awaitLog("handover: refused", 1)
	if err := os.WriteFile(filepath.Join(r.dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := ended(); err != nil || !strings.Contains(out, "A new process has taken over.") {
		t.Errorf("the first command: %v, %s", err, out)
	}
	if err := first.await(t); err != nil {
		t.Error(err)
	}
	if n := strings.Count(r.log.String(), "a new process was started"); n != 1 {
		t.Errorf("%d processes were started", n)
	}
	r.awaitLog("another process can take over", 2)
	if err := syscall.Kill(started, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	r.awaitLog("msg=stopped", 2)
}

// TestStopWhileHandingOver: a process that is stopped takes the one along that it has started, and that would otherwise find nobody, and be a
// server nobody wants.
func TestStopWhileHandingOver(t *testing.T) {
	t.Parallel()
	r, first := waitingRelay(t)
	started, ended := r.ask()
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out, err := ended(); err == nil || !strings.Contains(out, "the new one was ended") {
		t.Errorf("the command: %v, %s", err, out)
	}
	if err := first.await(t); err != nil {
		t.Error(err)
	}
	r.await("the end of the process that was started", func() bool {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", started)) // that of a process that nobody has waited for is empty
		return err != nil || len(line) == 0
	})
}
