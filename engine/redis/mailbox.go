package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// mailbox is a stream of messages.
type mailbox struct {
	key  string
	last string // ID of the newest entry that was read
}

// readAgain is how much of a stream is read again. What is older has been read, or is of no use any more; and nodes that this one has never
// heard of, as they were dead when it started, are not to seem alive.
const readAgain = 2 * time.Second

// compare relates what was read of a mailbox to its newest entry. Where Redis has lost the stream, or its end, its clock may give lower IDs
// than were read: then the newest part of it is read again, as messages that come twice do no harm.
func (m *mailbox) compare(newest []rueidis.XRangeEntry) {
	switch {
	case m.last == "" && len(newest) > 0: // at the start
		m.last = newest[0].ID
	case len(newest) == 0:
		m.last = "0-0"
	case isBehind(newest[0].ID, m.last):
		ms, _ := parts(newest[0].ID)
		m.last = strconv.FormatUint(ms-min(ms, uint64(readAgain.Milliseconds())), 10) + "-0"
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
