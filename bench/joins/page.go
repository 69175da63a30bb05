package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// page is a place among the pages: one connection after the other.
type page struct {
	crowd  *crowd
	number int
	joins  int

	mu      sync.Mutex // guards what is below, and writes
	conn    net.Conn   // nil: it is on its way
	leaving bool
}

// live is one visit after the other, until ctx ends. first is told when the first one has begun, or why it has not.
func (p *page) live(ctx context.Context, first func(error)) {
	told := sync.OnceFunc(func() { first(nil) })
	for ctx.Err() == nil {
		err := p.visit(ctx, told)
		if p.joins == 0 {
			first(err)
			return
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		p.crowd.lost.Add(1)
		p.crowd.why.Store(&err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// visit connects, reads until the connection ends, and returns nil if the page itself has left.
func (p *page) visit(ctx context.Context, welcomed func()) error {
	conn, in, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	err = p.read(conn, in, welcomed)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn = nil
	if p.leaving {
		p.leaving = false
		return nil
	}
	return err
}

// sources is how many addresses of loopback pages connect from: connections that have ended hold their ports for a minute.
const sources = 16

func (p *page) connect(ctx context.Context) (net.Conn, *bufio.Reader, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	labels := url.Values{
		"token": {p.crowd.token}, keyPage: {pageNames[p.number%len(pageNames)]},
		keyGroup: {groupOf(p.number)}, keyOrder: {strconv.Itoa(p.number)},
	}
	dial := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+p.number%sources))}}
	dialer := ws.Dialer{Protocols: []string{"scenecast.v1"}, ReadBufferSize: 1 << 10, NetDial: dial.DialContext}
	conn, in, _, err := dialer.Dial(ctx, "ws://"+p.crowd.url.Host+"/v1/connect?"+labels.Encode())
	if err != nil {
		return nil, nil, err
	}
	if in == nil {
		in = bufio.NewReaderSize(conn, 1<<10)
	}
	return conn, in, nil
}

var (
	welcomeHead = []byte(`{"type":"welcome",`)
	pushHead    = []byte(`{"type":"push",`)
	number      = []byte(`,"data":{"n":`) // the message is the last member of the push
)

func (p *page) read(conn net.Conn, in *bufio.Reader, welcomed func()) error {
	var buffer [4 << 10]byte
	for {
		h, err := ws.ReadHeader(in)
		if err != nil {
			return err
		}
		if h.Length > int64(len(buffer)) {
			return fmt.Errorf("a frame of %d bytes", h.Length)
		}
		payload := buffer[:h.Length]
		if _, err := io.ReadFull(in, payload); err != nil {
			return err
		}
		switch {
		case h.OpCode == ws.OpPing:
			if err := p.write(conn, ws.NewPongFrame(bytes.Clone(payload))); err != nil {
				return err
			}
		case h.OpCode == ws.OpClose:
			return fmt.Errorf("the server closes the page: %.200q", payload)
		case bytes.HasPrefix(payload, welcomeHead):
			p.joins++
			p.crowd.joined.Add(1)
			p.here(conn)
			welcomed()
		case bytes.HasPrefix(payload, pushHead):
			_, text, _ := bytes.Cut(payload, number)
			n, err := strconv.Atoi(string(bytes.TrimSuffix(text, []byte("}}"))))
			if err != nil {
				return fmt.Errorf("a push that nobody has sent: %.200q", payload)
			}
			p.crowd.got(p.number, n)
		default:
			return errors.New("a message that is no push: " + string(payload))
		}
	}
}

// here notes that the page is connected, and may leave.
func (p *page) here(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn = conn
}

// leave has the page close its connection as a browser does, and reports whether it was there.
func (p *page) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil || p.leaving {
		return false
	}
	p.leaving = true
	_ = ws.WriteFrame(p.conn, ws.MaskFrameInPlace(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, ""))))
	_ = p.conn.Close()
	return true
}

func (p *page) write(conn net.Conn, frame ws.Frame) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ws.WriteFrame(conn, ws.MaskFrameInPlace(frame))
}
