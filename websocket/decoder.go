package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"scenecast"
)

// Receiver is told what a decoder finds. Slices are valid only during the call.
type Receiver interface {
	Message(m scenecast.Inbound)
	Ping(payload []byte)
	Pong(payload []byte)
	// PeerClosed is the last call: the page said goodbye. Code 0 means that it gave none.
	PeerClosed(code scenecast.CloseCode, reason string)
}

// Error is a violation of the protocol by the page: what to put into the close frame.
type Error struct {
	Code   scenecast.CloseCode
	Reason string
}

// Error prints the reason and the code.
func (e *Error) Error() string { return fmt.Sprintf("%s (close code %d)", e.Reason, e.Code) }

// SettingMaxMessage decides how large a page's message may be.
const SettingMaxMessage = "websocket.max_message"

// Decoder turns the bytes of one page into messages and control frames. It holds memory only while a frame or a
// fragmented message is incomplete, never more than MaxMessage and a frame's head. Not safe for concurrent use.
type Decoder struct {
	MaxMessage int // bytes; longer messages are refused with 1009 as soon as a frame's head announces them

	incomplete []byte    // the beginning of a frame whose end has not come yet
	message    []byte    // payloads of the fragments so far
	opcode     ws.OpCode // of the fragmented message
	fragmented bool      // a fragmented message has begun
	closed     bool      // nothing counts after a close frame (RFC 6455, 1.4)
}

// Feed takes the next bytes, unmasking them in place, and tells the receiver of everything that is complete. An error is
// an *Error; nothing may be fed after one.
func (d *Decoder) Feed(data []byte, to Receiver) error {
	if len(d.incomplete) > 0 {
		d.incomplete = append(d.incomplete, data...)
		data = d.incomplete
	}
	for len(data) > 0 && !d.closed {
		head, size, err := d.head(data)
		if err != nil {
			return err
		}
		if size == 0 || len(data)-size < int(head.Length) {
			break
		}
		end := size + int(head.Length)
		payload := data[size:end]
		ws.Cipher(payload, head.Mask, 0)
		if err := d.frame(head, payload, to); err != nil {
			return err
		}
		data = data[end:]
	}
	d.keep(data)
	return nil
}

// keep holds on to the beginning of a frame until the rest comes, and to nothing where there is none.
func (d *Decoder) keep(rest []byte) {
	if len(rest) == 0 || d.closed {
		d.incomplete = nil
		return
	}
	// The rest may lie in incomplete itself; append moves overlapping bytes correctly.
	d.incomplete = append(d.incomplete[:0], rest...)
}

// head reads a frame's head; size 0 means that it is not complete yet.
func (d *Decoder) head(data []byte) (head ws.Header, size int, err error) {
	r := bytes.NewReader(data)
	head, err = ws.ReadHeader(r)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return head, 0, nil
	case err != nil:
		return head, 0, &Error{scenecast.CloseProtocolError, err.Error()}
	}
	state := ws.StateServerSide
	if d.fragmented {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(head, state); err != nil {
		return head, 0, &Error{scenecast.CloseProtocolError, err.Error()}
	}
	if !head.OpCode.IsControl() && head.Length > int64(d.MaxMessage-len(d.message)) {
		return head, 0, &Error{scenecast.CloseTooBig,
			fmt.Sprintf("message over %d bytes (setting: %s)", d.MaxMessage, SettingMaxMessage)}
	}
	return head, len(data) - r.Len(), nil
}

func (d *Decoder) frame(head ws.Header, payload []byte, to Receiver) error {
	switch head.OpCode {
	case ws.OpPing:
		to.Ping(payload)
	case ws.OpPong:
		to.Pong(payload)
	case ws.OpClose:
		return d.close(payload, to)
	default:
		return d.data(head, payload, to)
	}
	return nil
}

func (d *Decoder) close(payload []byte, to Receiver) error {
	if len(payload) == 0 {
		d.closed = true
		to.PeerClosed(0, "")
		return nil
	}
	if len(payload) == 1 {
		return &Error{scenecast.CloseProtocolError, "close frame with half a code"}
	}
	code, reason := ws.ParseCloseFrameData(payload)
	if !utf8.ValidString(reason) {
		return &Error{scenecast.CloseInvalidUTF8, "close reason is not valid UTF-8"}
	}
	if err := ws.CheckCloseFrameData(code, reason); err != nil {
		return &Error{scenecast.CloseProtocolError, err.Error()}
	}
	d.closed = true
	to.PeerClosed(scenecast.CloseCode(code), reason)
	return nil
}

func (d *Decoder) data(head ws.Header, payload []byte, to Receiver) error {
	if head.OpCode != ws.OpContinuation {
		d.opcode = head.OpCode
	}
	d.fragmented = !head.Fin
	if d.fragmented || head.OpCode == ws.OpContinuation {
		d.message = append(d.message, payload...)
		payload = d.message
	}
	if d.fragmented {
		return nil
	}
	d.message = nil
	text := d.opcode == ws.OpText
	if text && !utf8.Valid(payload) {
		return &Error{scenecast.CloseInvalidUTF8, "text message is not valid UTF-8"}
	}
	to.Message(scenecast.Inbound{Text: text, Data: payload})
	return nil
}
