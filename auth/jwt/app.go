package jwt

import (
	"errors"
	"strings"
	"time"

	jwt "github.com/golang-jwt/jwt/v5"

	"scenecast"
	"scenecast/auth"
)

// App is what an app says of the tokens of its pages.
type App struct {
	Name        string
	Keys        []Key
	KeySet      *KeySet       // further keys; nil: none
	Issuer      string        // that tokens must name (iss); empty: any, or none
	Audience    string        // that must be among those that tokens name (aud); empty: any, or none
	Leeway      time.Duration // by which clocks may differ
	MaxLifetime time.Duration // a token that ends later than in this time is refused; so it is known when one is of no use any more
	Notice      time.Duration // so long before a token ends its page is told

	fromSet   scenecast.Credential // that pages have by keys of the key set
	validator *jwt.Validator
}

// keysFor yields the keys that may have signed a token with this header, and the credential that each stands for.
func (a *App) keysFor(h header) func(yield func(Key, scenecast.Credential) bool) {
	return func(yield func(Key, scenecast.Credential) bool) {
		for _, k := range a.Keys {
			if k.fits(h) && !yield(k, k.credential) {
				return
			}
		}
		if a.KeySet == nil {
			return
		}
		for _, k := range a.KeySet.keys() {
			if k.fits(h) && !yield(k, a.fromSet) {
				return
			}
		}
	}
}

// credential is the identity of a key of the app, or of its key set: one that turns keys over goes on being the same.
func (a *App) credential(of string) scenecast.Credential {
	return scenecast.NewCredential("jwt", a.Name, a.Issuer, a.Audience, of)
}

// newValidator makes what checks the claims that have names in RFC 7519.
func (a *App) newValidator(v *Verifier) *jwt.Validator {
	options := []jwt.ParserOption{
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(a.Leeway), jwt.WithTimeFunc(func() time.Time { return v.now() }),
	}
	if a.Audience != "" {
		options = append(options, jwt.WithAudience(a.Audience))
	}
	return jwt.NewValidator(options...)
}

// check checks the claims of a token that the app's key has signed. It returns the page, and from when on the token is good.
func (a *App) check(c *claims, now time.Time) (page auth.Page, notBefore time.Time, err error) {
	r := c.registered()
	if err := a.validator.Validate(r); err != nil {
		return page, notBefore, claimError(err)
	}
	// Longer ones would outlive their revocation: they would be good again in the last part of their life.
	longest := a.MaxLifetime + a.Leeway
	if r.ExpiresAt.After(now.Add(longest)) || r.IssuedAt != nil && r.ExpiresAt.After(r.IssuedAt.Add(longest)) {
		return page, notBefore, errLifetime
	}
	labels, token, err := c.page()
	if err != nil {
		return page, notBefore, err
	}
	token.ExpiresAt, token.Notice = r.ExpiresAt.Add(a.Leeway), a.Notice
	if r.IssuedAt != nil {
		token.IssuedAt, notBefore = r.IssuedAt.Time, r.IssuedAt.Add(-a.Leeway)
	}
	if r.NotBefore != nil && r.NotBefore.Add(-a.Leeway).After(notBefore) {
		notBefore = r.NotBefore.Add(-a.Leeway)
	}
	return auth.Page{App: a.Name, Labels: labels, Token: token}, notBefore, nil
}

// claimError is what a page is told of claims that are not valid.
func claimError(err error) error {
	for _, known := range []struct{ is, told error }{
		{jwt.ErrTokenRequiredClaimMissing, nil}, // of exp or aud
		{jwt.ErrTokenExpired, errExpired},
		{jwt.ErrTokenNotValidYet, errEarly},
		{jwt.ErrTokenUsedBeforeIssued, errEarly},
		{jwt.ErrTokenInvalidAudience, errAudience},
	} {
		if !errors.Is(err, known.is) {
			continue
		}
		if known.told != nil {
			return known.told
		}
		if strings.Contains(err.Error(), "exp") {
			return errEndless
		}
		return errAudience
	}
	return auth.Invalid("has claims that are not valid")
}
