// Package jwt knows pages by JSON Web Tokens (RFC 7519), which a backend signs and which say who the page is, what it is, and until when.
// Each app has keys of its own; a token is of the app whose key has signed it.
//
// What an attacker could try is refused in these places: another algorithm than the key's (Key.fits), none and unknown algorithms, critical
// headers and long tokens (parse), keys that are too short (ParseKey), keys that the token brings along or names by a URL (nothing reads
// them), a token without an end or with one that is too far away (claims).
package jwt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/auth"
	"scenecast/problem"
)

// How much verifiers do and keep at a time.
const (
	maxCached  = 16384 // verified tokens
	maxWaiting = 1024  // tokens that wait to be verified; and as many for a key, so that made-up key IDs keep no good token waiting
	maxChecks  = 16    // signatures that are checked for one token
)

var _ auth.PageAuthenticator = (*Verifier)(nil)

// Verifier verifies the tokens of all apps. Its methods may be called concurrently. It keeps nothing open: key sets are the caller's to
// close.
type Verifier struct {
	apps    []App
	cache   cache
	turns   chan struct{} // holds a token for each verification that takes long and is under way
	waiting atomic.Int64  // to be verified
	keyless atomic.Int64  // tokens that wait for a key
	now     func() time.Time
	counts  *counts
}

// New makes a verifier of what apps say.
func New(apps []App) *Verifier {
	v := &Verifier{
		apps:  slices.Clone(apps),
		cache: cache{size: maxCached},
		turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), // the rest is for pages that are connected
		now:   time.Now,

		counts: newCounts(),
	}
	for i := range v.apps {
		a := &v.apps[i]
		a.Keys = slices.Clone(a.Keys)
		for k := range a.Keys {
			a.Keys[k].credential = a.credential(a.Keys[k].identity)
		}
		if a.KeySet != nil {
			a.fromSet = a.credential(a.KeySet.url)
			a.KeySet.onChange(v.cache.clear)
		}
		a.validator = a.newValidator(v)
	}
	return v
}

// verified is what is known of a token that was verified.
type verified struct {
	page      auth.Page
	notBefore time.Time
}

// What is wrong with a token, as its page is told behind "the page's token".
var (
	errExpired   = auth.Invalid("has expired (exp)")
	errEarly     = auth.Invalid("is not valid yet (nbf, iat)")
	errSignature = auth.Invalid("is signed by none of the keys that it may be signed by: its algorithm, key ID (kid) and issuer decide which these are")
	errEndless   = auth.Invalid("has no end (exp)")
	errIssuer    = auth.Invalid("names another issuer (iss)")
	errAudience  = auth.Invalid("is for another audience (aud)")
	errLifetime  = auth.Invalid("ends later than jwt.max_lifetime allows (exp)")
)

// errBusy refuses what would wait behind too many others.
var errBusy = problem.New(problem.Unavailable, "more tokens of pages are being verified than the server takes on at a time")

// AuthenticatePage implements auth.PageAuthenticator. A token whose signature takes long to verify, as all but those of an HMAC do, or whose
// key has to be fetched, is deferred where a loop asks.
func (v *Verifier) AuthenticatePage(ctx context.Context, token string) (auth.Page, error) {
	began := time.Now()
	if len(token) > MaxToken {
		v.counts.note(began, false, errTooLong)
		return auth.Page{}, errTooLong
	}
	d := digest(sha256.Sum256([]byte(token)))
	if page, err := v.find(d); page != nil || err != nil {
		v.counts.note(began, true, err)
		return deref(page), err
	}
	page, err := v.authenticate(ctx, d, token)
	v.counts.note(began, false, err)
	return page, err
}

