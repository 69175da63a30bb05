package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// light is a page that costs its test little: a connection, and a reader of short frames.
type light struct {
	conn net.Conn
	in   *bufio.Reader
}

// welcome is what the server says first to a page of the tutorial's.
var welcome = switching + textFrame(`{"code":200,"message":"打开swoole服务成功"}`)

// dialLight connects a page with these labels, as a query, and takes its welcome. False: it was not let in.
func (r *running) dialLight(query string) (light, bool) {
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Errorf("dial: %v", err)
		return light{}, false
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, upgrade("/?token="+pageToken+"&"+query))
	p := light{conn, bufio.NewReaderSize(conn, 512)}
	got := make([]byte, len(welcome))
	if _, err := io.ReadFull(p.in, got); err != nil || string(got) != welcome {
		_ = conn.Close()
		return light{}, false
	}
	return p, true
}

// next is the payload of the next frame, which is a short one; empty when the connection has ended.
func (p light) next() string {
	head := make([]byte, 2)
	if _, err := io.ReadFull(p.in, head); err != nil {
		return ""
	}
	payload := make([]byte, head[1])
	_, _ = io.ReadFull(p.in, payload)
	return string(payload)
}

// leave ends the connection in one of several ways.
func (p light) leave(way int) {
	switch way % 4 {
	case 0: // the kernel resets it
		_ = p.conn.(*net.TCPConn).SetLinger(0)
	case 1: // in the middle of a frame
		_, _ = io.WriteString(p.conn, maskedFrame(0x81, "heartbeat")[:4])
	case 2: // with a close frame, and half closed
		_, _ = io.WriteString(p.conn, maskedFrame(0x88, "\x03\xe8"))
		_ = p.conn.(*net.TCPConn).CloseWrite()
	}
	_ = p.conn.Close()
}

// awaitScene waits until a node knows that so many connections of all nodes are in a scene. What pages, hooks and queries of the node are
// told of the scene follows from that alone: pushes, audiences and other nodes may be ahead of it.
func (r *running) awaitScene(key, value string, connections int) {
	r.t.Helper()
	awaitThat(r.t, fmt.Sprintf("the node knows of %d connections with %s=%s", connections, key, value), func() bool {
		return r.InScene(key, value) == connections
	})
}

// awaitThat waits until something holds.
func awaitThat(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("not within %v: %s", patience, what)
			return
		}
	}
}
