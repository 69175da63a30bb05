package link_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scenecast/handover"
	"scenecast/handover/link"
)

const stranger = 65534 // nobody

// asStranger runs a function on a thread of another user: the kernel notes who connects, and who listens, at that moment.
func asStranger(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can be somebody else")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	become := func(uid int) {
		t.Helper()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			t.Fatal(errno)
		}
	}
	become(stranger)
	defer become(0)
	do()
}

// openDir is a directory that everybody may use.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "link")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // that is what the test is about
		t.Fatal(err)
	}
	return dir
}

// TestStrangerConnects: a process of another user is refused, also where the socket's mode lets it connect.
func TestStrangerConnects(t *testing.T) {
	path := filepath.Join(openDir(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(path, 0o666); err != nil { //nolint:gosec // likewise
		t.Fatal(err)
	}
	asStranger(t, func() {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}
		if err != nil {
			t.Error(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
	})
	c, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := link.New(c); err == nil || !strings.Contains(err.Error(), "runs as user 65534, and this one as 0") {
		t.Errorf("%v", err)
	}
	if _, err := c.Write([]byte{1}); err == nil {
		t.Error("the connection is open")
	}
}

// TestStrangerListens: a socket at which a process of another user listens gets nothing.
func TestStrangerListens(t *testing.T) {
	path := filepath.Join(openDir(t), "s")
	listening := -1
	asStranger(t, func() {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
		if err == nil {
			err = unix.Listen(fd, 1)
		}
		if err != nil {
			t.Error(err)
		}
		listening = fd
	})
	defer func() { _ = unix.Close(listening) }()
	if _, err := link.Dial(path, time.Second); err == nil || !strings.Contains(err.Error(), "runs as user 65534, and this one as 0") {
		t.Errorf("%v", err)
	}
}

// pair is two ends of a connection.
func pair(t *testing.T) (a, b *link.Conn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = link.Dial(path, time.Second); err != nil {
		t.Fatal(err)
	}
	c, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	if b, err = link.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// TestDescriptorsThatNobodyTakes are closed with the connection, and a process that lives has not died.
func TestDescriptorsThatNobodyTakes(t *testing.T) {
	before := openFiles(t)
	a, b := pair(t)
	if a.PID() != os.Getpid() || b.HasDied(0) {
		t.Errorf("process %d, has died: %v", a.PID(), b.HasDied(0))
	}
	if err := a.Send(handover.KindPages, []byte("x"), 0, 1, 2); err != nil {
		t.Fatal(err)
	}
	k, payload, err := b.Receive()
	if err != nil || k != handover.KindPages || string(payload) != "x" {
		t.Fatalf("%d, %q, %v", k, payload, err)
	}
	fd, ok := b.TakeFile()
	if !ok {
		t.Fatal("no descriptor")
	}
	_ = unix.Close(fd)
	if err := a.Send(handover.KindPages, nil, make([]int, link.MaxDescriptors+1)...); err == nil {
		t.Error("more descriptors than a message can have")
	}
	a.Close()
	b.Close()
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors, before %d", after, before)
	}
}

// TestClosedWhileItReceives: a connection is closed by another goroutine than the one that receives, and no descriptor that comes
// meanwhile stays open.
func TestClosedWhileItReceives(t *testing.T) {
	before := openFiles(t)
	for range 20 {
		a, b := pair(t)
		var running sync.WaitGroup
		came := make(chan struct{})
		running.Go(func() {
			for sent := true; sent; {
				sent = a.Send(handover.KindPages, []byte("x"), 0, 1, 2) == nil
			}
		})
		running.Go(func() {
			first := sync.OnceFunc(func() { close(came) })
			for {
				if _, _, err := b.Receive(); err != nil {
					return
				}
				first()
			}
		})
		<-came
		b.Close()
		running.Wait()
		a.Close()
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors, before %d", after, before)
	}
}
