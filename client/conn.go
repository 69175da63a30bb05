package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"scenecast"
)

const (
	dialTimeout  = 10 * time.Second
	pingInterval = 25 * time.Second // the answer says where the page stands, also if no push is for it
	pongWait     = 10 * time.Second
	writeTimeout = 10 * time.Second
	maxMessage   = 64 << 20 // from a server, whose http.max_body is 256 KiB unless somebody has set it
)

// message is one from the server.
type message struct {
	Type     string
	ID       json.RawMessage
	Position string
	Event    string
	Late     bool
	Ack      bool
	Data     json.RawMessage

	Reason                       string // of a gap
	Dropped                      int
	Kind, Detail, Where, Setting string // of an error

	ExpiresIn float64 `json:"expires_in"` // of expiring, in seconds

	Key, Value       string // of presence
	Count, Anonymous int
	Partial          bool
	Members          []Member
}

func (m *message) position() (scenecast.Position, error) {
	if m.Position == "" {
		return scenecast.Position{}, nil
	}
	return scenecast.ParsePosition(m.Position)
}

// text is the ID of a welcome.
func (m *message) text() (id string) {
	_ = json.Unmarshal(m.ID, &id)
	return id
}

// number is the ID of an answer; 0 where it is none of ours.
func (m *message) number() (id int) {
	_ = json.Unmarshal(m.ID, &id)
	return id
}

// conn is one connection to the server. Several goroutines may send; one reads.
type conn struct {
	net.Conn
	reader wsutil.Reader

	// Of Run's goroutine:
	context  context.Context         // of the connection
	end      context.CancelCauseFunc // ends it
	renewal  context.CancelFunc      // ends the renewal of the token that is under way; nil: none is
	renewals sync.WaitGroup
}

// connect runs one connection to its end; welcomed is whether the server has let it in.
func (p *Page) connect(ctx context.Context, take func(Push) error) (welcomed bool, err error) {
	token, err := p.token(ctx)
	if err != nil {
		return false, err
	}
	c, err := p.open(ctx, token)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.context, c.end = ctx, cancel
	defer p.stalePing(c).Stop()
	defer c.renewals.Wait()
	defer cancel(nil)
	defer p.disconnected()
	defer c.Close()
	defer context.AfterFunc(ctx, func() {
		c.leave()
		c.Close()
	})()
	ended := make(chan struct{})
	defer close(ended)
	go c.ping(ended)
	for {
		m, err := c.read()
		if errors.Is(context.Cause(ctx), ErrNoToken) {
			return welcomed, ErrNoToken
		}
		if err != nil {
			return welcomed, err
		}
		if err := p.receive(m, c, take); err != nil {
			return welcomed, err
		}
		welcomed = welcomed || m.Type == "welcome"
	}
}

func (p *Page) open(ctx context.Context, token string) (*conn, error) {
	var refused *Error
	dialer := ws.Dialer{
		Timeout:   dialTimeout,
		Protocols: []string{Subprotocol},
		NetDial:   p.options.Dial,
		OnStatusError: func(status int, _ []byte, response io.Reader) {
			refused = &Error{Status: status}
			if r, err := http.ReadResponse(bufio.NewReader(response), nil); err == nil {
				refused = responseError(r)
				_ = r.Body.Close()
			}
		},
	}
	netConn, buffered, handshake, err := dialer.Dial(ctx, p.target(token))
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, withoutURL(err)
	case handshake.Protocol != Subprotocol:
		_ = netConn.Close()
		return nil, &Error{Status: http.StatusSwitchingProtocols, Detail: "the server at this address does not speak " + Subprotocol}
	}
	c := &conn{Conn: netConn}
	var from io.Reader = netConn
	if buffered != nil { // what came along with the handshake is read first
		from = buffered
	}
	c.reader = wsutil.Reader{Source: from, State: ws.StateClientSide, CheckUTF8: true, MaxMessageSize: maxMessage}
	c.reader.OnIntermediate = c.control
	return c, nil
}

// withoutURL drops the address from an error of the dialer: the token is in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// control answers a control frame.
func (c *conn) control(head ws.Header, payload io.Reader) error {
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	return wsutil.ControlFrameHandler(c.Conn, ws.StateClientSide)(head, payload)
}

// read returns the next message. A close frame is an *Error.
func (c *conn) read() (m message, err error) {
	for {
		_ = c.SetReadDeadline(time.Now().Add(pingInterval + pongWait))
		head, err := c.reader.NextFrame()
		if err != nil {
			return m, err
		}
		if !head.OpCode.IsControl() {
			break
		}
		var by wsutil.ClosedError
		if err := c.control(head, &c.reader); errors.As(err, &by) {
			return m, &Error{Code: scenecast.CloseCode(by.Code), Detail: by.Reason}
		} else if err != nil {
			return m, err
		}
	}
	text, err := io.ReadAll(&c.reader)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("the server sends what is no message: %.80q", text)
	}
	return m, nil
}

// ping pings until the connection has ended.
func (c *conn) ping(ended <-chan struct{}) {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			_ = c.send(map[string]any{"type": "ping"}) // if it fails, nothing comes back
		}
	}
}

func (c *conn) sendSet(change *change) error {
	return c.send(map[string]any{"type": "set", "id": change.id, "labels": change.labels})
}

func (c *conn) sendAck(at scenecast.Position) error {
	return c.send(map[string]any{"type": "ack", "position": at.String()})
}

// leave says that the page comes back no more.
func (c *conn) leave() {
	frame := ws.MaskFrameInPlace(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, "")))
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout / 10))
	_ = ws.WriteFrame(c, frame)
}

// send writes a message in one piece, because several may write at a time.
func (c *conn) send(message any) error {
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(message); err != nil {
		return err
	}
	frame, err := ws.CompileFrame(ws.MaskFrameInPlace(ws.NewTextFrame(text.Bytes())))
	if err != nil {
		return err
	}
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err = c.Write(frame)
	return err
}
