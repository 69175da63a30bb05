package redis

import (
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"scenecast/language"
)

// What the stream holds: entries whose IDs are NUMBER-0, with two fields. The first is h: the epoch, the entry's identity, and the
// identity of the entry before it, or - where there was none. The second is r: a record, as package cluster makes it; or, of an entry
// that begins an epoch, the number of the entry that it goes on from: ended, where that was the newest of the log, and voids, where
// the entries behind it are void.
//
// Numbers of one epoch are dense. The identities make a chain: a log that has lost its end and has grown again is not taken for the
// same one.
type entry struct {
	mark
	epoch    uint64
	previous string // identity of the entry before it
	begins   bool   // an epoch
	ended    uint64 // … that goes on from the entry with this number
	voids    bool   // … and makes those behind it void
	record   []byte
}

// mark is what is remembered of an entry: enough to know whether the log has still the same one in its place.
type mark struct {
	number   uint64
	identity string
}

// origin is where a log begins.
var origin = mark{identity: "-"}

func parseEntry(e rueidis.XRangeEntry) (parsed entry, err error) {
	number, tail, _ := strings.Cut(e.ID, "-")
	if parsed.number, err = strconv.ParseUint(number, 10, 64); err != nil || tail != "0" {
		return parsed, language.Errorf("entry %s: %w", e.ID, errForeign)
	}
	head := strings.Fields(e.FieldValues["h"])
	record, isRecord := e.FieldValues["r"]
	if len(head) != 3 {
		return parsed, language.Errorf("entry %s: %w", e.ID, errForeign)
	}
	parsed.identity, parsed.previous = head[1], head[2]
	if parsed.epoch, err = strconv.ParseUint(head[0], 10, 64); err != nil {
		return parsed, language.Errorf("entry %s: %w", e.ID, errForeign)
	}
	if isRecord {
		parsed.record = []byte(record)
		return parsed, nil
	}
	parsed.begins = true
	ended, ok := e.FieldValues["ended"]
	if !ok {
		ended, parsed.voids = e.FieldValues["voids"], true
	}
	if parsed.ended, err = strconv.ParseUint(ended, 10, 64); err != nil {
		return parsed, language.Errorf("entry %s: %w", e.ID, errForeign)
	}
	return parsed, nil
}

// id is the ID of an entry's place in the stream.
func id(number uint64) string { return strconv.FormatUint(number, 10) + "-0" }
