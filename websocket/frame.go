package websocket

import (
	"strings"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"scenecast"
)

// maxCloseReason is what a control frame's 125 bytes leave after the code (RFC 6455, 5.5).
const maxCloseReason = ws.MaxControlFramePayloadSize - 2

// TextFrame is a whole unmasked text message with this payload, which must be valid UTF-8.
func TextFrame(payload []byte) []byte { return frame(ws.NewTextFrame(payload)) }

// BinaryFrame is a whole unmasked binary message with this payload.
func BinaryFrame(payload []byte) []byte { return frame(ws.NewBinaryFrame(payload)) }

// PingFrame is a ping without payload.
func PingFrame() []byte { return frame(ws.NewPingFrame(nil)) }

// PongFrame answers a ping with its payload (RFC 6455, 5.5.3), which has at most 125 bytes.
func PongFrame(payload []byte) []byte { return frame(ws.NewPongFrame(payload)) }

// CloseFrame is a close frame. A reason over 123 bytes is cut, at a character's border. Code 0 makes a close frame without a
// code, the answer to one that had none.
func CloseFrame(code scenecast.CloseCode, reason string) []byte {
	if code == 0 {
		return frame(ws.NewCloseFrame(nil))
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) > maxCloseReason {
		cut := maxCloseReason
		for !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut]
	}
	return frame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), reason)))
}

func frame(f ws.Frame) []byte {
	// MustCompileFrame panics on a negative length only, which the length of a slice never is.
	return ws.MustCompileFrame(f)
}
