package memory

import (
	"crypto/sha256"
	"time"

	"scenecast"
)

// keys remember, for a time, which publish an idempotency key stood for. They are guarded by the engine's mutex.
type keys struct {
	window   time.Duration
	maxCount int // over it the oldest is forgotten, before its time

	attempts ring[*attempt] // in the order in which they were made
	byKey    map[name]*attempt
}

// attempt is the first publish with a key.
type attempt struct {
	key         name
	at          time.Time
	fingerprint [sha256.Size]byte
	id          string
	position    scenecast.Position
	progress    *progress
}

// find returns the attempt with a key; nil: there was none within the window.
func (k *keys) find(key name, now time.Time) *attempt {
	if a := k.byKey[key]; a != nil && !k.old(a, now) {
		return a
	}
	return nil
}

// add remembers an attempt with a key that has none within the window.
func (k *keys) add(a *attempt) {
	k.attempts.push(a)
	k.byKey[a.key] = a
	if k.attempts.len() > k.maxCount {
		k.drop()
	}
	k.expire(a.at)
}

func (k *keys) drop() {
	a := k.attempts.pop()
	if k.byKey[a.key] == a { // otherwise the key was used again since
		delete(k.byKey, a.key)
	}
}

// expire forgets some of what is older than the window, and tells whether there is more.
func (k *keys) expire(now time.Time) (more bool) {
	for range sweepCount {
		if k.attempts.len() == 0 || !k.old(k.attempts.at(0), now) {
			return false
		}
		k.drop()
	}
	return true
}

// release gives back the memory when there are none, as log.release does.
func (k *keys) release() { k.attempts, k.byKey = ring[*attempt]{}, make(map[name]*attempt) }

func (k *keys) old(a *attempt, now time.Time) bool { return now.Sub(a.at) >= k.window }
