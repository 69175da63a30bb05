package sockjs

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"scenecast"
	"scenecast/language"
)

// The frames of SockJS, each on a line of its own.
var (
	heartbeatFrame = []byte("h\n")
	openFrame      = []byte("o\n")

	// prelude begins a stream: browsers show a script nothing of a response until some bytes have come. A client takes it for a heartbeat.
	prelude = append(append(make([]byte, 0, preludeSize+1), repeat('h', preludeSize)...), '\n')
)

const preludeSize = 2048

func repeat(c byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	return b
}

// openFrameFor is the first frame of a session. A client goes on under the hostname, if there is one.
func openFrameFor(hostname string) []byte {
	if hostname == "" {
		return openFrame
	}
	b := append([]byte(`o{"hostname":`), appendString(nil, []byte(hostname))...)
	return append(b, "}\n"...)
}

// closeFrame is the last frame of a session.
func closeFrame(code scenecast.CloseCode, reason string) []byte {
	b := strconv.AppendUint([]byte("c["), uint64(code), 10)
	b = append(b, ',')
	b = appendString(b, []byte(reason))
	return append(b, "]\n"...)
}

// messagesFrame is a frame with these messages, JSON strings with commas between them.
func messagesFrame(messages []byte) []byte {
	b := make([]byte, 0, len(messages)+4)
	b = append(b, "a["...)
	b = append(b, messages...)
	return append(b, "]\n"...)
}

const hex = "0123456789abcdef"

// appendString appends a JSON string. U+2028 and U+2029 are escaped, which old JavaScript takes for ends of lines; what is no UTF-8 is
// replaced.
func appendString(b, text []byte) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		var escaped []byte
		switch {
		case c == '"' || c == '\\':
			escaped = []byte{'\\', c}
		case c < ' ':
			escaped = []byte{'\\', 'u', '0', '0', hex[c>>4], hex[c&15]}
		default:
			var r rune
			if r, size = utf8.DecodeRune(text[i:]); r == '\u2028' || r == '\u2029' {
				escaped = []byte{'\\', 'u', '2', '0', '2', hex[r&15]}
			} else if r == utf8.RuneError && size == 1 {
				escaped = []byte(`\ufffd`)
			}
		}
		if escaped != nil {
			b = append(append(b, text[from:i]...), escaped...)
			from = i + size
		}
		i += size
	}
	return append(append(b, text[from:]...), '"')
}

// units is how long a script of the page finds a text: in units of UTF-16.
func units(text []byte) (n int) {
	for _, c := range text {
		if c&0xc0 != 0x80 { // a character's first byte
			n++
		}
		if c >= 0xf0 { // of four: a surrogate pair
			n++
		}
	}
	return n
}

// parseMessages reads the body of an /xhr_send: a JSON array of strings.
func parseMessages(body []byte) (messages []string, err error) {
	if err := json.Unmarshal(body, &messages); err != nil {
		return nil, language.Errorf("the body is not a JSON array of strings")
	}
	if messages == nil {
		return nil, language.Errorf("the body is null, and not a JSON array of strings")
	}
	return messages, nil
}

// WebSocket frames (RFC 6455, 5.2), which the loop reads and writes.
const (
	opText  = 0x1
	opBin   = 0x2
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa

	final  = 0x80
	masked = 0x80
)

// appendMasked appends a frame of a page. Its mask is zero: it goes through no proxy.
func appendMasked(b []byte, opcode byte, payload string) []byte {
	b = append(b, final|opcode)
	switch n := len(payload); {
	case n < 126:
		b = append(b, masked|byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0)
	return append(b, payload...)
}

// cutFrame cuts the first frame of a server from the bytes; false: it has not come whole.
func cutFrame(b []byte) (opcode byte, payload, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, b, false
	}
	head, size := 2, uint64(b[1]&0x7f)
	switch size {
	case 126:
		if head = 4; len(b) >= head {
			size = uint64(binary.BigEndian.Uint16(b[2:]))
		}
	case 127:
		if head = 10; len(b) >= head {
			size = binary.BigEndian.Uint64(b[2:])
		}
	}
	if len(b) < head || uint64(len(b)-head) < size {
		return 0, nil, b, false
	}
	end := head + int(size)
	return b[0] & 0xf, b[head:end], b[end:], true
}
