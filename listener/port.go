package listener

import (
	"context"
	"net"
	"strings"
	"syscall"
)

// unixPrefix begins an address that is a path in the file system.
const unixPrefix = "unix:"

// port is a listening socket. A loop that accepts its connections duplicates the descriptor.
type port interface {
	net.Listener
	syscall.Conn
}

// open opens the port, with so many listening sockets as loops are to accept connections; or with one.
func (s *Server) open(ctx context.Context, sockets int) error {
	if len(s.options.Inherited) > 0 {
		return s.inherit(sockets)
	}
	path, isSocket := strings.CutPrefix(s.options.Addr, unixPrefix)
	if !isSocket {
		tcp, err := openPort(ctx, s.options.Addr, sockets, s.options.SendBuffer)
		if err != nil {
			return err
		}
		for _, l := range tcp {
			s.ports = append(s.ports, l)
		}
		s.addr = tcp[0].Addr()
		return nil
	}
	socket, err := openUnixSocket(ctx, path, s.options.SocketMode)
	if err != nil {
		return err
	}
	for range sockets { // loops share the one that there is: each takes what it finds in its queue
		s.ports = append(s.ports, socket.UnixListener)
	}
	s.socket, s.addr = socket, &net.UnixAddr{Name: path, Net: "unix"}
	return nil
}
