package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"

	"scenecast/problem"
)

// keyGUID is appended to the client's key before hashing (RFC 6455, 1.3).
const keyGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// IsUpgrade reports whether the request asks to become a WebSocket, rightly or wrongly: see CheckHandshake.
func IsUpgrade(r *http.Request) bool { return hasToken(r.Header, "Upgrade", "websocket") }

// CheckHandshake returns a *problem.Problem where the request cannot be upgraded (RFC 6455, 4.2.1), or does not offer the
// subprotocol, unless that is empty. The answer to one of kind UpgradeRequired must have the header
// `Sec-WebSocket-Version: 13`.
func CheckHandshake(r *http.Request, subprotocol string) error {
	switch {
	case r.Method != http.MethodGet:
		return problem.New(problem.MethodNotAllowed, "a WebSocket opens with GET, not %.20s", r.Method)
	case !r.ProtoAtLeast(1, 1):
		return problem.New(problem.Invalid, "a WebSocket opens with HTTP/1.1")
	case !hasToken(r.Header, "Connection", "upgrade"):
		return problem.New(problem.Invalid, "the header Connection must name Upgrade (does a proxy drop it?)")
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return problem.New(problem.UpgradeRequired, "the header Sec-WebSocket-Version must be 13")
	case subprotocol != "" && !hasToken(r.Header, "Sec-Websocket-Protocol", subprotocol):
		return problem.New(problem.Invalid, "the header Sec-WebSocket-Protocol must offer %s", subprotocol)
	}
	if !isKey(r.Header.Get("Sec-Websocket-Key")) {
		return problem.New(problem.Invalid, "the header Sec-WebSocket-Key must be 16 bytes in base64")
	}
	return nil
}

// isKey reports whether a key is 16 bytes in base64.
func isKey(key string) bool {
	var encoded [keyLength]byte
	var decoded [keyLength / 4 * 3]byte
	if copy(encoded[:], key) < len(key) {
		return false
	}
	n, err := base64.StdEncoding.Decode(decoded[:], encoded[:len(key)])
	return err == nil && n == 16
}

// keyLength is that of 16 bytes in base64.
const keyLength = 24

// SwitchingProtocols is the answer, head and all, to a request that CheckHandshake has passed. A subprotocol that is not
// empty must be one that the client offered, and extensions what AcceptDeflate has made of its offers.
func SwitchingProtocols(r *http.Request, subprotocol, extensions string) []byte {
	var key [keyLength + len(keyGUID)]byte
	n := copy(key[:], r.Header.Get("Sec-Websocket-Key"))
	n += copy(key[n:], keyGUID)
	digest := sha1.Sum(key[:n])
	b := make([]byte, 0, 256)
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = base64.StdEncoding.AppendEncode(b, digest[:])
	if subprotocol != "" {
		b = append(append(b, "\r\nSec-WebSocket-Protocol: "...), subprotocol...)
	}
	if extensions != "" {
		b = append(append(b, "\r\nSec-WebSocket-Extensions: "...), extensions...)
	}
	return append(b, "\r\n\r\n"...)
}

// hasToken reports whether one of the header's comma-separated tokens is this one, in any case.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
