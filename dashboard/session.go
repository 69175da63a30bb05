package dashboard

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"scenecast/auth"
	"scenecast/problem"
)

// A session is all in its cookie, so that it is good at every node that has the same API key, and dead where the key is gone:
//
//	base64url( version | expiry | app | key's name | nonce | AES-256-GCM(the key's secret) )
//
// What stands before the nonce is the additional data, and so cannot be changed. The encryption key is derived from the digest of the
// secret, which is all that a server knows of it: whoever has only the digest, as from a settings file, can open a cookie that he has got
// hold of, but make none, as he could if it were signed by the digest.
type session struct {
	key     auth.Key
	secret  string
	expires time.Time
}

// Lifetime is how long a session lasts: a working day.
const Lifetime = 12 * time.Hour

// maxToken bounds a cookie's value: browsers take 4,096 bytes with name and attributes (RFC 6265bis, 5.6).
const maxToken = 3800

const (
	tokenVersion = 1
	nonceSize    = 12
)

// errToken is the error of a token that is not one, or of no key that there is.
var errToken = errors.New("dashboard: no session")

// sealer is what encrypts the tokens of a key.
func sealer(digest auth.Digest) cipher.AEAD {
	derived := hmac.New(sha256.New, digest[:])
	derived.Write([]byte("scenecast dashboard session 1"))
	block, err := aes.NewCipher(derived.Sum(nil))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return aead
}

// encode is the session as a token.
func (s *session) encode() string {
	b := []byte{tokenVersion}
	b = binary.BigEndian.AppendUint64(b, uint64(s.expires.Unix()))
	b = appendText(b, s.key.App)
	b = appendText(b, s.key.Name)
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // it does not fail (crypto/rand)
	sealed := sealer(auth.DigestOf(s.secret)).Seal(nil, nonce, []byte(s.secret), b)
	return base64.RawURLEncoding.EncodeToString(append(append(b, nonce...), sealed...))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// token is a token that was read, and not opened.
type token struct {
	expires   time.Time
	app, name string
	head      []byte // what is authenticated and not encrypted
	nonce     []byte
	sealed    []byte
}

// parseToken reads a token.
func parseToken(text string) (t token, err error) {
	if len(text) > maxToken {
		return t, errToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 9 || b[0] != tokenVersion {
		return t, errToken
	}
	rest := b[9:]
	var ok1, ok2 bool
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(b[1:9])), 0)
	t.app, rest, ok1 = cutText(rest)
	t.name, rest, ok2 = cutText(rest)
	if !ok1 || !ok2 || len(rest) < nonceSize {
		return t, errToken
	}
	t.head, t.nonce, t.sealed = b[:len(b)-len(rest)], rest[:nonceSize], rest[nonceSize:]
	return t, nil
}

func cutText(b []byte) (text string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	return string(b[size : size+int(n)]), b[size+int(n):], true
}

// open returns the session of a token, if that is of one of the keys. Whether it has ended is another question.
func (t *token) open(keys []auth.KeyDigest) (s session, err error) {
	for _, k := range keys {
		secret, err := sealer(k.Digest).Open(nil, t.nonce, t.sealed, t.head)
		if err == nil && auth.DigestOf(string(secret)) == k.Digest {
			return session{k.Key, string(secret), t.expires}, nil
		}
	}
	return s, errToken
}

// session is that of a request. The error is a problem.
func (h *handler) session(r *http.Request) (s session, err error) {
	cookie, err := r.Cookie(h.cookieName(r))
	if err != nil {
		return s, problem.New(problem.Unauthorized, "nobody is logged in")
	}
	ended := problem.New(problem.Unauthorized, "the session has ended; log in again")
	t, err := parseToken(cookie.Value)
	if err != nil || !h.o.Now().Before(t.expires) {
		return s, ended
	}
	if s, err = t.open(h.o.NamedKeys(t.app, t.name)); err != nil {
		return s, ended
	}
	return s, nil
}

// context is that of a call of the session. A stream ends with the session.
func (s *session) context(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.expires.Sub(now))
}
