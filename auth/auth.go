// Package auth knows who may do what: pages hold tokens, which let them connect; backends hold API keys, which let them
// push, within scopes. The two are different things, because a page's token can be read by everybody who opens the page.
//
// Secrets are kept as digests and compared in constant time, so neither a log line nor the time of an answer tells them.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// find is the index of the secret, or -1. It looks at every entry however early it matches, so the time tells nothing.
// Digests have one length, so that does not tell anything either.
func find(digests []digest, secret string) int {
	given := digestOf(secret)
	found := -1
	for i := range digests {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(digests[i][:], given[:]), i, found)
	}
	return found
}

// PageTokens are the tokens that pages may show. The zero value has none and lets nobody in. Safe for concurrent use.
type PageTokens struct{ digests []digest }

// NewPageTokens makes the set of these tokens.
func NewPageTokens(tokens ...string) PageTokens {
	var t PageTokens
	for _, token := range tokens {
		t.digests = append(t.digests, digestOf(token))
	}
	return t
}

// Valid reports whether the token is one of them.
func (t PageTokens) Valid(token string) bool { return find(t.digests, token) >= 0 }

// Scope is something that an API key may do.
type Scope string

// The scopes.
const (
	Push    Scope = "push"    // push any message to any audience
	Trigger Scope = "trigger" // run named triggers
)

// Scopes are all scopes, in the order of the documentation.
var Scopes = []Scope{Push, Trigger}

// Key is an API key without its secret.
type Key struct {
	Name   string // for logs
	Scopes []Scope
}

// May reports whether the key has the scope.
func (k Key) May(s Scope) bool {
	for _, have := range k.Scopes {
		if have == s {
			return true
		}
	}
	return false
}

// Keys are the API keys that backends may show. The zero value has none. Adding is not safe for concurrent use; finding is.
type Keys struct {
	keys    []Key
	digests []digest // of the secrets, by the same index
}

// Add adds a key and its secret.
func (k *Keys) Add(key Key, secret string) {
	k.keys = append(k.keys, key)
	k.digests = append(k.digests, digestOf(secret))
}

// Find returns the key with this secret.
func (k *Keys) Find(secret string) (Key, bool) {
	i := find(k.digests, secret)
	if i < 0 {
		return Key{}, false
	}
	return k.keys[i], true
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
