package problem

import (
	"errors"
	"net/http"
	"os"
)

// The settings that decide about a request's body.
const (
	SettingMaxBody     = "http.max_body"
	SettingBodyTimeout = "http.body_timeout"
)

// OfBody says what was wrong with a body whose reading, bounded by http.MaxBytesReader, failed: too large, too slow, or what the
// server's own problem with it was. Nil: something else.
func OfBody(err error) *Problem {
	var tooLarge *http.MaxBytesError
	var own *Problem
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &tooLarge):
		return New(TooLarge, "the body is over %d bytes", tooLarge.Limit).DecidedBy(SettingMaxBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return New(Timeout, "the body did not come in time").DecidedBy(SettingBodyTimeout)
	}
	return nil
}
