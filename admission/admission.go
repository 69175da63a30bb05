// Package admission decides which pages come in, and with which labels. Every protocol's gate asks it.
package admission

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
)

// TokenParam is the query parameter that is no label.
const TokenParam = "token"

// Desk checks a page's papers. Safe for concurrent use.
type Desk struct {
	Pages auth.PageAuthenticator
	Rules func(app string) label.Rules // what labels the pages of an app may have

	Counter *Counter // of the pages that are let in; nil: nobody counts them
	Proxies Proxies  // that say where pages come from
}

// Admit reads the query of an upgrade request: the token first, then the labels, which are all other parameters. A
// *problem.Problem says why the page cannot come in. The protocol and its silence are the caller's to fill in. The page is
// counted last, when nothing else can refuse it: whoever refuses it after that gives its ticket back.
func (d *Desk) Admit(r *http.Request) (scenecast.Admission, error) {
	query, err := ParseQuery(r)
	if err != nil {
		return scenecast.Admission{}, err
	}
	token := query[TokenParam]
	if len(token) != 1 {
		token = []string{""}
	}
	page, err := d.Pages.AuthenticatePage(r.Context(), token[0])
	switch {
	case errors.Is(err, auth.ErrInvalidToken):
		return scenecast.Admission{}, problem.New(problem.Unauthorized, "the page's token is missing or wrong").
			At(TokenParam).DecidedBy("client_tokens")
	case err != nil:
		return scenecast.Admission{}, fmt.Errorf("authenticate a page: %w", err)
	}
	delete(query, TokenParam)
	rules := d.Rules(page.App)
	labels := label.FromMap(query)
	if err := rules.Limits.Check(labels.Union(page.Labels)); err != nil {
		return scenecast.Admission{}, err
	}
	if err := rules.CheckClient(label.Change(query).Keys(), page.Labels.Has); err != nil {
		return scenecast.Admission{}, err
	}
	a := scenecast.Admission{App: page.App, Labels: labels, Trusted: page.Labels}
	if d.Counter != nil {
		if a.Ticket, err = d.Counter.Enter(page.App, d.Proxies.Origin(r)); err != nil {
			return scenecast.Admission{}, err
		}
	}
	return a, nil
}

// ParseQuery is r.URL.Query(), but for what cannot be read: that is refused, not dropped. The problem does not quote the
// query, because the token is in it.
func ParseQuery(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(problem.Invalid, "the URL's query is not well-formed: key=value pairs joined by &, percent-encoded")
	}
	return query, nil
}
