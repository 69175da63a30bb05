package handover

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Kind says what a message is.
type Kind uint8

// The kinds of messages, in the order of the sequence. Those up to Take are of the handover itself, those behind it of the calls that the
// old process finishes.
const (
	KindNone     Kind = iota
	KindHello         // new: which formats it knows, and what it runs with
	KindWelcome       // old: it agrees, what the new one must know to be built, and the descriptors of the port
	KindRefusal       // either: why it does not go on, in words
	KindBuilt         // new: it is built, and takes state
	KindLog           // old: entries of the log
	KindKeys          // old: idempotency keys
	KindPushes        // old: pushes that last, besides those in the log
	KindShared        // old, frozen: state that is no page's
	KindLoop          // old, frozen: a loop's state besides its pages
	KindPages         // old, frozen: pages of a loop, with their descriptors
	KindVisitors      // old: connections that are no pages yet, with their descriptors
	KindEnd           // old, frozen: this was all
	KindReady         // new: it has everything, and touches nothing
	KindTake          // old: the pages are the new one's who takes the token
	KindTaken         // new: it has taken it
	KindFinished      // new: what has become of a push whose publisher waits in the old process
	KindSubmit        // old: a push of a call that it finishes
	KindAsk           // old: a query of such a call
	KindAnswer        // new: the answer to either
	KindDeliver       // old: what a page is told by work that was under way in the old process
	KindStart         // a command: hand over
	KindProgress      // to a command: how far it is
	kinds
)

// MaxMessage is how long a message's payload may be, in bytes.
const MaxMessage = 256 << 20

// HeadSize is the size of a message before its payload.
const HeadSize = 5

// AppendHead begins a message of a kind with a payload of this length.
func AppendHead(b []byte, k Kind, length int) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(k)), uint32(length))
}

// chunk is how much memory a message gets ahead of the bytes that come: one whose length is a lie costs no more.
const chunk = 64 << 10

// ReadMessage reads a message. The payload is the caller's own. io.EOF means that there is none any more.
func ReadMessage(r io.Reader) (k Kind, payload []byte, err error) {
	var head [HeadSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := int(binary.BigEndian.Uint32(head[1:]))
	if k = Kind(head[0]); k == KindNone || k >= kinds {
		return 0, nil, fmt.Errorf("%w: kind %d", ErrMalformed, head[0])
	}
	if length > MaxMessage {
		return 0, nil, fmt.Errorf("%w: a message of %d bytes", ErrMalformed, length)
	}
	for read := 0; read < length; {
		n := min(length-read, max(chunk, read))
		payload = append(payload, make([]byte, n)...)
		if _, err := io.ReadFull(r, payload[read:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, nil, err
		}
		read += n
	}
	return k, payload, nil
}

// List is records one behind the other, as a message has several.
type List struct{ Encoder }

// Add appends a record.
func (l *List) Add(fill func(e *Encoder)) { l.Record(fieldItem, fill) }

var fieldItem = Required(1)

// DecodeList calls take for each record of a list.
func DecodeList(payload []byte, take func(record []byte) error) error {
	return Decode(payload, func(f Field, v *Value) bool {
		if f != fieldItem {
			return false
		}
		if err := take(v.b); err != nil {
			v.Fail(err)
		}
		return true
	})
}
