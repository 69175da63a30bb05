package native

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"scenecast"
	"scenecast/auth"
	"scenecast/problem"
	"scenecast/websocket"
)

// tokenTimeout is how long a token may take to be verified.
const tokenTimeout = 15 * time.Second

// errTokenPending refuses a token that comes while the one before is being verified.
var errTokenPending = problem.New(problem.TooMany, "the token before is still being verified").At("token")

// renew puts another token in the place of the page's. What takes long to verify is verified elsewhere, one token of a page at a time, and
// answered when it is known.
func (p *Protocol) renew(c scenecast.Conn, id json.RawMessage, token string) {
	from := p.authenticator.OriginOf(c.Lease()) // the lease is the page's only while it is connected
	page, err := p.authenticator.AuthenticateAgain(scenecast.OnLoop(context.Background()), from, token)
	if !errors.Is(err, scenecast.ErrDeferred) {
		p.renewed(c, id, page, err)
		return
	}
	resume, ok := c.Await(scenecast.WaitingForToken)
	if !ok {
		p.refuse(c, "token", id, errTokenPending)
		return
	}
	id = append(json.RawMessage(nil), id...) // the message is valid only during the call
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), tokenTimeout)
		defer cancel()
		page, err := p.authenticator.AuthenticateAgain(ctx, from, token)
		resume(func(c scenecast.Conn) { p.renewed(c, id, page, err) })
	}()
}

// renewed answers a token that was verified.
func (p *Protocol) renewed(c scenecast.Conn, id json.RawMessage, page auth.Page, err error) {
	if err == nil {
		err = p.authenticator.Renew(c, page)
	}
	if err != nil {
		p.refuse(c, "token", id, problem.Of(err))
		return
	}
	send(c, done{"token", id, c.Position().String()})
}

// Expiring tells a page that its token ends, and in how many seconds.
func Expiring(in time.Duration) []byte {
	return encode(struct {
		Type      string `json:"type"`
		ExpiresIn int    `json:"expires_in"`
	}{"expiring", int(in.Round(time.Second) / time.Second)})
}

func expiringFrame(in time.Duration) []byte { return websocket.TextFrame(Expiring(in)) }