// authenticate verifies a token that is not known.
func (v *Verifier) authenticate(ctx context.Context, d digest, token string) (auth.Page, error) {
	u, err := parse(token)
	if err != nil {
		return auth.Page{}, err
	}
	if strings.HasPrefix(u.Algorithm, "HS") {
		page, err := v.verify(d, u)
		return deref(page), err
	}
	if scenecast.IsOnLoop(ctx) {
		return auth.Page{}, scenecast.ErrDeferred
	}
	page, err := v.verifyInTurn(ctx, d, u)
	if errors.Is(err, errSignature) {
		switch waited, err := v.awaitKey(ctx, u); {
		case err != nil:
			return auth.Page{}, err
		case waited:
			page, err := v.verifyInTurn(ctx, d, u)
			return deref(page), err
		}
	}
	return deref(page), err
}

// enter counts one more that waits, until it calls leave; an error says that too many do.
func enter(waiting *atomic.Int64) (leave func(), err error) {
	leave = func() { waiting.Add(-1) }
	if waiting.Add(1) > maxWaiting {
		leave()
		return nil, errBusy
	}
	return leave, nil
}

func deref(p *auth.Page) auth.Page {
	if p == nil {
		return auth.Page{}
	}
	return *p
}

// find looks for a token that was verified before. Nil: there is none.
func (v *Verifier) find(d digest) (*auth.Page, error) {
	found := v.cache.get(d)
	if found == nil {
		return nil, nil
	}
	switch now := v.now(); {
	case !now.Before(found.page.Token.ExpiresAt):
		return nil, errExpired
	case now.Before(found.notBefore):
		return nil, errEarly
	}
	return &found.page, nil
}

// verifyInTurn is verify, for a few tokens at a time.
func (v *Verifier) verifyInTurn(ctx context.Context, d digest, u *unverified) (*auth.Page, error) {
	leave, err := enter(&v.waiting)
	if err != nil {
		return nil, err
	}
	defer leave()
	select {
	case v.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-v.turns }()
	if page, err := v.find(d); page != nil || err != nil {
		return page, err // another page with the same token came first
	}
	return v.verify(d, u)
}

// verify finds the key that has signed the token, and checks the claims.
func (v *Verifier) verify(d digest, u *unverified) (*auth.Page, error) {
	generation := v.cache.now()
	var failed error // of the app that the token is most likely meant for
	checks := 0
	for i := range v.apps {
		app := &v.apps[i]
		for key, credential := range app.keysFor(u.header) {
			switch {
			case app.Issuer != "" && app.Issuer != u.Issuer:
				if failed == nil {
					failed = errIssuer
				}
				continue
			case checks == maxChecks:
				return nil, errSignature
			}
			checks++
			if u.method.Verify(u.signed, u.signature, key.value) != nil {
				if !errors.Is(failed, errAudience) {
					failed = errSignature
				}
				continue
			}
			page, notBefore, err := app.check(&u.claims, v.now())
			if err != nil {
				if errors.Is(err, errAudience) { // another app may have the same key
					failed = err
					continue
				}
				return nil, err
			}
			page.Token.Credential = credential
			v.cache.add(d, &verified{page, notBefore}, generation)
			return &page, nil
		}
	}
	return nil, cmp.Or(failed, errSignature)
}

// HasCredential reports whether a page with this credential has shown a token that one of these keys has signed.
func (v *Verifier) HasCredential(c scenecast.Credential) bool {
	return slices.ContainsFunc(v.apps, func(a App) bool {
		return a.KeySet != nil && a.fromSet == c || slices.ContainsFunc(a.Keys, func(k Key) bool { return k.credential == c })
	})
}

// awaitKey waits until the key sets are read again that may have got the token's key. False: there are none. An error says that there is no
// key to be had for now.
func (v *Verifier) awaitKey(ctx context.Context, u *unverified) (waited bool, err error) {
	for i := range v.apps {
		a := &v.apps[i]
		if a.KeySet == nil || a.Issuer != "" && a.Issuer != u.Issuer || a.KeySet.has(u.KeyID) {
			continue
		}
		leave, err := enter(&v.keyless)
		if err != nil {
			return true, err
		}
		err = a.KeySet.await(ctx)
		leave()
		if err != nil {
			return true, fmt.Errorf("keys of app %s: %w", a.Name, err)
		}
		waited = true
	}
	return waited, nil
}
