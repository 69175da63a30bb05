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

// The query parameters that are no labels.
const (
	TokenParam  = "token"
	SinceParam  = "since"   // the position behind which a page that comes back goes on
	PageIDParam = "page_id" // an ID that the page keeps over reconnects
)

// MaxPageID bounds a page's ID, in bytes. It is of letters, digits, '_' and '-'.
const MaxPageID = 64

// Authenticator checks a page's ConnectParams. Safe for concurrent use.
type Authenticator struct {
	Pages auth.PageAuthenticator
	Rules func(app string) label.Rules // what labels the pages of an app may have

	Quota   *Quota  // of the pages that are let in; nil: nobody counts them
	Proxies Proxies // that say where pages come from
}

// Admit reads the query of an upgrade request: the token first, then the labels, which are all other parameters. A
// *problem.Problem says why the page cannot come in. The protocol and its silence are the caller's to fill in. The page is
// counted last, when nothing else can refuse it: whoever refuses it after that gives its lease back.
func (d *Authenticator) Admit(r *http.Request) (a scenecast.Admission, err error) {
	ConnectParams, err := readConnectParams(r.URL.RawQuery)
	if err != nil {
		return a, err
	}
	page, err := d.Pages.AuthenticatePage(r.Context(), ConnectParams.token)
	switch {
	case errors.Is(err, auth.ErrInvalidToken):
		return a, problem.New(problem.Unauthorized, "the page's token is missing or wrong").
			At(TokenParam).DecidedBy("client_tokens")
	case err != nil:
		return a, fmt.Errorf("authenticate a page: %w", err)
	}
	rules := d.Rules(page.App)
	if err := rules.Limits.Check(ConnectParams.labels.Union(page.Labels)); err != nil {
		return a, err
	}
	if err := rules.CheckClient(ConnectParams.labels.Keys(), page.Labels.Has); err != nil {
		return a, err
	}
	if !validPageID(ConnectParams.pageID) {
		return a, problem.New(problem.Invalid, "an ID of at most %d letters, digits, '_' or '-'", MaxPageID).At(PageIDParam)
	}
	a = scenecast.Admission{App: page.App, Labels: ConnectParams.labels, Trusted: page.Labels, PageID: ConnectParams.pageID}
	if ConnectParams.since != "" {
		a.Resume = ResumeAfter(ConnectParams.since)
	}
	if d.Quota != nil {
		if a.Lease, err = d.Quota.Acquire(page.App, d.Proxies.Origin(r)); err != nil {
			return scenecast.Admission{}, err
		}
	}
	return a, nil
}

// ResumeAfter is what a page wants that gives this as its position.
func ResumeAfter(position string) scenecast.Resume {
	after, err := scenecast.ParsePosition(position)
	return scenecast.Resume{Wanted: true, After: after, Malformed: err != nil}
}

func validPageID(id string) bool {
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return len(id) <= MaxPageID
}

// ParseQuery is r.URL.Query(), but for what cannot be read: that is refused, not dropped. The problem does not quote the
// query, because the token is in it.
func ParseQuery(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errQuery()
	}
	return query, nil
}

func errQuery() error {
	return problem.New(problem.Invalid, "the URL's query is not well-formed: key=value pairs joined by &, percent-encoded")
}
