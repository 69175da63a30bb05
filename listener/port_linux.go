package listener

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openPort opens the port with so many listening sockets, among which the kernel spreads connections (SO_REUSEPORT, socket(7)).
func openPort(ctx context.Context, addr string, sockets, sendBuffer int) ([]*net.TCPListener, error) {
	if sockets == 1 {
		l, err := listen(ctx, addr, sendBuffer, false)
		return []*net.TCPListener{l}, err
	}
	// Sockets that share a port share it with another server's, too, and each server would get half of the connections. A socket
	// that does not share the port fails to open where another server has it. A port that the kernel chooses is no other server's, also
	// where it can be shared; closed and opened again, it could be somebody else's by then.
	if _, port, _ := net.SplitHostPort(addr); port != "0" && port != "" {
		alone, err := listen(ctx, addr, sendBuffer, false)
		if err != nil {
			return nil, err
		}
		_ = alone.Close()
	}
	var ports []*net.TCPListener
	for range sockets {
		l, err := listen(ctx, addr, sendBuffer, true)
		if err != nil {
			for _, l := range ports {
				_ = l.Close()
			}
			return nil, err
		}
		addr = l.Addr().String()
		ports = append(ports, l)
	}
	return ports, nil
}

func listen(ctx context.Context, addr string, sendBuffer int, shared bool) (*net.TCPListener, error) {
	config := net.ListenConfig{
		KeepAlive: -1, // the pings of package socket find out who is gone, and sooner
		Control: func(_, _ string, c syscall.RawConn) error {
			var err error
			controlErr := c.Control(func(fd uintptr) { err = setSocketOptions(int(fd), sendBuffer, shared) })
			if controlErr != nil {
				return controlErr
			}
			return err
		},
	}
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// userTimeout is how long a peer may leave bytes unacknowledged. Pings find a dead peer sooner, but event streams have none that is
// answered; without this, the kernel goes on trying for a quarter of an hour.
const userTimeout = time.Minute

// setSocketOptions sets what accepted connections inherit (tcp(7)), so that it costs nothing for each of them.
func setSocketOptions(fd, sendBuffer int, shared bool) error {
	options := []struct {
		level, name, value int
	}{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout / time.Millisecond)},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer}, // the kernel adds as much again for its bookkeeping (socket(7))
		{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
	}
	if !shared {
		options = options[:len(options)-1]
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("setsockopt: %w", err)
		}
	}
	return nil
}
