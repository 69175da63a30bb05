// Package problem is the one form in which Scenecast tells a client that its input cannot be taken: a kind for
// machines, words for humans in their language, the place, and the setting that decides. Every package above it returns *Problem for bad
// input; the edges (api, protocols, command line) print it in their own form. An error that is not a *Problem is the
// server's own fault: clients see "internal error" and the log sees the cause.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"scenecast/language"
)

// Kind is the stable, machine-readable name of what went wrong. It is part of the API: kinds are added, never renamed.
type Kind string

// The kinds, each with the HTTP status that it is answered with.
const (
	Invalid              Kind = "invalid"               // 400: the input is not what is asked for
	LimitExceeded        Kind = "limit_exceeded"        // 400: well-formed, and more than a limit allows
	Unauthorized         Kind = "unauthorized"          // 401: no credential, or one that is not known
	Forbidden            Kind = "forbidden"             // 403: a known credential that may not do this
	NotFound             Kind = "not_found"             // 404: no such thing
	MethodNotAllowed     Kind = "method_not_allowed"    // 405: the path exists, not with this method
	Timeout              Kind = "timeout"               // 408: the client was too slow
	Conflict             Kind = "conflict"              // 409: at odds with what was done before
	TooLarge             Kind = "too_large"             // 413: the body, or what is made of it, is over a limit
	UnsupportedMedia     Kind = "unsupported_media"     // 415: the body's Content-Type cannot be read
	InvalidConfiguration Kind = "invalid_configuration" // 422: the request is right; the configuration that it has the server read is not
	UpgradeRequired      Kind = "upgrade_required"      // 426: another WebSocket version
	TooMany              Kind = "too_many"              // 429: as many are there as may be; others may leave
	Internal             Kind = "internal"              // 500: the server's fault
	Unavailable          Kind = "unavailable"           // 503: not now, and nothing was done; try again
	Uncertain            Kind = "uncertain"             // 504: it was begun, and how it ended is not known; try again with the same key
	InsufficientStorage  Kind = "insufficient_storage"  // 507: there is no room to keep it; nothing was done
)

var statuses = map[Kind]int{
	Invalid:              http.StatusBadRequest,
	LimitExceeded:        http.StatusBadRequest,
	Unauthorized:         http.StatusUnauthorized,
	Forbidden:            http.StatusForbidden,
	NotFound:             http.StatusNotFound,
	MethodNotAllowed:     http.StatusMethodNotAllowed,
	Timeout:              http.StatusRequestTimeout,
	Conflict:             http.StatusConflict,
	TooLarge:             http.StatusRequestEntityTooLarge,
	UnsupportedMedia:     http.StatusUnsupportedMediaType,
	InvalidConfiguration: http.StatusUnprocessableEntity,
	UpgradeRequired:      http.StatusUpgradeRequired,
	TooMany:              http.StatusTooManyRequests,
	Internal:             http.StatusInternalServerError,
	Unavailable:          http.StatusServiceUnavailable,
	Uncertain:            http.StatusGatewayTimeout,
	InsufficientStorage:  http.StatusInsufficientStorage,
}

// RetryAfter is the header Retry-After (RFC 9110, 10.2.3) of what is Unavailable, in seconds: about as long as an engine takes to find
// a new leader.
const RetryAfter = "1"

// Status is the HTTP status that the kind is answered with; 500 for one that is not in the list.
func (k Kind) Status() int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Title is what the status of the kind is called: http.StatusText, and its translations.
func (k Kind) Title() language.Text { return language.Phrase(http.StatusText(k.Status())) }

// Problem is an error that its receiver can act upon. Values are not changed after they were made.
type Problem struct {
	Kind    Kind
	Detail  string // what is wrong and what is expected, for a human, in English, without secrets
	Where   string // the field, parameter or place in the input; may be empty
	Setting string // the configuration key that decides, where one does; may be empty

	Retry    time.Duration // of TooMany: when it is worth trying again; 0: that is not known
	Mistakes []error       // where more than one thing may be wrong: each of them, with its place; may be nil

	text language.Text // Detail in every language; zero for a problem that another process has told of
}

// New makes a problem of a kind, with its detail formatted as by fmt.Sprintf. The catalogue of package language has the format in the
// other languages, and the problem keeps the arguments for them: they are not to change later, which a []byte might.
func New(kind Kind, format string, args ...any) *Problem {
	if len(args) == 0 && strings.IndexByte(format, '%') < 0 {
		return &Problem{Kind: kind, Detail: format, text: language.Phrase(format)}
	}
	// Most problems have few arguments, which are kept beside them: one allocation for both.
	p := new(struct {
		Problem
		few [2]any
	})
	p.Kind, p.Detail = kind, fmt.Sprintf(format, args...)
	p.text = language.Textf(format, append(p.few[:0], args...)...)
	return &p.Problem
}

// Text is the detail, in every language.
func (p *Problem) Text() language.Text {
	if p.text.IsZero() {
		return language.Phrase(p.Detail)
	}
	return p.text
}

// DetailIn is the detail in a language.
func (p *Problem) DetailIn(tag language.Tag) string {
	if tag == language.English {
		return p.Detail
	}
	return p.Text().In(tag)
}

// At returns a copy that says where in the input the problem lies. Places nest: a problem at `page` of something that is
// itself found at `to` is at `to.page`.
func (p *Problem) At(where string) *Problem {
	c := *p
	if c.Where != "" && where != "" {
		where += "." + c.Where
	}
	if where != "" {
		c.Where = where
	}
	return &c
}

// RetryIn returns a copy that says when it is worth trying again.
func (p *Problem) RetryIn(d time.Duration) *Problem {
	c := *p
	c.Retry = d
	return &c
}

// RetryHeader is the value of the header Retry-After (RFC 9110, 10.2.3), in whole seconds; empty: there is none.
func (p *Problem) RetryHeader() string {
	switch {
	case p.Kind == Unavailable:
		return RetryAfter
	case p.Retry > 0:
		return strconv.Itoa(int((p.Retry + time.Second - 1) / time.Second))
	default:
		return ""
	}
}

// DecidedBy returns a copy that names the setting that decides.
func (p *Problem) DecidedBy(setting string) *Problem {
	c := *p
	c.Setting = setting
	return &c
}

// Error prints the place, the detail and the setting on one line, in English.
func (p *Problem) Error() string { return p.In(language.English) }

// In prints what Error does, in a language. The place and the setting are names, the same in all of them.
func (p *Problem) In(tag language.Tag) string {
	var b strings.Builder
	if p.Where != "" {
		b.WriteString(p.Where + ": ")
	}
	b.WriteString(p.DetailIn(tag))
	if p.Setting != "" {
		b.WriteString(language.Textf(" (setting: %s)", p.Setting).In(tag))
	}
	return b.String()
}

// Message is the problem as a message, which prints what In does.
func (p *Problem) Message() language.Message {
	m := language.Message{Args: []language.Message{p.Text().Message()}}
	if p.Where != "" {
		m.Text = p.Where + ": "
	}
	if p.Setting != "" {
		m.Args = append(m.Args, language.Textf(" (setting: %s)", p.Setting).Message())
	}
	return m
}

// Of finds the problem in an error chain. An error without one becomes Internal with nothing of its text in it, because
// that text is for the log; of nil it is nil.
func Of(err error) *Problem {
	if err == nil {
		return nil
	}
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return New(Internal, "internal error")
}

// At places a problem as (*Problem).At does, and leaves any other error as it is.
func At(err error, where string) error {
	var p *Problem
	if errors.As(err, &p) {
		return p.At(where)
	}
	return err
}
