package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	// answerTimeout bounds one HTTP call.
	answerTimeout = 30 * time.Second

	// staleAfter is when a connection is not used again: the server may be about to close it.
	staleAfter = 2 * time.Second

	maxAnswer = 64 << 10
)

// publisher is a backend. It writes each call at once on a kept connection of its own, by the goroutine that makes it: calls
// made at a time reach the server a few microseconds apart, which http.Client's goroutines do not manage.
type publisher struct {
	address netip.AddrPort
	host    string
	tls     *tls.Config  // nil: none
	idle    chan *outlet // connections that are kept
}

// outlet is a connection to the server's HTTP API.
type outlet struct {
	net.Conn
	in   *bufio.Reader
	used time.Time
}

// newPublisher makes a backend that keeps as many connections as it makes calls at a time.
func newPublisher(o *Options, address netip.AddrPort, calls int) *publisher {
	p := &publisher{address: address, host: o.URL.Host, idle: make(chan *outlet, calls)}
	if o.URL.Scheme == "https" {
		p.tls = security(o)
	}
	return p
}

// push publishes a message.
func (p *publisher) push(ctx context.Context, d Dialect, to Audience, message []byte) (Answer, error) {
	status, body, err := p.call(ctx, d.Push(to, message))
	if err != nil {
		return Answer{}, fmt.Errorf("push: %w", err)
	}
	a, err := d.Answer(status, body)
	if err != nil {
		return Answer{}, fmt.Errorf("push: %w", err)
	}
	return a, nil
}

// call makes an HTTP call. It is not repeated when it fails: who knows what has become of it.
func (p *publisher) call(ctx context.Context, c Call) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	o, err := p.outlet(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer context.AfterFunc(ctx, func() { o.Close() })()
	defer func() {
		if err != nil {
			o.Close()
			err = errors.Join(context.Cause(ctx), err)
		}
	}()
	if _, err := o.Write(p.request(c)); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(o.in, nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, err
	}
	if response.Close || len(body) == maxAnswer {
		o.Close()
		return response.StatusCode, body, nil
	}
	o.used = time.Now()
	select {
	case p.idle <- o:
	default:
		o.Close()
	}
	return response.StatusCode, body, nil
}

func (p *publisher) request(c Call) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", c.Path, p.host, len(c.Body))
	for _, line := range c.Header {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(c.Body)
	return b.Bytes()
}

// outlet is a connection that is kept, or a new one.
func (p *publisher) outlet(ctx context.Context) (*outlet, error) {
	for {
		select {
		case o := <-p.idle:
			if time.Since(o.used) < staleAfter {
				return o, nil
			}
			o.Close()
		default:
			c, err := connect(ctx, p.address, netip.Addr{}, p.tls)
			if err != nil {
				return nil, err
			}
			return &outlet{Conn: c, in: bufio.NewReader(c)}, nil
		}
	}
}

func (p *publisher) close() {
	for {
		select {
		case o := <-p.idle:
			o.Close()
		default:
			return
		}
	}
}
