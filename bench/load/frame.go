package load

import (
	"encoding/binary"

	"scenecast/language"
)

// The opcodes of RFC 6455, 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// maxMessage bounds what a server may send in one message. The default limit of a push's body is 256 KiB.
const maxMessage = 4 << 20

var (
	errMasked     = language.NewError("the server masks its frames")
	errReserved   = language.NewError("the server sets reserved bits of a frame")
	errControl    = language.NewError("the server sends a control frame that is long or in fragments")
	errFragments  = language.NewError("the server mixes up the fragments of messages")
	errLongLength = language.NewError("the server sends a message over 4 MiB")
)

// receiver is told what a decoder finds. Payloads are valid during the call only.
type receiver interface {
	message(payload []byte) error
	ping(payload []byte)
	closed(payload []byte) error
}

// decoder finds the messages in what a server sends, wherever the reads cut it. It holds memory only while a frame or a
// message in fragments is incomplete.
type decoder struct {
	rest       []byte // the beginning of a frame
	fragments  []byte // of a message that has not ended
	fragmented bool   // a message has begun and not ended
}

// feed takes the next bytes. After an error nothing may be fed.
func (d *decoder) feed(data []byte, to receiver) error {
	if len(d.rest) > 0 {
		d.rest = append(d.rest, data...)
		data = d.rest
	}
	for {
		f, size, err := parseFrame(data)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if err := d.take(f, to); err != nil {
			return err
		}
		data = data[size:]
	}
	if len(data) == 0 {
		d.rest = nil
		return nil
	}
	d.rest = append(d.rest[:0], data...) // may overlap, which append can
	return nil
}

func (d *decoder) take(f frame, to receiver) error {
	switch f.op {
	case opPing:
		to.ping(f.payload)
		return nil
	case opPong:
		return nil
	case opClose:
		return to.closed(f.payload)
	}
	if d.fragmented != (f.op == opContinuation) {
		return errFragments
	}
	if f.fin && !d.fragmented {
		return to.message(f.payload)
	}
	if len(d.fragments)+len(f.payload) > maxMessage {
		return errLongLength
	}
	d.fragments = append(d.fragments, f.payload...)
	d.fragmented = !f.fin
	if d.fragmented {
		return nil
	}
	whole := d.fragments
	d.fragments = nil
	return to.message(whole)
}

// frame is one frame of a server.
type frame struct {
	fin     bool
	op      byte
	payload []byte
}

// parseFrame reads the frame that data begins with; size 0 means that it is not complete yet. What a head can tell is
// checked as soon as the head is there.
func parseFrame(data []byte) (f frame, size int, err error) {
	if len(data) < 2 {
		return frame{}, 0, nil
	}
	f = frame{fin: data[0]&0x80 != 0, op: data[0] & 0x0F}
	switch {
	case data[0]&0x70 != 0:
		return frame{}, 0, errReserved
	case data[1]&0x80 != 0:
		return frame{}, 0, errMasked
	case f.op >= opClose && (!f.fin || data[1] > 125):
		return frame{}, 0, errControl
	case f.op > opBinary && f.op < opClose, f.op > opPong:
		return frame{}, 0, language.Errorf("the server sends a frame of the unknown kind %d", f.op)
	}
	head, length := 2, uint64(data[1])
	switch {
	case length == 126 && len(data) >= 4:
		head, length = 4, uint64(binary.BigEndian.Uint16(data[2:]))
	case length == 127 && len(data) >= 10:
		head, length = 10, binary.BigEndian.Uint64(data[2:])
	case length >= 126:
		return frame{}, 0, nil
	}
	if length > maxMessage {
		return frame{}, 0, errLongLength
	}
	size = head + int(length)
	if len(data) < size {
		return frame{}, 0, nil
	}
	f.payload = data[head:size]
	return f, size, nil
}

// pongFrame answers a ping (RFC 6455, 5.5.3).
func pongFrame(payload []byte) []byte { return clientFrame(opPong, payload) }

// textFrame is what a page says; it is short.
func textFrame(payload []byte) []byte { return clientFrame(opText, payload) }

// clientFrame is a frame of at most 125 bytes. Clients must mask; the mask of zeros leaves the payload as it is.
func clientFrame(op byte, payload []byte) []byte {
	return append([]byte{0x80 | op, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// closeError says a close frame in words.
func closeError(payload []byte) error {
	if len(payload) < 2 {
		return language.NewError("the server closes the page without a code")
	}
	return language.Errorf("the server closes the page with code %d: %q", binary.BigEndian.Uint16(payload), string(payload[2:]))
}
