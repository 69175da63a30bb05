// Package signature is how apps of the Pusher protocol sign: subscriptions to private and presence channels, sign-ins, requests of the
// HTTP API and webhooks, each by HMAC-SHA256 with the secret of a key, in lower-case hexadecimal.
// https://pusher.com/docs/channels/library_auth_reference/auth-signatures
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"log/slog"
	"strings"
	"sync"
)

// Key is a key, whose name every page knows, and what signs for it. Its methods may be called concurrently. It prints without its secret.
type Key struct {
	Name string

	states sync.Pool // of *state, which are ready
}

// state is the state of one signature. Its hash has the secret.
type state struct {
	hash hash.Hash
	sum  [sha256.Size]byte
	hex  [2 * sha256.Size]byte
	text []byte
}

// NewKey makes a key.
func NewKey(name, secret string) *Key {
	k := &Key{Name: name}
	bytes := []byte(secret)
	k.states.New = func() any { return &state{hash: hmac.New(sha256.New, bytes)} }
	return k
}

// String implements fmt.Stringer.
func (k *Key) String() string { return k.Name }

// GoString implements fmt.GoStringer.
func (k *Key) GoString() string { return k.Name }

// LogValue implements slog.LogValuer.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.Name) }

// begin is a state without a text.
func (k *Key) begin() *state {
	s, _ := k.states.Get().(*state)
	s.text = s.text[:0]
	return s
}

// maxKept is how many bytes of a text a state that waits may hold.
const maxKept = 64 << 10

// end gives a state back.
func (k *Key) end(s *state) {
	if cap(s.text) <= maxKept {
		k.states.Put(s)
	}
}

// sign is the signature of what has been appended to the text, good until end.
func (s *state) sign() []byte {
	s.hash.Reset()
	s.hash.Write(s.text)
	hex.Encode(s.hex[:], s.hash.Sum(s.sum[:0]))
	return s.hex[:]
}

// signs reports, in a time that does not tell how much of it is right, whether this is the signature of the text.
func (s *state) signs(signature string) bool {
	right := s.sign()
	return len(signature) == len(right) && hmac.Equal([]byte(signature), right)
}

// Sign is the signature of a text, as that of a webhook's body.
func (k *Key) Sign(text []byte) string {
	s := k.begin()
	defer k.end(s)
	s.text = append(s.text, text...)
	return string(s.sign())
}

// Subscription is what a subscription of a connection to a private channel, an encrypted one, or a presence channel with its member's
// channel_data shows as `auth`.
func (k *Key) Subscription(socketID, channel, channelData string) string {
	s := k.begin()
	defer k.end(s)
	s.subscription(socketID, channel, channelData)
	return k.Name + ":" + string(s.sign())
}

// SignIn is what a connection shows that signs in.
func (k *Key) SignIn(socketID, userData string) string {
	s := k.begin()
	defer k.end(s)
	s.signIn(socketID, userData)
	return k.Name + ":" + string(s.sign())
}

func (s *state) subscription(socketID, channel, channelData string) {
	s.text = append(append(append(s.text, socketID...), ':'), channel...)
	if channelData != "" {
		s.text = append(append(s.text, ':'), channelData...)
	}
}

func (s *state) signIn(socketID, userData string) {
	s.text = append(append(append(s.text, socketID...), "::user::"...), userData...)
}

// Keys are the keys of an app, each as good as the others.
type Keys []*Key

// Find finds a key by its name; nil: there is none.
func (k Keys) Find(name string) *Key {
	for _, key := range k {
		if key.Name == name {
			return key
		}
	}
	return nil
}

// VerifySubscription reports whether one of the keys has signed a subscription. channelData is empty where there is none.
func (k Keys) VerifySubscription(auth, socketID, channel, channelData string) bool {
	return k.verify(auth, func(s *state) { s.subscription(socketID, channel, channelData) })
}

// VerifySignIn reports whether one of the keys has signed a sign-in.
func (k Keys) VerifySignIn(auth, socketID, userData string) bool {
	return k.verify(auth, func(s *state) { s.signIn(socketID, userData) })
}

// verify reports whether an `auth` of the form key:signature is right for a text.
func (k Keys) verify(auth string, text func(s *state)) bool {
	name, signature, _ := strings.Cut(auth, ":")
	key := k.Find(name)
	if key == nil {
		return false
	}
	s := key.begin()
	defer key.end(s)
	text(s)
	return s.signs(signature)
}
