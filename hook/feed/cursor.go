package feed

import (
	"cmp"
	"encoding/json"
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
	Since int64  `json:"since"` // in µs
	Need  int64  `json:"need"`  // what has happened behind it must be kept, or there are holes
	After stamps `json:"after,omitempty"`
}

// delay is how late an event may come to a stream that is at another node, with the clocks of both apart.
const delay = 5 * time.Second

// oldest is before any cursor, in µs: in the year 1998. What is less is some other text that can be read as a number.
const oldest = 9e14

// maxCursor bounds the nodes of a cursor.
const maxCursor = 64

func (c *Cursor) of(node scenecast.NodeID) int64 { return max(c.Since, c.After.of(node)) }

// advance moves Since on, and forgets what that makes superfluous.
func (c *Cursor) advance(since int64) {
	c.Since = max(c.Since, since)
	c.After = slices.DeleteFunc(c.After, func(s stamp) bool { return s.at <= c.Since })
}

// String prints a cursor. Nodes whose stamps are not behind Since are left out.
func (c *Cursor) String() string { return string(c.appendText(nil)) }

// appendText appends what String prints. Each event of each stream has one, so this allocates nothing where b has room.
func (c *Cursor) appendText(b []byte) []byte {
	b = strconv.AppendInt(b, c.Since, 36)
	for _, s := range c.After {
		if s.at > c.Since {
			b = append(b, '-')
			b = strconv.AppendUint(b, uint64(s.node), 36)
			b = append(b, ':')
			b = strconv.AppendInt(b, s.at, 36)
		}
	}
	return b
}

// stamp is up to when a stream has got the events of a node, in µs.
type stamp struct {
	node scenecast.NodeID
	at   int64
}

// stamps are those of some nodes, in their order. As JSON they are an object: nodes of earlier versions have a map.
type stamps []stamp

func (s stamps) find(node scenecast.NodeID) (at int, found bool) {
	return slices.BinarySearchFunc(s, node, func(s stamp, node scenecast.NodeID) int { return cmp.Compare(s.node, node) })
}

// of is the stamp of a node; 0: there is none.
func (s stamps) of(node scenecast.NodeID) int64 {
	if i, found := s.find(node); found {
		return s[i].at
	}
	return 0
}

// raise sets the stamp of a node, where it is not later already.
func (s *stamps) raise(node scenecast.NodeID, at int64) {
	i, found := s.find(node)
	if !found {
		*s = slices.Insert(*s, i, stamp{node, at})
		return
	}
	(*s)[i].at = max((*s)[i].at, at)
}

// MarshalJSON implements json.Marshaler.
func (s stamps) MarshalJSON() ([]byte, error) {
	of := make(map[scenecast.NodeID]int64, len(s))
	for _, s := range s {
		of[s.node] = s.at
	}
	return json.Marshal(of)
}

// UnmarshalJSON reads what MarshalJSON prints.
func (s *stamps) UnmarshalJSON(text []byte) error {
	var of map[scenecast.NodeID]int64
	err := json.Unmarshal(text, &of)
	*s = nil
	for node, at := range of {
		s.raise(node, at)
	}
	return err
}

// ParseCursor reads the ID of an event, or a time as RFC 3339 says.
func ParseCursor(text string) (*Cursor, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return &Cursor{Since: at.UnixMicro(), Need: at.UnixMicro()}, nil
	}
	mistake := language.Errorf("%.80q is neither the ID of an event of a feed nor a time as 2026-01-02T15:04:05Z", text)
	parts := strings.Split(text, "-")
	since, err := strconv.ParseInt(parts[0], 36, 64)
	if err != nil || since < oldest || len(parts) > maxCursor+1 {
		return nil, mistake
	}
	// The stream was there until delay behind Since. Only when it began may nodes have begun to keep events.
	c := &Cursor{Since: since, Need: since + delay.Microseconds()}
	for _, part := range parts[1:] {
		node, at, _ := strings.Cut(part, ":")
		id, err := strconv.ParseUint(node, 36, 64)
		if err != nil {
			return nil, mistake
		}
		stamp, err := strconv.ParseInt(at, 36, 64)
		if err != nil || stamp < 0 {
			return nil, mistake
		}
		c.After.raise(scenecast.NodeID(id), stamp)
	}
	return c, nil
}
