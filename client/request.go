package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// request is something that the server is asked and answers over the same connection.
type request struct {
	message map[string]any
	ended   chan answer // gets one
}

type answer struct {
	data json.RawMessage
	err  error
}

func newRequest(kind string, members map[string]any) *request {
	members["type"] = kind
	return &request{members, make(chan answer, 1)}
}

// maxCalls is how many calls a page may have under way, by the protocol.
const maxCalls = 8

// maxMethod bounds the name of a call, in bytes.
const maxMethod = 128

// errLost is how a request ends whose connection is lost.
var errLost = &Error{
	Kind: KindUncertain, Detail: "the connection was lost before the answer came; the server may have got what was asked",
}

// Call asks the app's backend something, through the server (docs/hooks.md#call): method is a name of 1 to 128 bytes, data is encoded
// by package json, and the backend's answer is decoded into answer, unless that is nil. It waits for the page to be connected, and for its
// turn where 8 calls are under way. Callbacks, for which Run waits, must not wait for it.
//
// The error is an *Error for what the backend has refused or not answered, and of the kind KindUncertain where the connection is lost
// meanwhile; otherwise ErrEnded or that of ctx: then the backend may still get the call.
func (p *Page) Call(ctx context.Context, method string, data, answer any) error {
	if len(method) == 0 || len(method) > maxMethod {
		return fmt.Errorf("a method has 1 to %d bytes, and %.20q has %d", maxMethod, method, len(method))
	}
	members := map[string]any{"method": method}
	if data != nil {
		raw, err := json.Marshal(asJSON(data))
		if err != nil {
			return err
		}
		members["data"] = json.RawMessage(raw)
	}
	r := newRequest("call", members)
	p.mu.Lock()
	if p.ended != nil {
		p.mu.Unlock()
		return p.ended
	}
	p.calls = append(p.calls, r)
	p.sendCalls()
	p.mu.Unlock()
	select {
	case a := <-r.ended:
		if a.err != nil || answer == nil || len(a.data) == 0 {
			return a.err
		}
		return json.Unmarshal(a.data, answer)
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls = slices.DeleteFunc(p.calls, func(waiting *request) bool { return waiting == r })
		return ctx.Err()
	}
}

// sendCalls sends the calls whose turn it is. The caller holds mu.
func (p *Page) sendCalls() {
	for p.conn != nil && len(p.calls) > 0 && p.callsUnderWay() < maxCalls {
		r := p.calls[0]
		p.calls = p.calls[1:]
		p.ask(r)
	}
}

func (p *Page) callsUnderWay() (n int) {
	for _, r := range p.requests {
		if r.message["type"] == "call" {
			n++
		}
	}
	return n
}

// ask sends a request over the present connection. The caller holds mu, and there is a connection.
func (p *Page) ask(r *request) {
	p.lastID++
	r.message["id"] = p.lastID
	if p.requests == nil {
		p.requests = make(map[int]*request)
	}
	p.requests[p.lastID] = r
	_ = p.conn.send(r.message) // if it fails, the connection is lost, and the request ends so
}

// answered ends the request that a message answers.
func (p *Page) answered(m *message) {
	var err error
	if m.Type == "error" {
		err = &Error{Kind: m.Kind, Detail: m.Detail, Where: m.Where, Setting: m.Setting}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, is := p.requests[m.number()]; is {
		delete(p.requests, m.number())
		r.ended <- answer{m.Data, err}
		p.sendCalls()
	}
}

// endRequests ends what is under way on a connection. The caller holds mu.
func (p *Page) endRequests() {
	for _, r := range p.requests {
		r.ended <- answer{err: errLost}
	}
	p.requests = nil
}

// ErrNoToken is what TokenFunc returns where the page is to have no token any more, as after a logout: Run ends with it.
var ErrNoToken = errors.New("client: the page has no token")
