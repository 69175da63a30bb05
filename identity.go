package scenecast

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"strings"

	"scenecast/language"
)

// NodeID names one run of one server process. It is drawn at random at every start, so no two runs of a cluster's life
// share one: a connection that is gone can never be mistaken for a later one (the tutorial's fd could).
type NodeID uint64

// nodeIDBits keeps a NodeID exact in a float64, for the clients whose only number is that one.
const nodeIDBits = 53

// NewNodeID draws a node's ID from crypto/rand: 53 bits, so that JavaScript's numbers hold it exactly.
func NewNodeID() NodeID { return NodeID(draw()) }

func draw() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: see its documentation
	return binary.BigEndian.Uint64(b[:]) >> (64 - nodeIDBits)
}

// ConnID names one connection; unique over the cluster's life and never reused.
type ConnID struct {
	Node NodeID
	Seq  uint64 // another one for each connection of the node; it tells neither how many there are nor which came first
}

// String prints `node.seq`, both decimal, which is also the form of a Pusher socket_id (`^\d+\.\d+$`).
func (c ConnID) String() string {
	b, _ := c.AppendText(nil)
	return string(b)
}

// AppendText implements encoding.TextAppender: it appends what String prints. Its error is always nil.
func (c ConnID) AppendText(b []byte) ([]byte, error) {
	b = strconv.AppendUint(b, uint64(c.Node), 10)
	b = append(b, '.')
	return strconv.AppendUint(b, c.Seq, 10), nil
}

// ParseConnID reads what ConnID.String prints. Any other text is an error, also another spelling of the same numbers.
func ParseConnID(s string) (ConnID, error) {
	node, seq, _ := strings.Cut(s, ".")
	n, err1 := strconv.ParseUint(node, 10, 64)
	q, err2 := strconv.ParseUint(seq, 10, 64)
	id := ConnID{Node: NodeID(n), Seq: q}
	if err1 != nil || err2 != nil || id.String() != s {
		return ConnID{}, language.Errorf("%.40q is no connection: it has the form node.number, as in 5203.17", s)
	}
	return id, nil
}

// Compare orders connections: by node, and within a node by number. The order means nothing, and never changes.
func (c ConnID) Compare(other ConnID) int {
	return cmp.Or(cmp.Compare(c.Node, other.Node), cmp.Compare(c.Seq, other.Seq))
}

// MarshalText prints the ID as String does; with UnmarshalText it is a string in JSON.
func (c ConnID) MarshalText() ([]byte, error) { return c.AppendText(nil) }

// UnmarshalText reads what MarshalText prints.
func (c *ConnID) UnmarshalText(text []byte) (err error) {
	*c, err = ParseConnID(string(text))
	return err
}

// Position is a place in the log of pushes: that of a push, or, with the number 0, the beginning of an epoch, before its
// first push. Positions compare only within one epoch; the zero value is no position.
type Position struct {
	Epoch uint64 // names one life of the log: when a log starts empty, it starts a new epoch
	Seq   uint64 // rises from push to push, also from epoch to epoch of one log; not always by one
}

// NewEpoch is the beginning of a log that starts empty. The epoch is drawn at random, not read from the clock, which may
// have been set back since the log's last life. It is never 0.
func NewEpoch() Position { return Position{Epoch: max(1, draw())} }

// String prints `epoch-seq`, the epoch in base 36, the sequence number in decimal.
func (p Position) String() string {
	return strconv.FormatUint(p.Epoch, 36) + "-" + strconv.FormatUint(p.Seq, 10)
}

// MarshalText prints the position as String does; with UnmarshalText it is a string in JSON.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText prints.
func (p *Position) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePosition(string(text))
	return err
}

// ParsePosition reads what Position.String prints. Any other text is an error, also another spelling of the same numbers.
func ParsePosition(s string) (Position, error) {
	epoch, seq, _ := strings.Cut(s, "-")
	e, err1 := strconv.ParseUint(epoch, 36, 64)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	p := Position{Epoch: e, Seq: n}
	if err1 != nil || err2 != nil || p.String() != s {
		return Position{}, language.Errorf("%.40q is no position: it has the form epoch-seq, as in k3x9a-17", s)
	}
	return p, nil
}
