package listener

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"scenecast/language"
)

// unixSocket is a listening socket in the file system.
type unixSocket struct {
	*net.UnixListener
	path string
	file fs.FileInfo // what is at the path while it is this socket
}

// openUnixSocket makes a socket with these permissions. It takes the place of one that nobody listens on any more, as a server that was
// killed leaves it behind; anything else that is there is an error.
//
// The socket is made in a directory that nobody else can open, and moved to its path when it has its permissions: so at no time others can
// connect, and the path is never without a socket.
func openUnixSocket(ctx context.Context, path string, mode fs.FileMode) (*unixSocket, error) {
	if err := checkStale(ctx, path); err != nil {
		return nil, err
	}
	return makeUnixSocket(ctx, path, mode)
}

// ReplaceUnixSocket makes a listening socket at a path, in the place of whatever is there, with these permissions. remove removes the path, unless
// something else is there by then.
func ReplaceUnixSocket(ctx context.Context, path string, mode fs.FileMode) (l *net.UnixListener, remove func(), err error) {
	s, err := makeUnixSocket(ctx, path, mode)
	if err != nil {
		return nil, nil, err
	}
	return s.UnixListener, s.remove, nil
}

func makeUnixSocket(ctx context.Context, path string, mode fs.FileMode) (*unixSocket, error) {
	private, err := os.MkdirTemp(filepath.Dir(path), ".scenecast-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	made := filepath.Join(private, "s")
	l, err := new(net.ListenConfig).Listen(ctx, "unix", made)
	if err != nil {
		return nil, err
	}
	s := &unixSocket{UnixListener: l.(*net.UnixListener), path: path}
	s.SetUnlinkOnClose(false) // the path is removed by remove
	if err = os.Chmod(made, mode); err == nil {
		if s.file, err = os.Lstat(made); err == nil {
			err = os.Rename(made, path)
		}
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return s, nil
}

// staleWithin bounds the question whether somebody listens.
const staleWithin = time.Second

// checkStale returns nil where there is nothing, or a socket that nobody listens on.
func checkStale(ctx context.Context, path string) error {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case file.Mode().Type() != fs.ModeSocket:
		return language.Errorf("%s is there, and is no socket; remove it, or listen elsewhere", path)
	}
	dialer := net.Dialer{Timeout: staleWithin}
	c, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close()
		return language.Errorf("%s is taken: another server listens on it", path)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return language.Errorf("%s is there, and it cannot be told whether somebody listens on it: %w", path, err)
}

// remove removes the path, if the socket is still what is there: another server may have taken its place.
func (s *unixSocket) remove() {
	if s == nil || s.path == "" {
		return
	}
	if file, err := os.Lstat(s.path); err == nil && os.SameFile(file, s.file) {
		_ = os.Remove(s.path)
	}
}
