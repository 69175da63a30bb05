package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"scenecast"
)

// Error is what the server has said: a call or a handshake that it refused, a close frame, or the answer to a change of labels.
type Error struct {
	Status  int                 // of an HTTP response; 0: it came otherwise
	Code    scenecast.CloseCode // of a close frame; 0: it came otherwise
	Kind    string              // what kind of problem it is, for programs: docs/api.md#errors
	Detail  string              // for people
	Where   string              // which part of what was sent, as in to.column 7
	Setting string              // which setting of the server decides
}

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.Code != 0:
		return fmt.Sprintf("the server closed with code %d: %s", e.Code, e.Detail)
	case e.Detail == "":
		return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	}
	text := e.Detail
	if e.Where != "" {
		text = e.Where + ": " + text
	}
	if e.Setting != "" {
		text += " (the server's setting: " + e.Setting + ")"
	}
	return text
}

// Final reports whether a page that gets this error would come back in vain.
func (e *Error) Final() bool {
	switch e.Code {
	case 0:
		switch e.Status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return false
		}
		return e.Status < http.StatusInternalServerError
	case scenecast.CloseNormal, scenecast.CloseBadMessage, scenecast.CloseUnauthorized, scenecast.CloseForbidden:
		return true
	}
	return false
}

// isFinal reports whether coming back would be in vain.
func isFinal(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Final()
}

// maxProblem bounds the body of a refusal.
const maxProblem = 64 << 10

// responseError is the error for a response that refuses, whose body is a problem document where it comes from Scenecast
// itself (RFC 9457).
func responseError(r *http.Response) *Error {
	e := &Error{Status: r.StatusCode}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxProblem))
	var p struct{ Kind, Detail, Where, Setting string }
	if err == nil && json.Unmarshal(body, &p) == nil {
		e.Kind, e.Detail, e.Where, e.Setting = p.Kind, p.Detail, p.Where, p.Setting
	}
	return e
}
