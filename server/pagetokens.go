package server

import (
	"cmp"
	"context"
	"errors"
	"time"

	"scenecast"
	"scenecast/auth"
	"scenecast/auth/jwt"
	"scenecast/config"
	"scenecast/language"
)

// newVerifier makes the verifier of the signed tokens of all apps; nil: no app has any. Files of keys are read now. The key sets are read
// from now on, if they are not already.
func newVerifier(c config.Config, sets *jwt.KeySets) (*jwt.Verifier, error) {
	var apps []jwt.App
	for _, app := range c.Apps() {
		j := app.JWT
		if !j.IsSet() {
			continue
		}
		a := jwt.App{
			Name:        app.Name,
			Issuer:      j.Issuer,
			Audience:    j.Audience,
			Leeway:      time.Duration(j.Leeway),
			MaxLifetime: time.Duration(j.MaxLifetime),
			Notice:      time.Duration(j.ExpiryNotice),
		}
		for i, k := range j.Keys {
			key, err := k.Parse()
			if err != nil {
				return nil, language.Errorf("app %s: jwt.keys[%d]: %w", app.Name, i, err)
			}
			a.Keys = append(a.Keys, key)
		}
		apps = append(apps, a)
	}
	if len(apps) == 0 {
		return nil, nil
	}
	for i := range apps { // nothing is read for a configuration with a mistake
		if url := string(c.App(apps[i].Name).JWT.JWKSURL); url != "" {
			apps[i].KeySet = sets.Get(url)
		}
	}
	v := jwt.New(apps)
	sets.Count(v)
	return v, nil
}

// authenticators are asked in turn, until one knows the token, or cannot tell.
type authenticators []auth.PageAuthenticator

// AuthenticatePage implements auth.PageAuthenticator. Of several that do not know the token, the one that says why has the word.
func (a authenticators) AuthenticatePage(ctx context.Context, token string) (auth.Page, error) {
	failed := auth.ErrInvalidToken
	for _, one := range a {
		page, err := one.AuthenticatePage(ctx, token)
		if !errors.Is(err, auth.ErrInvalidToken) {
			return page, err
		}
		if failed == auth.ErrInvalidToken { //nolint:errorlint // it is the plain one that is replaced
			failed = err
		}
	}
	return auth.Page{}, failed
}

// ofProgram is the program's own authenticator, which may wait.
type ofProgram struct{ auth.PageAuthenticator }

// AuthenticatePage implements auth.PageAuthenticator. A page that names no app is one of the default app.
func (p ofProgram) AuthenticatePage(ctx context.Context, token string) (auth.Page, error) {
	if scenecast.IsOnLoop(ctx) {
		return auth.Page{}, scenecast.ErrDeferred
	}
	page, err := p.PageAuthenticator.AuthenticatePage(ctx, token)
	page.App = cmp.Or(page.App, scenecast.DefaultApp)
	return page, err
}
