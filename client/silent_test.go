package client

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// TestSilentServer: a server that answers pings keeps its page; one from which nothing comes loses it.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page, server := net.Pipe()
		begun := time.Now()
		answered := make(chan time.Duration)
		go func() {
			if _, err := (ws.Upgrader{Protocol: func(p []byte) bool { return string(p) == Subprotocol }}).Upgrade(server); err != nil {
				t.Error(err)
			}
			_ = wsutil.WriteServerText(server, []byte(`{"type":"welcome","id":"1.1","position":"a-1"}`))
			for range 3 {
				text, err := wsutil.ReadClientText(server)
				if err != nil || string(text) != `{"type":"ping"}`+"\n" {
					t.Errorf("the server got %s, %v", text, err)
				}
				_ = wsutil.WriteServerText(server, []byte(`{"type":"pong","position":"a-7"}`))
			}
			answered <- time.Since(begun)
			for { // from now on it reads, and says nothing
				if _, err := wsutil.ReadClientText(server); err != nil {
					return
				}
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		lost := make(chan error, 1)
		p, err := NewPage(PageOptions{
			URL:    "http://localhost",
			Dial:   func(context.Context, string, string) (net.Conn, error) { return page, nil },
			OnLost: func(err error, _ time.Duration) { lost <- err; cancel() },
		})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx, func(Push) error { return nil }) }()
		if took := <-answered; took != 3*pingInterval {
			t.Errorf("three pings took %v", took)
		}
		if err := <-lost; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the page is lost by %v", err)
		}
		if took := time.Since(begun); took != 3*pingInterval+pingInterval+pongWait {
			t.Errorf("the page is lost after %v", took)
		}
		<-ended
		if got := p.Position().String(); got != "a-7" {
			t.Errorf("the page is at %s, want where the pong has it", got)
		}
	})
}
