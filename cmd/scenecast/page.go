package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"scenecast"
	"scenecast/admission"
	"scenecast/protocol/native"
)

const (
	dialTimeout = 10 * time.Second
	pingEvery   = 25 * time.Second // the answer says where the page stands, also if no push is for it
	pongWait    = 10 * time.Second
	mostShown   = 2000 // messages that are remembered
)

// page listens as the page script does: it comes back to where it was, and shows nothing twice.
type page struct {
	address *url.URL
	query   url.Values
	out     io.Writer // of messages
	notes   io.Writer // of what becomes of the connection
	acks    bool

	since scenecast.Position
	shown []scenecast.Position // the last ones: one that came late may come again in its order, and the other way round
}

func newPage(address *url.URL, query url.Values) *page {
	query.Set(admission.PageIDParam, rand.Text())
	return &page{address: address, query: query}
}

// message is one from the server.
type message struct {
	Type, Reason string
	Position     string
	Late, Ack    bool
	Dropped      int
	Data         json.RawMessage
}

// connect prints messages until the connection ends; welcomed says whether it was one.
func (p *page) connect(ctx context.Context) (welcomed bool, err error) {
	if p.since != (scenecast.Position{}) {
		p.query.Set(admission.SinceParam, p.since.String())
	}
	address := *p.address
	address.RawQuery = p.query.Encode()
	dialer := ws.Dialer{Timeout: dialTimeout, Protocols: []string{native.Subprotocol}}
	conn, buffered, _, err := dialer.Dial(ctx, address.String())
	if err != nil {
		return false, withoutURL(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	ended := make(chan struct{})
	defer close(ended)
	go ping(conn, ended)
	server := struct { // what came along with the handshake is read first
		io.Reader
		io.Writer
	}{conn, conn}
	if buffered != nil {
		server.Reader = buffered
	}
	for {
		_ = conn.SetReadDeadline(time.Now().Add(pingEvery + pongWait))
		text, err := wsutil.ReadServerText(server)
		var by wsutil.ClosedError
		switch {
		case errors.As(err, &by):
			return welcomed, closed{scenecast.CloseCode(by.Code), by.Reason}
		case err != nil:
			return welcomed, err
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil {
			return welcomed, fmt.Errorf("the server sends what is no message: %.80q", text)
		}
		welcomed = welcomed || m.Type == "welcome"
		if err := p.receive(m, conn); err != nil {
			return welcomed, err
		}
	}
}

// ping pings until the connection has ended.
func ping(conn io.Writer, ended <-chan struct{}) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			_ = say(conn, `{"type":"ping"}`)
		}
	}
}

// say writes a message in one piece, because two may write at a time.
func say(conn io.Writer, text string) error {
	frame, err := ws.CompileFrame(ws.MaskFrameInPlace(ws.NewTextFrame([]byte(text))))
	if err == nil {
		_, err = conn.Write(frame)
	}
	return err
}

// receive acts on a message.
func (p *page) receive(m message, conn io.Writer) error {
	var at scenecast.Position
	if m.Position != "" {
		var err error
		if at, err = scenecast.ParsePosition(m.Position); err != nil {
			return err
		}
	}
	switch m.Type {
	case "welcome":
		fmt.Fprintf(p.notes, "connected at %s\n", m.Position)
		if p.since == (scenecast.Position{}) {
			p.since = at
		}
	case "pong":
		if p.isNew(at) {
			p.since = at
		}
	case "gap":
		if m.Dropped > 0 {
			fmt.Fprintf(p.notes, "gap: %d messages were dropped\n", m.Dropped)
			break
		}
		fmt.Fprintf(p.notes, "gap (%s): messages are missing up to %s\n", m.Reason, m.Position)
		p.since = at
	case "push":
		if p.take(at, m.Late) {
			p.print(m.Data)
		}
		if m.Ack && p.acks {
			return say(conn, `{"type":"ack","position":"`+m.Position+`"}`)
		}
	}
	return nil
}

// isNew reports whether a position is behind where the page is.
func (p *page) isNew(at scenecast.Position) bool {
	return at.Epoch != p.since.Epoch || at.Seq > p.since.Seq
}

// take reports whether a push has not been printed yet. From now on it has.
func (p *page) take(at scenecast.Position, late bool) bool {
	again := slices.Contains(p.shown, at)
	if !late {
		if !p.isNew(at) {
			return false
		}
		p.since = at
	}
	if again {
		return false
	}
	if p.shown = append(p.shown, at); len(p.shown) > mostShown {
		p.shown = p.shown[1:]
	}
	return true
}

// print prints a message on one line, whatever its form.
func (p *page) print(data json.RawMessage) {
	var line bytes.Buffer
	_ = json.Compact(&line, data) // it was decoded, so it is JSON
	fmt.Fprintf(p.out, "%s\n", &line)
}
