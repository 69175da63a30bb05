package websocket

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"scenecast"
)

// Receiver gets what a decoder finds. Slices are valid only during the call.
type Receiver interface {
	Message(m scenecast.Inbound)
	Ping(payload []byte)
	Pong(payload []byte)
	// PeerClosed is the last call: the page sent a close frame. Code 0 means that it gave none.
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

// MaxEmptyFragments is how many fragments of one message may be empty. Those that are not are bounded by MaxMessage; a
// page that sends empty ones forever would keep the server busy with a message that never comes.
const MaxEmptyFragments = 256

// Decoder turns the bytes of one page into messages and control frames. It holds memory only while a frame or a fragmented
// message is incomplete, and no more than has come. Not safe for concurrent use.
type Decoder struct {
	MaxMessage int  // bytes; longer messages are refused with 1009 as soon as a frame's head announces them
	Deflate    bool // permessage-deflate was agreed on: messages may be compressed

	begun [ws.MaxHeaderSize]byte // the beginning of a frame's head
	known int                    // how much of it has come

	head    ws.Header // of the frame whose payload is coming
	inFrame bool      // there is one
	read    int       // bytes of its payload that have come
	control []byte    // what has come of it, if it is a control frame

	fragmented bool      // a message has begun, and its last frame not
	opcode     ws.OpCode // of the message
	compressed bool      // so is the message
	empty      int       // fragments of it without payload
	message    []byte    // what has come of its payload, compressed if it is
	text       text      // what has come of it, if it is uncompressed text

	ended   uint64 // messages and control frames that have ended
	discard bool   // messages are not kept, and not passed on
	closed  bool   // nothing counts after a close frame (RFC 6455, 1.4)
}

// Idle reports whether the decoder holds nothing of its page: the next page's bytes can be fed to it.
func (d *Decoder) Idle() bool { return !d.Incomplete() && !d.closed }

// Incomplete reports whether a frame or a message has begun and not ended.
func (d *Decoder) Incomplete() bool { return d.inFrame || d.known > 0 || d.fragmented }

// Discard makes the decoder drop what it holds of a message, and pass on control frames alone from now on: of a page that is
// closing only the close frame has a meaning.
func (d *Decoder) Discard() { d.discard, d.message = true, nil }

// Held is how many bytes the decoder holds of what is incomplete, beside itself.
func (d *Decoder) Held() int { return cap(d.message) + cap(d.control) }

// Missing is how many bytes are to come of the frame that is incomplete, as far as its head is known.
func (d *Decoder) Missing() int {
	if !d.inFrame {
		return 0
	}
	return int(d.head.Length) - d.read
}

// Ended counts the messages and control frames that have ended. While it stays the same, what is incomplete is
// the same.
func (d *Decoder) Ended() uint64 { return d.ended }

// Reset makes the decoder forget its page, after an error or a close frame too.
func (d *Decoder) Reset() { *d = Decoder{MaxMessage: d.MaxMessage, Deflate: d.Deflate} }

// Feed takes the next bytes, unmasking them in place, and passes everything that is complete to the receiver. An error is
// an *Error; nothing may be fed after one.
func (d *Decoder) Feed(data []byte, to Receiver) error {
	_, err := d.FeedFrames(data, to, math.MaxInt)
	return err
}

// FeedFrames is Feed up to the end of so many frames. It returns the bytes behind them, which are to be fed next.
func (d *Decoder) FeedFrames(data []byte, to Receiver, most int) (rest []byte, err error) {
	for len(data) > 0 && !d.closed && most > 0 {
		if !d.inFrame {
			size, err := d.begin(data)
			if err != nil {
				return nil, err
			}
			data = data[size:]
			if !d.inFrame {
				break
			}
		}
		part := data[:min(len(data), int(d.head.Length)-d.read)]
		data = data[len(part):]
		ws.Cipher(part, d.head.Mask, d.read)
		d.read += len(part)
		d.inFrame = d.read < int(d.head.Length)
		if !d.inFrame {
			most--
		}
		if d.head.OpCode.IsControl() {
			err = d.controlPart(part, to)
		} else {
			err = d.dataPart(part, to)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.closed {
		return nil, nil
	}
	return data, nil
}

// controlPart takes a part of a control frame's payload, and acts on the last.
func (d *Decoder) controlPart(payload []byte, to Receiver) error {
	if d.inFrame || len(d.control) > 0 {
		d.control = append(d.control, payload...)
		payload = d.control
	}
	if d.inFrame {
		return nil
	}
	d.control = nil
	d.ended++
	switch d.head.OpCode {
	case ws.OpPing:
		to.Ping(payload)
	case ws.OpPong:
		to.Pong(payload)
	default:
		return d.close(payload, to)
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
	if err := checkCloseCode(code); err != nil {
		return &Error{scenecast.CloseProtocolError, err.Error()}
	}
	d.closed = true
	to.PeerClosed(scenecast.CloseCode(code), reason)
	return nil
}

// registeredLater are codes that IANA has registered since the RFC: service restart, try again later, bad gateway.
var registeredLater = ws.StatusCodeRange{Min: 1012, Max: 1014}

// checkCloseCode: RFC 6455, 7.4.
func checkCloseCode(code ws.StatusCode) error {
	switch {
	case code.In(registeredLater):
		return nil
	case code > ws.StatusRangePrivate.Max:
		return ws.ErrProtocolStatusCodeUnknown
	}
	return ws.CheckCloseFrameData(code, "")
}

// dataPart takes a part of a message's payload, and acts on the last. Text is checked as it comes, so what is none fails
// at the byte that shows it, not when the page at last ends its message.
func (d *Decoder) dataPart(payload []byte, to Receiver) error {
	isText := d.opcode == ws.OpText
	if d.discard {
		d.fragmented, d.message = !d.head.Fin, nil
		return nil
	}
	if isText && !d.compressed && !d.text.goesOn(payload) {
		return errNotText
	}
	d.fragmented = !d.head.Fin
	incomplete := d.inFrame || d.fragmented
	if incomplete || len(d.message) > 0 {
		d.message = append(d.message, payload...)
		payload = d.message
	}
	if incomplete {
		return nil
	}
	d.message = nil
	d.ended++
	if d.compressed {
		return d.inflated(payload, to)
	}
	if isText && !d.text.ended() {
		return errNotText
	}
	to.Message(scenecast.Inbound{Text: isText, Data: payload})
	return nil
}

// inflated inflates a message for the receiver.
func (d *Decoder) inflated(payload []byte, to Receiver) error {
	buffer := outputs.Get().(*[]byte)
	out, err := inflate((*buffer)[:0], payload, d.MaxMessage)
	if cap(out) <= maxPooled {
		*buffer = out
		defer outputs.Put(buffer)
	}
	isText := d.opcode == ws.OpText
	switch {
	case errors.Is(err, errInflated):
		return d.tooBig()
	case errors.Is(err, errEmptyBlocks):
		return &Error{scenecast.CloseTooBig, fmt.Sprintf("message with over %d empty blocks", MaxEmptyBlocks)}
	case err != nil:
		return &Error{scenecast.CloseInvalidUTF8, "message is not well compressed"}
	case isText && !utf8.Valid(out):
		return errNotText
	}
	to.Message(scenecast.Inbound{Text: isText, Data: out})
	return nil
}

func (d *Decoder) tooBig() error {
	return &Error{scenecast.CloseTooBig, fmt.Sprintf("message over %d bytes (setting: %s)", d.MaxMessage, SettingMaxMessage)}
}

var errNotText = &Error{scenecast.CloseInvalidUTF8, "text message is not valid UTF-8"}
