package config

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// unixPrefix begins a listen that names a socket in the file system.
const unixPrefix = "unix:"

// maxSocketPath is how long the path of a socket may be: 107 bytes (unix(7)), less what the server adds while it makes the socket.
const maxSocketPath = 80

// UnixSocket is the path of the socket to listen on; empty: Listen is a host:port.
func (c *Config) UnixSocket() string {
	path, ok := strings.CutPrefix(c.Listen, unixPrefix)
	if !ok {
		return ""
	}
	return path
}

// SocketPermissions are those of UnixSocket.
func (c *Config) SocketPermissions() fs.FileMode {
	mode, _ := strconv.ParseUint(c.SocketMode, 8, 32) // it has been checked
	return fs.FileMode(mode)
}

func (d *decoder) checkListen(c *Config) {
	path, isSocket := strings.CutPrefix(c.Listen, unixPrefix)
	switch {
	case !isSocket:
		d.checkPort("listen", c.Listen)
	case !filepath.IsAbs(path):
		d.wrong("listen", "%q is no path of a socket; write it as unix:/run/scenecast.sock", c.Listen)
	case len(path) > maxSocketPath:
		d.wrong("listen", "the path of a socket has at most %d bytes, and this one %d", maxSocketPath, len(path))
	}
	if mode, err := strconv.ParseUint(c.SocketMode, 8, 32); err != nil || mode > 0o777 || len(c.SocketMode) != 4 {
		d.wrong("socket_mode", "%q are no permissions; write them as 0660", c.SocketMode)
	}
}
