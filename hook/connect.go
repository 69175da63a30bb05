package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"

	"scenecast"
	"scenecast/auth"
	"scenecast/hook/webhook"
	"scenecast/label"
	"scenecast/problem"
)

// ConnectQuestion is what a backend is asked before a page is let in.
type ConnectQuestion struct {
	App     string              `json:"app"`
	Path    string              `json:"path"`              // of its URL, which says which wire it speaks
	Address string              `json:"address"`           // of the page, behind proxies that are trusted
	Query   map[string][]string `json:"query"`             // of its URL, without its token
	Headers map[string][]string `json:"headers"`           // those that the settings name
	Labels  label.Set           `json:"labels"`            // that the page gives itself
	Trusted label.Set           `json:"trusted"`           // those of its token
	PageID  string              `json:"page_id,omitempty"` // which the page keeps over reconnects
}

// connectAnswer is what the backend answers. An empty object lets the page in as it is.
type connectAnswer struct {
	User   string    `json:"user"`
	Labels label.Set `json:"labels"`
	MaySet *[]string `json:"may_set"` // null, or left out: what its token, or the settings, say
	Refuse string    `json:"refuse"`  // a reason, which the page gets; empty: it is let in
}

// Connect asks a backend whether a page may come in, and as what.
type Connect struct {
	*Backend
	AllowOnError bool     // a page whose token is good is let in when the backend does not answer
	Headers      []string // of a page's request that the backend gets
}

// Decide returns what the page is by the backend's answer: what it is by its token, and trusted labels besides. A page without a token has
// the zero Page but for its app. The error is a *problem.Problem.
func (c *Connect) Decide(ctx context.Context, q ConnectQuestion, page auth.Page, hasToken bool) (auth.Page, error) {
	body, err := c.Ask(ctx, "connect", q)
	var status *webhook.StatusError
	switch {
	case errors.As(err, &status) && (status.Status == http.StatusForbidden || status.Status == http.StatusUnauthorized):
		return auth.Page{}, refused(reasonOf(status))
	case errors.As(err, &status):
		err = c.unusable(problem.New(problem.Unavailable, "the backend has not decided about the page"), err)
	case err == nil:
		var answer connectAnswer
		if answer, err = parseConnectAnswer(body); err == nil {
			return answer.apply(page)
		}
		err = c.unusable(problem.New(problem.Unavailable, "the backend's answer cannot be read"), err)
	}
	if c.AllowOnError && hasToken {
		return page, nil
	}
	return auth.Page{}, err
}

func refused(reason string) error {
	p := problem.New(problem.Forbidden, "%s", reason)
	if reason == "" {
		p = problem.New(problem.Forbidden, "the backend does not let this page in")
	}
	return p.DecidedBy("hooks.connect")
}

// parseConnectAnswer reads an answer, which may be empty. A field that is not known is a mistake: left unread, it could be a misspelt refuse.
func parseConnectAnswer(body []byte) (a connectAnswer, err error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return a, nil
	}
	if !utf8.Valid(body) { // encoding/json would put something else in the place of what it cannot read
		return a, errNotUTF8
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, err
	}
	if d.More() {
		return a, errors.New("it goes on behind its JSON object")
	}
	for _, key := range a.Labels.Keys() {
		if !label.Grantable(key) {
			return a, errors.New("labels: a key is no label key, or one of the server's own")
		}
	}
	return a, nil
}

// apply is what a page is with the answer.
func (a connectAnswer) apply(page auth.Page) (auth.Page, error) {
	if a.Refuse != "" {
		return auth.Page{}, refused(a.Refuse)
	}
	page.Backend.Labels = a.Labels
	if a.User != "" {
		page.Backend.Labels = a.Labels.Union(label.New(label.Label{Key: scenecast.LabelUser, Value: a.User}))
	}
	if a.MaySet != nil {
		page.Backend.MaySet = append([]string{}, *a.MaySet...)
	}
	return page, nil
}
