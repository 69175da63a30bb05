package problem_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"scenecast/problem"
)

func TestOfBody(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind problem.Kind // empty: no problem of the body's
		text string
	}{
		{&http.MaxBytesError{Limit: 7}, problem.TooLarge, "the body is over 7 bytes (setting: http.max_body)"},
		{fmt.Errorf("form: %w", &http.MaxBytesError{Limit: 7}), problem.TooLarge, "the body is over 7 bytes (setting: http.max_body)"},
		{fmt.Errorf("read: %w", os.ErrDeadlineExceeded), problem.Timeout, "the body did not come in time (setting: http.body_timeout)"},
		{fmt.Errorf("read: %w", problem.New(problem.Unavailable, "going")), problem.Unavailable, "going"},
		{io.ErrUnexpectedEOF, "", ""},
		{errors.New("other"), "", ""},
		{nil, "", ""},
	} {
		p := problem.OfBody(c.err)
		if p == nil != (c.kind == "") || p != nil && (p.Kind != c.kind || p.Error() != c.text) {
			t.Errorf("%v: %v, want %s %s", c.err, p, c.kind, c.text)
		}
	}
}
