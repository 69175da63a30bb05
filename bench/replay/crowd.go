package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"scenecast/bench/load"
	"scenecast/protocol/native"
)

// crowd is the pages that come back. In life they are on other machines; here they are a process of their own, which gets what
// the servers and the healthy pages leave of this one (see start). The exported fields are what that process is told.
type crowd struct {
	server    *load.Server
	message   string
	idle      bool   // it runs when nobody else wants the core
	Address   string // with the position where they were
	Missed    int
	Returning int
	Within    time.Duration
}

// newCrowd is one that has missed nothing yet.
func newCrowd(s setup, server *load.Server) *crowd {
	return &crowd{server: server, idle: s.idle, Missed: s.missed, Returning: s.returning, Within: s.within, message: strings.Repeat("x", s.size-2)}
}

// miss publishes what they are to have missed, and has one page see it.
func (c *crowd) miss(ctx context.Context) error {
	u := *c.server.URL
	u.Scheme, u.Path, u.RawQuery = "ws", "/v1/connect", "token="+c.server.Token+"&page=returning"
	witness, err := open(ctx, u.String())
	if err != nil {
		return err
	}
	defer witness.close()
	var welcome struct{ Position string }
	if err := witness.read(&welcome); err != nil {
		return err
	}
	c.Address = u.String() + "&since=" + welcome.Position
	for range c.Missed {
		if _, err := push(ctx, c.server, `{"to":{"page":"returning"},"message":"`+c.message+`"}`); err != nil {
			return err
		}
		var m struct{ Type string }
		if err := witness.read(&m); err != nil || m.Type != "push" {
			return errors.Join(err, errors.New("the pushes do not reach their pages"))
		}
	}
	return nil
}

// crowdVariable is the variable by which this program, when it runs itself once more, knows that it is a crowd, and which.
const crowdVariable = "REPLAY_CROWD"

// start has the crowd come back in a process of its own. Idle is SCHED_IDLE of sched(7).
func (c *crowd) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	which, err := json.Marshal(c)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	if c.idle {
		cmd = exec.CommandContext(ctx, "chrt", "--idle", "0", self)
	}
	cmd.Env = append(os.Environ(), crowdVariable+"="+string(which))
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pages that come back: %w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

// beCrowd makes this process a crowd, if it was started as one, and ends it.
func beCrowd() {
	which, ok := os.LookupEnv(crowdVariable)
	if !ok {
		return
	}
	var c crowd
	err := json.Unmarshal([]byte(which), &c)
	if err == nil {
		err = c.comeBack(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// comeBack has all pages come, get everything, and go.
func (c *crowd) comeBack(ctx context.Context) error {
	var pages sync.WaitGroup
	errs := make([]error, c.Returning)
	tick := time.NewTicker(max(c.Within/time.Duration(c.Returning), 1))
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
	p, err := open(ctx, c.Address)
	if err != nil {
		return err
	}
	defer p.close()
	for range c.Missed + 1 { // and the welcome
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

func open(ctx context.Context, address string) (*returning, error) {
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
