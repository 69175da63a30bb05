package load

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strings"

	"scenecast/language"
)

const (
	keyGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, 1.3

	// sameKey is the Sec-WebSocket-Key of every page: it keeps caches from answering, which a load test has none of,
	// and one answer to compare with is cheaper than ten thousand.
	sameKey = "c2NlbmVjYXN0IGJlbmNoLg=="

	maxHead = 16 << 10
)

// handshake opens pages as WebSockets (RFC 6455, 4).
type handshake struct {
	host     string // of the header Host
	protocol string // the subprotocol; may be empty
	accept   string // what the server must answer
}

func newHandshake(host, protocol string) handshake {
	digest := sha1.Sum([]byte(sameKey + keyGUID))
	return handshake{host: host, protocol: protocol, accept: base64.StdEncoding.EncodeToString(digest[:])}
}

// request asks for a page; target is its path and query.
func (h *handshake) request(target string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", target, h.host, sameKey)
	if h.protocol != "" {
		b.WriteString("Sec-WebSocket-Protocol: " + h.protocol + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// check reads the server's answer. While it is incomplete, done is false; then rest is what follows it.
func (h *handshake) check(answer []byte) (rest []byte, done bool, err error) {
	head, rest, done := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !done {
		if len(answer) > maxHead {
			return nil, false, language.NewError("the server's answer to the handshake does not end")
		}
		return nil, false, nil
	}
	status, fields, _ := strings.Cut(string(head), "\r\n")
	if !strings.HasPrefix(status, "HTTP/1.1 101") {
		_, status, _ = strings.Cut(status, " ")
		return nil, false, language.Errorf("the server refuses the page: %s %.200s", status, string(bytes.TrimSpace(rest)))
	}
	if got := field(fields, "Sec-WebSocket-Accept"); got != h.accept {
		return nil, false, language.Errorf("the server answers the handshake with Sec-WebSocket-Accept %q, not %q", got, h.accept)
	}
	if got := field(fields, "Sec-WebSocket-Protocol"); got != h.protocol {
		return nil, false, language.Errorf("the server answers the handshake with the subprotocol %q, not %q", got, h.protocol)
	}
	return rest, true, nil
}

// field is a header's value in the lines of a head; empty where it is missing.
func field(lines, name string) string {
	for line := range strings.SplitSeq(lines, "\r\n") {
		if key, value, _ := strings.Cut(line, ":"); strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
