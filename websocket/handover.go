package websocket

import (
	"fmt"

	"github.com/gobwas/ws"

	"scenecast/handover"
)

var (
	fieldBegun      = handover.Required(1)
	fieldFin        = handover.Required(2)
	fieldRsv        = handover.Required(3)
	fieldOpCode     = handover.Required(4)
	fieldMasked     = handover.Required(5)
	fieldMask       = handover.Required(6)
	fieldLength     = handover.Required(7)
	fieldInFrame    = handover.Required(8)
	fieldRead       = handover.Required(9)
	fieldControl    = handover.Required(10)
	fieldFragmented = handover.Required(11)
	fieldOpcode     = handover.Required(12)
	fieldCompressed = handover.Required(13)
	fieldEmpty      = handover.Required(14)
	fieldMessage    = handover.Required(15)
	fieldCut        = handover.Required(16)
)

// Export appends what has come of a frame or a message that is incomplete, of a decoder that has not met a close frame and discards nothing.
func (d *Decoder) Export(e *handover.Encoder) {
	e.Bytes(fieldBegun, d.begun[:d.known])
	if d.inFrame {
		e.Bool(fieldFin, d.head.Fin)
		e.Uint(fieldRsv, uint64(d.head.Rsv))
		e.Uint(fieldOpCode, uint64(d.head.OpCode))
		e.Bool(fieldMasked, d.head.Masked)
		e.Bytes(fieldMask, d.head.Mask[:])
		e.Uint(fieldLength, uint64(d.head.Length))
		e.Bool(fieldInFrame, true)
		e.Uint(fieldRead, uint64(d.read))
		e.Bytes(fieldControl, d.control)
	}
	e.Bool(fieldFragmented, d.fragmented)
	e.Uint(fieldOpcode, uint64(d.opcode))
	e.Bool(fieldCompressed, d.compressed)
	e.Uint(fieldEmpty, uint64(d.empty))
	e.Bytes(fieldMessage, d.message)
	e.Bytes(fieldCut, d.text.cut[:d.text.size])
}

// Import takes what Export has appended; the limits are the decoder's own.
func (d *Decoder) Import(record []byte) error {
	var length uint64
	err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldBegun:
			if d.known = copy(d.begun[:], v.Bytes()); d.known == len(d.begun) {
				v.Fail(handover.ErrMalformed)
			}
		case fieldFin:
			d.head.Fin = v.Bool()
		case fieldRsv:
			d.head.Rsv = byte(v.Count())
		case fieldOpCode:
			d.head.OpCode = ws.OpCode(v.Count())
		case fieldMasked:
			d.head.Masked = v.Bool()
		case fieldMask:
			copy(d.head.Mask[:], v.Bytes())
		case fieldLength:
			length = v.Uint()
		case fieldInFrame:
			d.inFrame = v.Bool()
		case fieldRead:
			d.read = v.Count()
		case fieldControl:
			d.control = append([]byte(nil), v.Bytes()...)
		case fieldFragmented:
			d.fragmented = v.Bool()
		case fieldOpcode:
			d.opcode = ws.OpCode(v.Count())
		case fieldCompressed:
			d.compressed = v.Bool()
		case fieldEmpty:
			d.empty = v.Count()
		case fieldMessage:
			d.message = append([]byte(nil), v.Bytes()...)
		case fieldCut:
			if d.text.size = copy(d.text.cut[:], v.Bytes()); d.text.size == len(d.text.cut) {
				v.Fail(handover.ErrMalformed)
			}
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	if d.inFrame && (length > 1<<31 || uint64(d.read) >= length) {
		return fmt.Errorf("%w: %d bytes of a frame of %d", handover.ErrMalformed, d.read, length)
	}
	d.head.Length = int64(length)
	return nil
}
