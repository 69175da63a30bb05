// Package admission decides which pages may connect, and with which labels. Every protocol's admitter asks it.
package admission

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/language"
	"scenecast/problem"
)

// MaxPageID bounds a page's ID, in bytes. It is of letters, digits, '_' and '-'.
const MaxPageID = 64

// Authenticator knows pages by their tokens and checks what they connect with. Safe for concurrent use.
type Authenticator struct {
	Pages auth.PageAuthenticator
	Rules func(app string) label.Rules // what labels the pages of an app may have

	// PresenceKey reports whether an app declares a label key whose values are scenes that pages may watch. Nil: none does.
	PresenceKey func(app, key string) bool

	Decider Decider // nil: no backend is asked about pages

	Quota     *Quota     // of the pages that are admitted; nil: nobody counts them
	Addresses *Addresses // where pages come from; nil: nobody counts
	// TokenRefused is told of each wrong token that a connected page sends, and of the page's address; the zero value: it is not known.
	// Nil: nobody wants to know.
	TokenRefused func(from netip.Addr, p *problem.Problem)
	Proxies      func() Proxies // that say where pages come from, now; nil: none do
	TokenCookie  func() string  // the name of a cookie that may carry a page's token, now; nil, or an empty name: none may
}

// Decider asks backends about pages before they are let in. Safe for concurrent use.
type Decider interface {
	// Decides reports whether the backend of an app is asked about its pages.
	Decides(app string) bool
	// Decide returns the page with what its backend says of it, or a *problem.Problem; it may wait, unless it is asked on a loop
	// (scenecast.OnLoop). A page without a token has its app alone.
	Decide(r *http.Request, page auth.Page, hasToken bool, params ConnectParams) (auth.Page, error)
}

// Admit authenticates a request and then reads its query, so that a wrong token costs no more than the search for it. A
// *problem.Problem says why the page is refused. The protocol and its idle policy are the caller's to fill in. The form
// says what the query may have besides.
func (a *Authenticator) Admit(r *http.Request, form QueryForm) (scenecast.Admission, error) {
	if a.Addresses != nil {
		if err := a.Addresses.Connect(a.origin(r)); err != nil {
			return scenecast.Admission{}, err
		}
	}
	token, err := a.token(r)
	if err != nil {
		return scenecast.Admission{}, err
	}
	page, err := auth.Page{App: scenecast.DefaultApp}, error(nil)
	hasToken := token != "" || a.Decider == nil || !a.Decider.Decides(page.App) // otherwise the page's cookie may do, for the backend
	if hasToken {
		page, err = a.Authenticate(r.Context(), token)
	}
	if err != nil {
		return scenecast.Admission{}, err
	}
	params, err := ParseConnectParams(r.URL.RawQuery, a.Rules(page.App).Limits.Count, form)
	if err != nil {
		return scenecast.Admission{}, err
	}
	if a.Decider != nil && a.Decider.Decides(page.App) {
		if page, err = a.Decider.Decide(r, page, hasToken, params); err != nil {
			return scenecast.Admission{}, err
		}
	}
	return a.Accept(r, page, params)
}

// AdmitPage admits a page that is known without a token, and has nothing of its own in its query. The errors are those of Admit.
func (a *Authenticator) AdmitPage(r *http.Request, page auth.Page) (scenecast.Admission, error) {
	if a.Addresses != nil {
		if err := a.Addresses.Connect(a.origin(r)); err != nil {
			return scenecast.Admission{}, err
		}
	}
	return a.Accept(r, page, ConnectParams{})
}

// Authenticate returns what the token says of a page. The error is a *problem.Problem where the page is to blame.
func (a *Authenticator) Authenticate(ctx context.Context, token string) (auth.Page, error) {
	page, err := a.Pages.AuthenticatePage(ctx, token)
	var invalid *auth.InvalidToken
	switch {
	case errors.As(err, &invalid):
		return auth.Page{}, problem.New(problem.Unauthorized, "the page's token %s", language.Phrase(invalid.Why)).At(TokenParam).DecidedBy("jwt")
	case errors.Is(err, auth.ErrInvalidToken):
		return auth.Page{}, problem.New(problem.Unauthorized, "the page's token is missing or wrong").
			At(TokenParam).DecidedBy("client_tokens")
	case err != nil:
		return auth.Page{}, fmt.Errorf("authenticate a page: %w", err)
	}
	return page, nil
}

// Accept checks what an authenticated page connects with, and counts it. The page is counted last, when nothing else can refuse it:
// whoever refuses it after that releases its lease.
func (a *Authenticator) Accept(r *http.Request, page auth.Page, params ConnectParams) (accepted scenecast.Admission, err error) {
	for _, key := range page.Backend.Labels.Keys() { // it knows what the page, or its token, says
		none := label.Change{key: nil}
		params.Labels, page.Labels = params.Labels.Apply(none), page.Labels.Apply(none)
	}
	rules := a.Rules(page.App).OfToken(page.Token.MaySet).OfToken(page.Backend.MaySet)
	if err := rules.Limits.Check(params.Labels.Union(page.Labels, page.Backend.Labels)); err != nil {
		return accepted, err
	}
	if err := rules.CheckClient(params.Labels.Keys(), page.Labels.Has); err != nil {
		return accepted, err
	}
	if !validPageID(params.PageID) {
		return accepted, problem.New(problem.Invalid, "an ID of at most %d letters, digits, '_' or '-'", MaxPageID).At(PageIDParam)
	}
	accepted = scenecast.Admission{
		App: page.App, Labels: params.Labels, Trusted: page.Labels, Token: page.Token, Backend: page.Backend, PageID: params.PageID, Watch: params.Watch,
	}
	if params.Since != "" {
		accepted.Resume = ResumeAfter(params.Since)
	}
	accepted.From = a.origin(r)
	if a.Quota != nil {
		if accepted.Lease, err = a.Quota.Acquire(page.App, accepted.From); err != nil {
			return scenecast.Admission{}, err
		}
	}
	return accepted, nil
}

// SettingPresence decides which keys have presence.
const SettingPresence = "presence"

// CheckWatch returns a problem where a page may not watch a key: the app does not declare it, or the page has no label with it, so that
// it is in none of its scenes.
func (a *Authenticator) CheckWatch(app, key string, has bool) error {
	switch {
	case a.PresenceKey == nil || !a.PresenceKey(app, key):
		return problem.New(problem.NotFound, "%.64q is no key whose presence can be watched", key).DecidedBy(SettingPresence)
	case !has:
		return problem.New(problem.Invalid, "a page sees who is in its own scenes, and this one has no label %s", key)
	}
	return nil
}

// origin is the address that a page comes from.
func (a *Authenticator) origin(r *http.Request) netip.Addr {
	var proxies Proxies
	if a.Proxies != nil {
		proxies = a.Proxies()
	}
	return proxies.Origin(r)
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
