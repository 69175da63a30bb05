package scenecast

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Credential identifies by what a page was let in: a token of the configuration, or the key that its signed token was verified with. Two
// configurations give one credential the same identity, so that one can be asked whether it still lets in the pages of another. The
// zero value is a credential of the program's own, which no configuration knows.
type Credential [16]byte

// NewCredential is the identity of a credential: of what kind it is, of which app, and what tells it from others.
func NewCredential(parts ...string) (c Credential) {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	copy(c[:], hash.Sum(nil))
	return c
}

// Token is what a page's token says of itself, besides what it says of the page. The zero value is that of a token that is good for as long
// as its credential.
type Token struct {
	Credential Credential
	ID         string        // its name (jti); empty: it has none
	IssuedAt   time.Time     // zero: it does not say, and counts as older than any time
	ExpiresAt  time.Time     // zero: never. The page is closed then, unless it has shown another one
	Notice     time.Duration // so long before that the page is told; 0: it is not
	MaySet     []string      // the keys that the page may set itself, whatever the configuration says; nil: as the configuration says
}
