package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"scenecast"
	"scenecast/hook/webhook"
	"scenecast/label"
	"scenecast/problem"
)

// CallQuestion is what a page asks of the backend.
type CallQuestion struct {
	App        string           `json:"app"`
	Connection scenecast.ConnID `json:"connection"`
	Labels     label.Set        `json:"labels"`
	User       string           `json:"user,omitempty"`
	Method     string           `json:"method"`
	Data       json.RawMessage  `json:"data,omitempty"`
}

// Calls pass on what pages ask.
type Calls struct{ *Backend }

// Call asks the backend and returns its answer, which is JSON, or null where it is empty. The error is a *problem.Problem: the backend's
// own, by its status and with its reason, or that it does not answer.
func (c *Calls) Call(ctx context.Context, q CallQuestion) (json.RawMessage, error) {
	body, err := c.Ask(ctx, "call", q)
	var status *webhook.StatusError
	switch {
	case errors.As(err, &status):
		if reason := reasonOf(status); reason != "" {
			return nil, problem.New(kindOf(status.Status), "%s", reason)
		}
		return nil, problem.New(kindOf(status.Status), "the backend refuses the call")
	case err != nil:
		return nil, err
	case len(body) == 0:
		return json.RawMessage("null"), nil
	case !json.Valid(body):
		return nil, c.unusable(problem.New(problem.Unavailable, "the backend's answer is not JSON"), fmt.Errorf("%.100q", body))
	case !utf8.Valid(body):
		return nil, c.unusable(problem.New(problem.Unavailable, "the backend's answer is not JSON"), errNotUTF8)
	}
	return body, nil
}

// kindOf is the kind of a problem that a backend tells by a status from 400 to 499.
func kindOf(status int) problem.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return problem.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return problem.NotFound
	}
	return problem.Invalid
}
