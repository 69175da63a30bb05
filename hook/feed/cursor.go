package feed

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"scenecast"
	"scenecast/language"
)

// Cursor is how far a stream has come: everything up to Since, and of the nodes in After everything up to their stamps. As text it is the ID
// of the stream's events: "SINCE", or "SINCE-NODE:STAMP-…" in the order of nodes, all of it in base 36.
//
// The stamps are times, and the nodes are those of events that the stream has got: a cursor does not tell how many events there are, nor that
// there are others.
type Cursor struct {
	Since int64                      `json:"since"`           // in µs
	Need  int64                      `json:"need"`            // what has happened behind it must be kept, or there are holes
	After map[scenecast.NodeID]int64 `json:"after,omitempty"` // the stamps
}

// delay is how late an event may come to a stream that is at another node, with the clocks of both apart.
const delay = 5 * time.Second

// oldest is before any cursor, in µs: in the year 1998. What is less is some other text that can be read as a number.
const oldest = 9e14

// maxCursor bounds the nodes of a cursor.
const maxCursor = 64

func (c *Cursor) of(node scenecast.NodeID) int64 { return max(c.Since, c.After[node]) }

// advance moves Since on, and forgets what that makes superfluous.
func (c *Cursor) advance(since int64) {
	c.Since = max(c.Since, since)
	maps.DeleteFunc(c.After, func(_ scenecast.NodeID, at int64) bool { return at <= c.Since })
}

// String prints a cursor. Nodes whose stamps are not behind Since are left out.
func (c *Cursor) String() string {
	b := strconv.AppendInt(nil, c.Since, 36)
	for _, node := range slices.Sorted(maps.Keys(c.After)) {
		if at := c.After[node]; at > c.Since {
			b = append(b, '-')
			b = strconv.AppendUint(b, uint64(node), 36)
			b = append(b, ':')
			b = strconv.AppendInt(b, at, 36)
		}
	}
	return string(b)
}

// ParseCursor reads the ID of an event, or a time as RFC 3339 says.
func ParseCursor(text string) (*Cursor, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return &Cursor{Since: at.UnixMicro(), Need: at.UnixMicro(), After: make(map[scenecast.NodeID]int64)}, nil
	}
	mistake := language.Errorf("%.80q is neither the ID of an event of a feed nor a time as 2026-01-02T15:04:05Z", text)
	parts := strings.Split(text, "-")
	since, err := strconv.ParseInt(parts[0], 36, 64)
	if err != nil || since < oldest || len(parts) > maxCursor+1 {
		return nil, mistake
	}
	// The stream was there until delay behind Since. Only when it began may nodes have begun to keep events.
	c := &Cursor{Since: since, Need: since + delay.Microseconds(), After: make(map[scenecast.NodeID]int64)}
	for _, part := range parts[1:] {
		node, at, _ := strings.Cut(part, ":")
		id, err := strconv.ParseUint(node, 36, 64)
		if err != nil {
			return nil, mistake
		}
		if c.After[scenecast.NodeID(id)], err = strconv.ParseInt(at, 36, 64); err != nil || c.After[scenecast.NodeID(id)] < 0 {
			return nil, mistake
		}
	}
	return c, nil
}
