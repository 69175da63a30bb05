package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"scenecast"
	"scenecast/language"
)

// Error is what the server has said: a call or a handshake that it refused, a close frame, or the answer to a change of labels.
type Error struct {
	Status  int                 // of an HTTP response; 0: it came otherwise
	Code    scenecast.CloseCode // of a close frame; 0: it came otherwise
	Kind    string              // what kind of problem it is, for programs: docs/api.md#errors
	Detail  string              // for people, in the language of Backend.Language
	Where   string              // which part of what was sent, as in to.column 7
	Setting string              // which setting of the server decides

	RetryAfter time.Duration // after which to come back, where the server says so
	Mistakes   []string      // of a configuration that was to be reloaded, each with its place
}

// Kinds of problems, Error.Kind; docs/api.md#errors says which status each has.
const (
	KindInvalid              = "invalid"               // what was sent is wrong: Detail and Where say what
	KindLimitExceeded        = "limit_exceeded"        // it is more than a setting allows
	KindUnauthorized         = "unauthorized"          // the key or the token is missing, or wrong
	KindForbidden            = "forbidden"             // the key or the token does not allow it
	KindNotFound             = "not_found"             // there is no such thing, or the key does not reach it
	KindConflict             = "conflict"              // the idempotency key was used with another body
	KindTooLarge             = "too_large"             // the body, or the message for an outbox
	KindTooMany              = "too_many"              // a rate or a limit is reached for now
	KindInvalidConfiguration = "invalid_configuration" // what a reload has read: Mistakes has each
	KindInternal             = "internal"              // the server's log says more
	KindUnavailable          = "unavailable"           // not now, and nothing was done
	KindUncertain            = "uncertain"             // it was begun, and how it ended is not known
)

// Error returns what is wrong with its place and the setting that decides. Detail is in the language of Backend.Language, the rest in English.
func (e *Error) Error() string { return e.In(language.English) }

// In returns what Error does, with what stands around Detail in another language. Detail stays as the server has written it.
func (e *Error) In(tag language.Tag) string {
	switch {
	case e.Code != 0:
		return language.Textf("the server closed with code %d: %s", e.Code, e.Detail).In(tag)
	case e.Detail == "":
		return language.Textf("the server answered %d %s", e.Status, http.StatusText(e.Status)).In(tag)
	}
	text := e.Detail
	if e.Where != "" {
		text = e.Where + ": " + text
	}
	if e.Setting != "" {
		text += language.Textf(" (the server's setting: %s)", e.Setting).In(tag)
	}
	return text
}

// Final reports whether a page that gets this error would be refused again if it came back: by a close code (docs/protocol.md#close-codes) or
// by an HTTP status below 500, except 408, 425 and 429.
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

// problem is a problem document (RFC 9457) as the API has it.
type problem struct {
	Status                       int
	Kind, Detail, Where, Setting string
	Mistakes                     []string
}

func readProblem(text []byte) (p problem, err error) { return p, json.Unmarshal(text, &p) }

func (p *problem) error(status int) *Error {
	return &Error{Status: status, Kind: p.Kind, Detail: p.Detail, Where: p.Where, Setting: p.Setting, Mistakes: p.Mistakes}
}

// responseError is the error for a response that refuses, whose body is a problem document where it comes from Scenecast
// itself.
func responseError(r *http.Response) *Error {
	e := &Error{Status: r.StatusCode}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxProblem))
	if err == nil {
		if p, err := readProblem(body); err == nil {
			e = p.error(r.StatusCode)
		}
	}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}
