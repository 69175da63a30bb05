//go:build unix

package accesslog

import (
	"bufio"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFIFO: nobody waits for the reader of a FIFO. Who reads one gets the lines.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{To: path, Format: FormatText, Logger: slog.New(slog.DiscardHandler)}
	if _, err := Open(o, nil, nil); err == nil || !strings.Contains(err.Error(), "a FIFO that nobody reads") {
		t.Fatalf("a FIFO that nobody reads: %v", err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Call(callOf())
	_ = reader.SetReadDeadline(time.Now().Add(time.Minute))
	if line, err := bufio.NewReader(reader).ReadString('\n'); err != nil || !strings.Contains(line, "msg=call") {
		t.Errorf("%q, %v", line, err)
	}
	_ = reader.Close()
	l.Call(callOf()) // which is lost
	l.Close(time.Minute)
	if l.Lost() != 1 {
		t.Errorf("%d lines were lost", l.Lost())
	}
}
