package client

import (
	"context"
	"errors"
	"net/url"

	"scenecast"
	"scenecast/label"
)

// change is a change of labels that the server has not confirmed.
type change struct {
	id      int
	labels  Labels
	carried bool       // it is in the address of the connection that is being opened
	ended   chan error // gets one
}

func (c *change) end(err error) { c.ended <- err }

// Set changes labels of the page, as when it shows another scene: each key has these values from now on, none take the key
// away, other keys stay. It returns when the server has confirmed the change, which may take until the page is connected again:
// no push that is published later reaches the old labels. So callbacks, for which Run waits, must not wait for it. The error is an *Error where the server refuses the change, ErrEnded,
// or that of ctx; then the change may still be made.
func (p *Page) Set(ctx context.Context, labels Labels) error {
	c := &change{labels: labels, ended: make(chan error, 1)}
	p.mu.Lock()
	if p.ended != nil {
		p.mu.Unlock()
		return p.ended
	}
	p.lastID++
	c.id = p.lastID
	p.changes = append(p.changes, c)
	if p.conn != nil {
		_ = p.conn.sendSet(c) // if it fails, the connection is lost, and the next one carries the change
	}
	p.mu.Unlock()
	select {
	case err := <-c.ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// target is the address of the next connection, which carries all changes.
func (p *Page) target(token string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	labels := p.labels
	for _, c := range p.changes {
		labels, c.carried = labels.Apply(label.Change(c.labels)), true
	}
	query := url.Values{paramToken: {token}, paramPageID: {p.options.PageID}}
	for l := range labels.All() {
		query.Add(l.Key, l.Value)
	}
	if p.resume.since != (scenecast.Position{}) {
		query.Set(paramSince, p.resume.since.String())
	}
	address := *p.address
	address.RawQuery = query.Encode()
	return address.String()
}

// connected has the connection for what is to be sent, confirms the changes that it carried, and sends what has come since.
func (p *Page) connected(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn = c
	waiting := p.changes
	p.changes = nil
	for _, change := range waiting {
		if change.carried {
			p.labels = p.labels.Apply(label.Change(change.labels))
			change.end(nil)
			continue
		}
		p.changes = append(p.changes, change)
		if err := c.sendSet(change); err != nil {
			return err
		}
	}
	acks := p.acks
	p.acks = nil
	for _, at := range acks {
		if err := c.sendAck(at); err != nil {
			return err
		}
	}
	p.watchAll(true)
	p.sendCalls()
	return nil
}

// disconnected keeps what is to be sent for the next connection.
func (p *Page) disconnected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn = nil
	p.endRequests()
}

// settle ends the change that the server has answered.
func (p *Page) settle(id int, refused error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.changes {
		if c.id != id {
			continue
		}
		if refused == nil {
			p.labels = p.labels.Apply(label.Change(c.labels))
		}
		p.changes = append(p.changes[:i], p.changes[i+1:]...)
		c.end(refused)
		return
	}
}

// refuseChanges ends the changes that were in the address of a connection that was refused for what the address says, and
// reports whether there were any: it may be one of them.
func (p *Page) refuseChanges(err error, welcomed bool) bool {
	var e *Error
	if welcomed || !errors.As(err, &e) || e.Code != scenecast.CloseForbidden && e.Code != scenecast.CloseBadMessage {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept []*change
	for _, c := range p.changes {
		if c.carried {
			c.end(e)
		} else {
			kept = append(kept, c)
		}
	}
	refused := len(kept) < len(p.changes)
	p.changes = kept
	return refused
}

// acknowledge sends an acknowledgement, or keeps it for the next connection.
func (p *Page) acknowledge(at scenecast.Position) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		p.acks = append(p.acks, at)
		return nil
	}
	if err := p.conn.sendAck(at); err != nil {
		p.acks = append(p.acks, at)
		return err
	}
	return nil
}
