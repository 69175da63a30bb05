package native

import (
	"context"
	"encoding/json"
	"errors"

	"scenecast"
	"scenecast/problem"
)

// Backend answers what pages ask. Safe for concurrent use.
type Backend interface {
	// Calls returns a function that asks the backend of the page's app, which may wait, and is called once. The error, of either, is a
	// *problem.Problem. It is called on the connection's owner goroutine, and does not wait itself.
	Calls(c scenecast.Conn, method string, data json.RawMessage) (func(context.Context) (json.RawMessage, error), error)
}

// maxMethod bounds the name of what a page calls, in bytes.
const maxMethod = 128

// ErrNothingToCall refuses calls where nobody answers any.
var ErrNothingToCall = problem.New(problem.NotFound, "there is nothing to call here").DecidedBy("hooks.call")

// result is the answer of the backend.
type result struct {
	Type string          `json:"type"`
	ID   json.RawMessage `json:"id,omitempty"`
	Data json.RawMessage `json:"data"`
}

// call passes on what a page asks of its backend, and answers when that has.
func (p *Protocol) call(c scenecast.Conn, r request) {
	if p.backend == nil {
		p.refuse(c, "call", r.ID, ErrNothingToCall)
		return
	}
	id := append(json.RawMessage(nil), r.ID...) // the message is valid only during the call
	ask, err := p.backend.Calls(c, *r.Method, append(json.RawMessage(nil), r.Data...))
	if err != nil {
		p.refuse(c, "call", id, problem.Of(err))
		return
	}
	if !c.Allows(scenecast.ActCall) {
		p.refuse(c, "call", id, problem.New(problem.TooMany, "the page calls more often than it may").DecidedBy("limits.page_calls"))
		return
	}
	resume, ok := c.Await(scenecast.WaitingForAnswer)
	if !ok {
		p.refuse(c, "call", id, problem.New(problem.TooMany, "%d calls are under way, and a page may have no more", scenecast.MaxCalls))
		return
	}
	go func() {
		answer, err := ask(context.Background())
		resume(func(c scenecast.Conn) {
			if err != nil {
				p.refuse(c, "call", id, problem.Of(err))
				return
			}
			send(c, result{"result", id, answer})
		})
	}()
}

// checkCall says what is wrong with a call that could be read.
func (r request) checkCall() error {
	if r.Type != "call" {
		if r.Method != nil || r.Data != nil {
			return errors.New("a method and data belong to call")
		}
		return nil
	}
	if r.Method == nil || *r.Method == "" || len(*r.Method) > maxMethod {
		return errors.New("a call has a method of 1 to 128 bytes")
	}
	return nil
}
