package tail

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"time"

	"scenecast"
)

// Keys remember, for a time, which publish an idempotency key stands for. Whether a key is taken depends only on what was added
// and on the times that it was added with: so nodes that add the same attempts in the same order agree about all keys.
type Keys struct {
	window   time.Duration
	maxCount int // over it the oldest is forgotten, before its time

	attempts ring[*Attempt] // in the order in which they were added
	byKey    map[Name]*Attempt
}

// KeyOptions bound what keys remember.
type KeyOptions struct {
	Window   time.Duration // how long a key is taken. Defaults to 5 minutes.
	MaxCount int           // remembered at once; over it the oldest is forgotten. Defaults to 100,000.
}

// Attempt is the first publish with a key.
type Attempt struct {
	Key         Name
	At          time.Time
	Fingerprint [sha256.Size]byte
	ID          string
	Position    scenecast.Position
	Progress    *Progress
}

// NewKeys makes keys of which none is taken.
func NewKeys(o KeyOptions) *Keys {
	return &Keys{
		window:   cmp.Or(o.Window, 5*time.Minute),
		maxCount: cmp.Or(o.MaxCount, 100_000),
		byKey:    make(map[Name]*Attempt),
	}
}

// Window is how long a key is taken.
func (k *Keys) Window() time.Duration { return k.window }

// Len is how many are remembered.
func (k *Keys) Len() int { return k.attempts.len() }

// Find returns the attempt by which a key is taken at a time; nil: it is free.
func (k *Keys) Find(key Name, at time.Time) *Attempt {
	if a := k.byKey[key]; a != nil && !k.old(a, at) {
		return a
	}
	return nil
}

// Add remembers an attempt with a key that is free.
func (k *Keys) Add(a *Attempt) {
	k.attempts.push(a)
	k.byKey[a.Key] = a
	if k.attempts.len() > k.maxCount {
		k.drop()
	}
}

func (k *Keys) drop() {
	a := k.attempts.pop()
	if k.byKey[a.Key] == a { // otherwise the key was used again since
		delete(k.byKey, a.Key)
	}
}

// Expire forgets some of what is older than the window, and tells whether there is more.
func (k *Keys) Expire(now time.Time) (more bool) {
	for range sweepCount {
		if k.attempts.len() == 0 || !k.old(k.attempts.at(0), now) {
			return false
		}
		k.drop()
	}
	return true
}

// Release gives back the memory when there are none, as Log.Release does.
func (k *Keys) Release() { k.attempts, k.byKey = ring[*Attempt]{}, make(map[Name]*Attempt) }

func (k *Keys) old(a *Attempt, now time.Time) bool { return now.Sub(a.At) >= k.window }

// CheckConsistency returns what is at odds in the keys, or nil. It is for tests.
func (k *Keys) CheckConsistency() error {
	if len(k.byKey) > k.attempts.len() || k.attempts.len() > k.maxCount {
		return fmt.Errorf("%d keys of %d attempts, and %d are allowed", len(k.byKey), k.attempts.len(), k.maxCount)
	}
	return nil
}
