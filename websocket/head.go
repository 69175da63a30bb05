package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gobwas/ws"

	"scenecast"
)

// rsv1 marks the first frame of a compressed message (RFC 7692, 6).
var rsv1 = ws.Rsv(true, false, false)

// parseHead reads a frame's head; size 0 means that it is not complete. ws.ReadHeader would do, but for its allocations,
// which a server that reads from all its pages cannot afford.
func parseHead(b []byte) (h ws.Header, size int) {
	if len(b) < 2 {
		return h, 0
	}
	h.Fin = b[0]&0x80 != 0
	h.Rsv = b[0] & 0x70 >> 4
	h.OpCode = ws.OpCode(b[0] & 0x0f)
	h.Masked = b[1]&0x80 != 0
	h.Length = int64(b[1] & 0x7f)
	size = 2
	switch {
	case h.Length == 126 && len(b) >= 4:
		h.Length, size = int64(binary.BigEndian.Uint16(b[2:])), 4
	case h.Length == 127 && len(b) >= 10:
		h.Length, size = int64(binary.BigEndian.Uint64(b[2:])), 10
	case h.Length > 125:
		return h, 0
	}
	if h.Masked {
		if len(b) < size+len(h.Mask) {
			return h, 0
		}
		size += copy(h.Mask[:], b[size:])
	}
	return h, size
}

// begin takes a frame's head, or what there is of it, and returns how many bytes that were.
func (d *Decoder) begin(data []byte) (size int, err error) {
	head, size := ws.Header{}, 0
	if d.known == 0 {
		head, size = parseHead(data)
	}
	if size == 0 {
		n := copy(d.begun[d.known:], data)
		head, size = parseHead(d.begun[:d.known+n])
		if size == 0 {
			d.known += n
			return n, nil
		}
		size -= d.known
		d.known = 0
	}
	if err := d.check(head); err != nil {
		return size, err
	}
	d.head, d.inFrame, d.read = head, true, 0
	return size, nil
}

// check returns whether a frame may come now, and keeps what it says about its message.
func (d *Decoder) check(head ws.Header) error {
	state := ws.StateServerSide
	if d.fragmented {
		state = state.Set(ws.StateFragmented)
	}
	first := head.OpCode == ws.OpText || head.OpCode == ws.OpBinary
	compressed := d.Deflate && first && head.Rsv == rsv1
	if compressed {
		state = state.Set(ws.StateExtended)
	}
	switch err := ws.CheckHeader(head, state); {
	case d.Deflate && errors.Is(err, ws.ErrProtocolNonZeroRsv):
		return &Error{scenecast.CloseProtocolError, "reserved bit that permessage-deflate does not have here"}
	case err != nil:
		return &Error{scenecast.CloseProtocolError, err.Error()}
	}
	if head.Length < 0 {
		return &Error{scenecast.CloseProtocolError, ws.ErrHeaderLengthMSB.Error()}
	}
	if head.OpCode.IsControl() {
		return nil
	}
	if first {
		d.opcode, d.compressed, d.empty, d.text = head.OpCode, compressed, 0, text{}
	}
	limit := d.MaxMessage
	if d.compressed {
		limit = maxDeflated(limit)
	}
	if head.Length > int64(limit-len(d.message)) {
		return d.tooBig()
	}
	if head.Length == 0 && !head.Fin {
		if d.empty++; d.empty > MaxEmptyFragments {
			return &Error{scenecast.CloseTooBig, fmt.Sprintf("message with over %d empty fragments", MaxEmptyFragments)}
		}
	}
	return nil
}
