package pusher

import (
	"errors"
	"fmt"

	"scenecast"
	"scenecast/problem"
	"scenecast/websocket"
)

// The error codes of the protocol that the server gives. Clients that are closed with one below 4100 stay away, below 4200 they come back
// after a while, and below 4300 at once; those from 4300 on are told of by events and close nothing, because a client that is closed with
// one stays away for good.
const (
	codeNoApp           scenecast.CloseCode = 4001
	codeDisabled        scenecast.CloseCode = 4003
	codeOverQuota       scenecast.CloseCode = 4004
	codePathNotFound    scenecast.CloseCode = 4005
	codeVersion         scenecast.CloseCode = 4006
	codeProtocol        scenecast.CloseCode = 4007
	codeNoProtocol      scenecast.CloseCode = 4008
	codeUnauthorized    scenecast.CloseCode = 4009
	codeOverCapacity    scenecast.CloseCode = 4100
	codeReconnect       scenecast.CloseCode = 4200
	codeNoPong          scenecast.CloseCode = 4201
	codeClientEventRate scenecast.CloseCode = 4301
	codeWatchlist       scenecast.CloseCode = 4302
)

// lastCode is the last of the codes with which a client is closed and comes back.
const lastCode scenecast.CloseCode = 4299

// refusal is why a page may not connect, with the code of the protocol.
type refusal struct {
	*problem.Problem
	code scenecast.CloseCode
}

// Unwrap gives the problem to problem.Of.
func (r *refusal) Unwrap() error { return r.Problem }

func refuse(code scenecast.CloseCode, kind problem.Kind, format string, args ...any) *refusal {
	return &refusal{problem.New(kind, format, args...), code}
}

// CloseCode is the code with which a page is closed that is refused, and why; it is for listener.Endpoint.
func CloseCode(err error) (scenecast.CloseCode, string) {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r.code, r.Error()
	}
	p := problem.Of(err)
	switch p.Kind {
	case problem.Unauthorized, problem.Forbidden:
		return codeUnauthorized, p.Error()
	case problem.NotFound:
		return codeNoApp, p.Error()
	case problem.TooMany, problem.Unavailable, problem.Internal:
		return codeOverCapacity, p.Error()
	default:
		return codePathNotFound, p.Error()
	}
}

// Refusal is the message that such a page gets before; it is for listener.Endpoint.
func Refusal(err error) []byte { return websocket.TextFrame(failure(CloseCode(err))) }

// closeCodes are what the server's own close codes are for clients of this protocol, who stay away from any that is not in the table of
// Pusher.
var closeCodes = map[scenecast.CloseCode]scenecast.CloseCode{
	scenecast.CloseNormal:        codeUnauthorized, // whoever is disconnected by a backend stays away
	scenecast.CloseInternalError: codeOverCapacity,
	scenecast.CloseBadMessage:    codeOverCapacity,
	scenecast.CloseUnauthorized:  codeUnauthorized,
	scenecast.CloseForbidden:     codeUnauthorized,
	scenecast.CloseSlowConsumer:  codeOverCapacity,
	scenecast.CloseIdle:          codeNoPong,
	scenecast.CloseTooMany:       codeOverCapacity,
	scenecast.CloseShuttingDown:  codeReconnect,
}

// closeCode is the code that a client of this protocol gets. The drain closes pages spread over its time, so they may come back at once.
func closeCode(code scenecast.CloseCode) scenecast.CloseCode {
	if own, ok := closeCodes[code]; ok {
		return own
	}
	if code > lastCode {
		return codeOverCapacity
	}
	return code
}

// Types of subscription errors.
const (
	typeAuth  = "AuthError"
	typeLimit = "LimitReached"
	typeName  = "InvalidChannel"
)

// subscriptionError is why a page is not subscribed to a channel.
type subscriptionError struct {
	kind   string
	status int
	text   string
}

func authError(format string, args ...any) *subscriptionError {
	return &subscriptionError{typeAuth, problem.Unauthorized.Status(), fmt.Sprintf(format, args...)}
}

func limitError(setting, format string, args ...any) *subscriptionError {
	return &subscriptionError{typeLimit, problem.Forbidden.Status(), fmt.Sprintf(format, args...) + " (setting: " + setting + ")"}
}
