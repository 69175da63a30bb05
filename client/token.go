package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// tokenTimeout bounds a call of TokenFunc.
const tokenTimeout = 20 * time.Second

// tokenError is why a page has no token: no refusal of the server's, whatever it wraps.
type tokenError struct{ cause error }

func (e *tokenError) Error() string { return fmt.Sprintf("the page's token: %v", e.cause) }

// token is what the page shows at the next connection.
func (p *Page) token(ctx context.Context) (string, error) {
	if p.options.TokenFunc == nil {
		return p.options.Token, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	token, err := p.options.TokenFunc(ctx)
	switch {
	case errors.Is(err, ErrNoToken):
		return "", ErrNoToken
	case err != nil:
		return "", &tokenError{err}
	}
	return token, nil
}

// renew has the connection get another token before that which it has ends. It returns when the server has taken one, or when ctx, which is
// the connection's, has ended. If none can be had in time, the server closes the connection, and Run comes back with the next one.
func (p *Page) renew(ctx context.Context, c *conn, left time.Duration, end context.CancelCauseFunc) {
	var wait time.Duration
	if half := left / 2; half > 0 {
		wait = rand.N(half) // each page at another moment
	}
	for failures := 0; ; failures++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		token, err := p.token(ctx)
		if errors.Is(err, ErrNoToken) {
			end(err)
			return
		}
		if err == nil && p.replaceToken(ctx, c, token) == nil {
			return
		}
		wait = min(Backoff(failures, nil), left/8) // several attempts while there is time
	}
}

// replaceToken sends a token and waits for its answer.
func (p *Page) replaceToken(ctx context.Context, c *conn, token string) error {
	r := newRequest("token", map[string]any{"token": token})
	p.mu.Lock()
	if p.conn != c {
		p.mu.Unlock()
		return errLost
	}
	p.ask(r)
	p.mu.Unlock()
	select {
	case a := <-r.ended:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// expires has a token that ends be replaced, where the page can have another.
func (p *Page) expires(c *conn, left time.Duration) {
	if p.options.TokenFunc == nil {
		return
	}
	if c.renewal != nil {
		c.renewal()
	}
	ctx, cancel := context.WithCancel(c.context)
	c.renewal = cancel
	c.renewals.Go(func() {
		defer cancel()
		p.renew(ctx, c, left, c.end)
	})
}
