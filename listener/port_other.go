//go:build !linux

package listener

import (
	"context"
	"net"
)

// openPort opens the port. On this system it has one socket, and the kernel's buffers their usual sizes.
func openPort(ctx context.Context, addr string, _, _ int) ([]*net.TCPListener, error) {
	// KeepAlive: the pings of package socket find out who is gone, and sooner.
	config := net.ListenConfig{KeepAlive: -1}
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return []*net.TCPListener{l.(*net.TCPListener)}, nil
}
