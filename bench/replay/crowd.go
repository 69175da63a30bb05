package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"scenecast/bench/load"
	"scenecast/protocol/native"
)

// crowd is the pages that come back.
type crowd struct {
	setup
	server  *load.Server
	address string // with the position where they were
}

// newCrowd publishes what they have missed, and has one come back to see what that is in bytes.
func newCrowd(ctx context.Context, s setup, server *load.Server) (*crowd, error) {
	c := &crowd{setup: s, server: server}
	u := *server.URL
	u.Scheme, u.Path, u.RawQuery = "ws", "/v1/connect", "token="+server.Token+"&page=returning"
	first, err := c.open(ctx, u.String())
	if err != nil {
		return nil, err
	}
	defer first.close()
	var welcome struct{ Position string }
	if err := first.read(&welcome); err != nil {
		return nil, err
	}
	c.address = u.String() + "&since=" + welcome.Position
	message := strings.Repeat("x", s.size-2)
	for range s.missed {
		if _, err := push(ctx, server, `{"to":{"page":"returning"},"message":"`+message+`"}`); err != nil {
			return nil, err
		}
		var m struct{ Type string }
		if err := first.read(&m); err != nil || m.Type != "push" {
			return nil, errors.Join(err, errors.New("the pushes do not reach their pages"))
		}
	}
	return c, nil
}

// comeBack has all pages come, get everything, and go.
func (c *crowd) comeBack(ctx context.Context) error {
	var pages sync.WaitGroup
	errs := make([]error, c.returning)
	tick := time.NewTicker(max(c.within/time.Duration(c.returning), 1))
	defer tick.Stop()
	for i := range errs {
		<-tick.C
		pages.Go(func() { errs[i] = c.comeBackOnce(ctx) })
	}
	pages.Wait()
	return errors.Join(errs...)
}

// comeBackOnce reads frame heads and skips what is in them.
func (c *crowd) comeBackOnce(ctx context.Context) error {
	p, err := c.open(ctx, c.address)
	if err != nil {
		return err
	}
	defer p.close()
	for range c.missed + 1 { // and the welcome
		head, err := ws.ReadHeader(p.from)
		if err != nil {
			return err
		}
		if head.OpCode != ws.OpText {
			return fmt.Errorf("a returning page got a frame of the kind %d", head.OpCode)
		}
		if _, err := p.from.Discard(int(head.Length)); err != nil {
			return err
		}
	}
	return nil
}

// returning is a page of the crowd.
type returning struct {
	conn io.ReadWriteCloser
	from *bufio.Reader
}

func (c *crowd) open(ctx context.Context, address string) (*returning, error) {
	dialer := ws.Dialer{Timeout: time.Minute, Protocols: []string{native.Subprotocol}}
	conn, buffered, _, err := dialer.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	if buffered == nil {
		buffered = bufio.NewReaderSize(conn, 32<<10)
	}
	return &returning{conn, buffered}, nil
}

func (r *returning) close() { r.conn.Close() }

func (r *returning) read(message any) error {
	text, err := wsutil.ReadServerText(struct {
		io.Reader
		io.Writer
	}{r.from, r.conn})
	if err != nil {
		return err
	}
	return json.Unmarshal(text, message)
}
