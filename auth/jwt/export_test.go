package jwt

import "time"

// SetNow gives a verifier another clock.
func SetNow(v *Verifier, now func() time.Time) { v.now = now }

// SetCacheSize bounds a verifier's cache.
func SetCacheSize(v *Verifier, size int) { v.cache.size = size }

// Cached is how many tokens a verifier keeps.
func Cached(v *Verifier) int { return v.cache.len() }

// ClearCache has a verifier forget all tokens.
func ClearCache(v *Verifier) { v.cache.clear() }

// SetPause bounds how often the key sets are read because a token names an unknown key.
func SetPause(s *KeySets, pause time.Duration) { s.pause = pause }

// ParseSet is how many keys a key set has.
func ParseSet(text []byte) (keys int, err error) {
	all, _, err := parseSet(text)
	return len(all), err
}

// Keyless is how many tokens wait for a key.
func Keyless(v *Verifier) int { return int(v.keyless.Load()) }
