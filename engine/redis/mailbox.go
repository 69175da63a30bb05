package redis

import (
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// mailbox is a stream of messages.
type mailbox struct {
	key  string
	last string // ID of the newest entry that was read
}

// compare holds what was read of a mailbox against its newest entry. Where Redis has lost the stream, its clock may give lower IDs than
// it has: then all of it is read again, as messages that come twice do no harm.
func (m *mailbox) compare(newest []rueidis.XRangeEntry) {
	switch {
	case m.last == "" && len(newest) > 0: // at the start
		m.last = newest[0].ID
	case len(newest) == 0 || isBehind(newest[0].ID, m.last):
		m.last = "0-0"
	}
}

// isBehind reports whether an ID is lower than another one.
func isBehind(id, other string) bool {
	ms, n := parts(id)
	otherMS, otherN := parts(other)
	return ms < otherMS || ms == otherMS && n < otherN
}

func parts(id string) (ms, n uint64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(first, 10, 64)
	n, _ = strconv.ParseUint(second, 10, 64)
	return ms, n
}
