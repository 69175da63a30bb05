// Package channel is what the name of a channel of the Pusher protocol says: who may subscribe, and what the channel keeps.
package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"scenecast/label"
	"scenecast/problem"
)

// Name is the name of a channel.
type Name string

// The prefixes of names. A cache channel has cache- behind the prefix of its kind.
const (
	private      = "private-"
	encrypted    = "private-encrypted-"
	presence     = "presence-"
	cache        = "cache-"
	serverToUser = "#server-to-user-"
)

// Label is the label that a connection has for each channel that it is subscribed to.
const Label = label.Channel

// MemberLabel is the label by which a connection is in a presence channel; it is the key of the members in package presence. A connection has one
// value for each: the channel, the member's ID and JSON that its backend says of the member, each on a line.
const MemberLabel = "@member"

// ServerToUser is the channel of a user that has signed in.
func ServerToUser(user string) Name { return Name(serverToUser + user) }

// NeedsAuth reports whether a subscription needs a signature.
func (n Name) NeedsAuth() bool { return n.has(private) || n.has(presence) }

// Presence reports whether subscribers are members whom others see.
func (n Name) Presence() bool { return n.has(presence) }

// Encrypted reports whether what is published is encrypted: the server passes it through.
func (n Name) Encrypted() bool { return n.has(encrypted) }

// Cache reports whether the newest event is kept for those who subscribe later.
func (n Name) Cache() bool {
	for _, prefix := range []string{"", encrypted, private, presence} {
		if rest, ok := strings.CutPrefix(string(n), prefix); ok && strings.HasPrefix(rest, cache) {
			return true
		}
	}
	return false
}

// CacheTTL is how long a cache channel keeps its newest event.
const CacheTTL = 30 * time.Minute

// CacheKey is the retain key of the events of a cache channel.
func (n Name) CacheKey() string {
	if len(n) <= maxCacheKey {
		return string(n)
	}
	sum := sha256.Sum256([]byte(n))
	return string(n[:maxCacheKey-2*len(sum)]) + hex.EncodeToString(sum[:])
}

// maxCacheKey is how many bytes a retain key may have.
const maxCacheKey = 128

// MaxUserID bounds the ID of a user, in bytes.
const MaxUserID = 200

// MaxUserChannel bounds the name of the channel of a user, in bytes.
const MaxUserChannel = len(serverToUser) + MaxUserID

// User is the user whose connections alone are in the channel, and whether it is such a channel.
func (n Name) User() (string, bool) { return strings.CutPrefix(string(n), serverToUser) }

func (n Name) has(prefix string) bool { return strings.HasPrefix(string(n), prefix) }

// Check finds what is wrong with a name of at most maxBytes, which the setting says. The user of a channel of a user may have
// any characters, and MaxUserID bytes: every user who can sign in has such a channel.
func (n Name) Check(maxBytes int, setting string) error {
	switch user, ok := n.User(); {
	case n == "":
		return problem.New(problem.Invalid, "the name of a channel is empty")
	case ok && len(user) > MaxUserID:
		return problem.New(problem.LimitExceeded, "the ID of a user has %d bytes, and %d are allowed", len(user), MaxUserID)
	case ok && user != "":
		return nil
	case len(n) > maxBytes:
		return problem.New(problem.LimitExceeded, "the name of a channel has %d bytes, and %d are allowed", len(n), maxBytes).DecidedBy(setting)
	}
	for i := range len(n) {
		if !isAllowed(n[i]) {
			return problem.New(problem.Invalid, "%.220q is no name of a channel: letters, digits and any of _-=@,.;", string(n))
		}
	}
	return nil
}

func isAllowed(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_-=@,.;", c) >= 0
}
