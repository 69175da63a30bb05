// Package auth knows who may do what: pages hold tokens, which let them connect; backends hold API keys, which let them
// push, within scopes. The two are different things, because a page's token can be read by everybody who opens the page.
//
// Secrets are kept as digests and compared in constant time, so neither a log line nor the time of an answer tells them.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
)

// Digest is the SHA-256 of a secret. It does for recognizing the secret, and not for showing it.
type Digest [sha256.Size]byte

// DigestOf is a secret's digest.
func DigestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// bySecret finds values by their secrets.
type bySecret[T any] struct {
	digests []Digest // of the secrets
	values  []T      // by the same index
}

func (b *bySecret[T]) add(secret Digest, value T) {
	b.digests = append(b.digests, secret)
	b.values = append(b.values, value)
}

// find looks at every entry however early one matches, so the time tells nothing. Digests have one length, so that does
// not tell anything either.
func (b *bySecret[T]) find(secret string) (value T, ok bool) {
	given, found := DigestOf(secret), -1
	for i := range b.digests {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(b.digests[i][:], given[:]), i, found)
	}
	if found < 0 {
		return value, false
	}
	return b.values[found], true
}

// Page is what a token says of the page that shows it.
type Page struct {
	App    string    // whose page it is
	Labels label.Set // that the page has by its token, and cannot change; of a known user, scenecast.LabelUser too
	Token  scenecast.Token

	Backend scenecast.Given // what the backend says of it besides
}

// ErrInvalidToken is the error for a token that lets nobody in.
var ErrInvalidToken = errors.New("auth: invalid token")

// InvalidToken is an ErrInvalidToken that says why.
type InvalidToken struct{ Why string }

// Invalid is the error for a token that lets nobody in for this reason, which its page is told behind "the page's token".
func Invalid(why string) error { return &InvalidToken{why} }

// Error implements error.
func (e *InvalidToken) Error() string { return "auth: the token " + e.Why }

// Is has the error be an ErrInvalidToken.
func (e *InvalidToken) Is(target error) bool { return target == ErrInvalidToken }

// PageAuthenticator knows pages by their tokens. Safe for concurrent use.
type PageAuthenticator interface {
	// AuthenticatePage returns what the token says. The error is ErrInvalidToken where the page is to blame, and any other
	// where the authenticator is, as when its database is down: then the log tells it, and the page may try again. With a context of
	// scenecast.OnLoop it may be scenecast.ErrDeferred.
	AuthenticatePage(ctx context.Context, token string) (Page, error)
}

var _ PageAuthenticator = (*PageTokens)(nil)

// PageTokens are tokens that are known beforehand. The zero value has none and lets nobody in. Adding is not safe for
// concurrent use; authenticating is.
type PageTokens struct{ pages bySecret[Page] }

// Add adds a token, which gives its pages a credential.
func (t *PageTokens) Add(token string, p Page) {
	p.Token.Credential = scenecast.NewCredential("token", p.App, token)
	t.pages.add(DigestOf(token), p)
}

// HasCredential reports whether a page with this credential has shown one of these tokens.
func (t *PageTokens) HasCredential(c scenecast.Credential) bool {
	return slices.ContainsFunc(t.pages.values, func(p Page) bool { return p.Token.Credential == c })
}

// AuthenticatePage implements PageAuthenticator.
func (t *PageTokens) AuthenticatePage(_ context.Context, token string) (Page, error) {
	if p, ok := t.pages.find(token); ok {
		return p, nil
	}
	return Page{}, ErrInvalidToken
}

// Scope is something that an API key may do.
type Scope string

// The scopes.
const (
	Push    Scope = "push"    // push any message to any audience
	Trigger Scope = "trigger" // run named triggers
	Read    Scope = "read"    // see who is connected, and with which labels
	Manage  Scope = "manage"  // change labels of connections, and close them
	Admin   Scope = "admin"   // change what the server itself does
)

// AnyScope stands for whatever a key has: calls that tell it of itself need no scope by name.
const AnyScope Scope = "any"

// Scopes are all scopes, in the order of the documentation.
var Scopes = []Scope{Push, Trigger, Read, Manage, Admin}

// DefaultScopes are those of a key that is given none by name.
var DefaultScopes = []Scope{Push, Trigger, Read, Manage}

// Key is an API key without its secret. It is not changed after it was added.
type Key struct {
	App    string // whose pages it reaches
	Name   string // for logs; several secrets with one name are one key
	Scopes []Scope

	// Within confines the key: whatever it does, it does to pages of this audience, and it learns of no others. Zero: it reaches
	// all pages of its app.
	Within audience.Expr
	// Triggers are the names of those that it may run. Nil: all of its app.
	Triggers []string
	Rate     Rate
}

// Rate bounds what a key does in a second, on each node. 0: no limit.
type Rate struct {
	Pushes     int
	Deliveries int // pages that its pushes match, added up
}

// May reports whether the key has the scope.
func (k Key) May(s Scope) bool { return s == AnyScope || slices.Contains(k.Scopes, s) }

// MayTrigger reports whether the key may run the trigger of this name, if there is one.
func (k Key) MayTrigger(name string) bool {
	return k.Triggers == nil || slices.Contains(k.Triggers, name)
}

// Keys are the API keys that backends may show. The zero value has none. Adding is not safe for concurrent use; finding is.
type Keys struct{ keys bySecret[Key] }

// Add adds a key and its secret.
func (k *Keys) Add(key Key, secret string) { k.keys.add(DigestOf(secret), key) }

// AddDigest adds a key whose secret has this digest.
func (k *Keys) AddDigest(key Key, secret Digest) { k.keys.add(secret, key) }

// Find returns the key with this secret.
func (k *Keys) Find(secret string) (Key, bool) { return k.keys.find(secret) }

// KeyDigest is a key, and the digest of its secret.
type KeyDigest struct {
	Key    Key
	Digest Digest
}

// Named returns the keys of an app that have a name, one for each secret: while one is replaced, there are two.
func (k *Keys) Named(app, name string) (named []KeyDigest) {
	for i, key := range k.keys.values {
		if key.App == app && key.Name == name {
			named = append(named, KeyDigest{key, k.keys.digests[i]})
		}
	}
	return named
}

// Bearer is the credential of an `Authorization: Bearer …` header (RFC 6750, 2.1); empty where there is none.
func Bearer(r *http.Request) string {
	scheme, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(credential)
}

// NewSecret draws a random secret of 130 bits, in letters and digits.
func NewSecret() string { return rand.Text() }
