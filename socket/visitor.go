package socket

import (
	"net/netip"
	"time"

	"scenecast/handover"
)

// Visitor is a connection of another process that is no page yet.
type Visitor struct {
	FD      int
	Head    []byte         // what has come of its request
	From    netip.AddrPort // who it is; the zero value on a Unix socket
	Timeout time.Duration  // for the rest of the request
	Waits   bool           // its request is whole, and it waits until it may become a page
}

var (
	fieldHead    = handover.Required(1)
	fieldFrom    = handover.Required(2)
	fieldTimeout = handover.Required(3)
	fieldWaits   = handover.Required(4)
)

// EncodeVisitor appends a connection that is no page yet.
func EncodeVisitor(e *handover.Encoder, v Visitor) {
	e.Bytes(fieldHead, v.Head)
	if v.From.IsValid() {
		e.Text(fieldFrom, v.From.String())
	}
	e.Duration(fieldTimeout, v.Timeout)
	e.Bool(fieldWaits, v.Waits)
}

// DecodeVisitor reads what EncodeVisitor has appended.
func DecodeVisitor(record []byte) (visitor Visitor, err error) {
	err = handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldHead:
			visitor.Head = append([]byte(nil), v.Bytes()...)
		case fieldFrom:
			var err error
			if visitor.From, err = netip.ParseAddrPort(v.Text()); err != nil {
				v.Fail(err)
			}
		case fieldTimeout:
			visitor.Timeout = v.Duration()
		case fieldWaits:
			visitor.Waits = v.Bool()
		default:
			return false
		}
		return true
	})
	return visitor, err
}
