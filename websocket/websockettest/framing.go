package websockettest

import (
	"fmt"
	"strings"
)

// framing is RFC 6455, chapter 5. Each case is named after its section.
var framing = []exchange{
	{"5.7 a single-frame masked text message",
		"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "\x81\x05Hello", 0},
	{"5.7 a fragmented text message",
		"\x01\x83\x01\x02\x03\x04\x49\x67\x6f\x80\x82\x01\x02\x03\x04\x6d\x6d", "\x81\x05Hello", 0},
	{"5.7 a masked ping, with its answer", "\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "\x8a\x05Hello", 0},
	{"5.6 binary", masked(0x82, "\x00\xff\xfe"), "\x82\x03\x00\xff\xfe", 0},
	{"5.6 several messages at once", masked(0x81, "a") + masked(0x82, "b") + masked(0x81, ""), "\x81\x01a\x82\x01b\x81\x00", 0},

	{"5.3 a mask of zeros", maskedWith("\x00\x00\x00\x00", 0x81, "Hello"), "\x81\x05Hello", 0},
	{"5.3 a mask of ones", maskedWith("\xff\xff\xff\xff", 0x81, "Hello"), "\x81\x05Hello", 0},
	{"5.3 another mask for each frame", maskedWith("\x12\x34\x56\x78", 0x01, "Hel") + maskedWith("\x9a\xbc\xde\xf0", 0x80, "lo"), "\x81\x05Hello", 0},
	{"5.1 text without a mask", "\x81\x05Hello", "", 1002},
	{"5.1 a ping without a mask", "\x89\x00", "", 1002},

	{"5.4 two fragments", masked(0x02, "Hel") + masked(0x80, "lo"), "\x82\x05Hello", 0},
	{"5.4 fragments of one byte", fragmented(1, "Hello", 1), "\x81\x05Hello", 0},
	{"5.4 fragments without payload", masked(0x01, "") + masked(0x00, "") + masked(0x80, ""), "\x81\x00", 0},
	{"5.4 payload in the middle only", masked(0x01, "") + masked(0x00, "Hello") + masked(0x80, ""), "\x81\x05Hello", 0},
	{"5.4 a ping between fragments", masked(0x01, "Hel") + masked(0x89, "p") + masked(0x80, "lo"), "\x8a\x01p\x81\x05Hello", 0},
	{"5.4 pings and pongs between all fragments",
		masked(0x01, "Hel") + masked(0x89, "1") + masked(0x8a, "") + masked(0x00, "l") + masked(0x89, "2") + masked(0x80, "o"),
		"\x8a\x011\x8a\x012\x81\x05Hello", 0},
	{"5.4 fragments, a message, fragments", fragmented(1, "ab", 1) + masked(0x82, "c") + fragmented(2, "de", 1), "\x81\x02ab\x82\x01c\x82\x02de", 0},
	{"5.4 a continuation of nothing", masked(0x80, "Hello"), "", 1002},
	{"5.4 a continuation of nothing, not the last", masked(0x00, "Hello"), "", 1002},
	{"5.4 a continuation behind a whole message", masked(0x81, "Hello") + masked(0x80, "x"), "\x81\x05Hello", 1002},
	{"5.4 text within fragments", masked(0x01, "Hel") + masked(0x81, "lo"), "", 1002},
	{"5.4 binary within fragments", masked(0x01, "Hel") + masked(0x02, "lo"), "", 1002},

	{"5.5 a ping in fragments", masked(0x09, "a") + masked(0x80, "b"), "", 1002},
	{"5.5 a pong in fragments", masked(0x0a, "a"), "", 1002},
	{"5.5 a close frame in fragments", masked(0x08, closing(1000, "")), "", 1002},
	{"5.5 a ping of 125 bytes", masked(0x89, strings.Repeat("\xfe", 125)), unmasked(0x8a, strings.Repeat("\xfe", 125)), 0},
	{"5.5 a ping of 126 bytes", masked(0x89, strings.Repeat("\xfe", 126)), "", 1002},
	{"5.5 a pong of 126 bytes", masked(0x8a, strings.Repeat("\xfe", 126)), "", 1002},
	{"5.5 a ping of 64 bits of length", "\x89\xff\x00\x00\x00\x00\x00\x01\x00\x00\x01\x02\x03\x04", "", 1002},
	{"5.5.2 a ping without payload", masked(0x89, ""), "\x8a\x00", 0},
	{"5.5.2 a ping that is no text", masked(0x89, "\x00\xff\xfe"), "\x8a\x03\x00\xff\xfe", 0},
	{"5.5.2 pings, answered in their order", tenPings, tenPongs, 0},
	{"5.5.3 a pong without a ping", masked(0x8a, "x"), "", 0},
	{"5.5.3 a pong, then a ping", masked(0x8a, "x") + masked(0x89, "y"), "\x8a\x01y", 0},

	{"5.2 RSV1 without an extension", masked(0xc1, "Hello"), "", 1002},
	{"5.2 RSV2", masked(0xa1, "Hello"), "", 1002},
	{"5.2 RSV3", masked(0x91, "Hello"), "", 1002},
	{"5.2 all reserved bits", masked(0xf2, "Hello"), "", 1002},
	{"5.2 RSV1 on a ping", masked(0xc9, ""), "", 1002},
	{"5.2 RSV2 on a continuation", masked(0x01, "Hel") + masked(0xa0, "lo"), "", 1002},
	{"5.2 RSV3 on a close frame", masked(0x98, closing(1000, "")), "", 1002},
	{"5.2 a reserved bit behind a message", masked(0x81, "Hello") + masked(0xc1, "Hello"), "\x81\x05Hello", 1002},
	{"5.2 the opcode 3", masked(0x83, ""), "", 1002},
	{"5.2 the opcode 4", masked(0x84, "x"), "", 1002},
	{"5.2 the opcode 5", masked(0x85, "x"), "", 1002},
	{"5.2 the opcode 6", masked(0x86, "x"), "", 1002},
	{"5.2 the opcode 7", masked(0x87, "x"), "", 1002},
	{"5.2 the opcode 11", masked(0x8b, ""), "", 1002},
	{"5.2 the opcode 12", masked(0x8c, "x"), "", 1002},
	{"5.2 the opcode 13", masked(0x8d, "x"), "", 1002},
	{"5.2 the opcode 14", masked(0x8e, "x"), "", 1002},
	{"5.2 the opcode 15", masked(0x8f, "x"), "", 1002},
	{"5.2 the opcode 3 within fragments", masked(0x01, "Hel") + masked(0x83, "lo"), "", 1002},
	{"5.2 a length with its highest bit set", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x01\x02\x03\x04", "", 1002},
}

var (
	tenPings = strings.Join(numbered(10, func(s string) string { return masked(0x89, s) }), "")
	tenPongs = strings.Join(numbered(10, func(s string) string { return unmasked(0x8a, s) }), "")
)

func numbered(n int, frame func(payload string) string) []string {
	frames := make([]string, n)
	for i := range frames {
		frames[i] = frame(fmt.Sprint("number ", i))
	}
	return frames
}

// lengths are those at which a frame's head changes.
func (e Echo) lengths() (all []exchange) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		text, binary := strings.Repeat("*", n), strings.Repeat("\xfe", n)
		all = append(all,
			exchange{fmt.Sprintf("5.2 text of %d bytes", n), masked(0x81, text), unmasked(0x81, text), 0},
			exchange{fmt.Sprintf("5.2 binary of %d bytes", n), masked(0x82, binary), unmasked(0x82, binary), 0},
		)
	}
	for _, n := range []int{64, 1000, 32768} {
		text := strings.Repeat("abcdefgh", 8192)
		all = append(all, exchange{fmt.Sprintf("5.4 65536 bytes in fragments of %d", n), fragmented(1, text, n), unmasked(0x81, text), 0})
	}
	return all
}

// limits are the server's own: a page is closed as soon as it is known that a message will be too large.
func (e Echo) limits() []exchange {
	most := strings.Repeat("x", e.MaxMessage)
	return []exchange{
		{"as many bytes as may be", masked(0x82, most), unmasked(0x82, most), 0},
		{"one more, by its head alone", masked(0x82, most+"x")[:14], "", 1009},
		{"the largest length there is, by its head alone", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", "", 1009},
		{"as many bytes as may be, in fragments", masked(0x02, most[1:]) + masked(0x80, "x"), unmasked(0x82, most), 0},
		{"one more, in fragments", masked(0x02, most) + masked(0x00, "x"), "", 1009},
		{"one more, after a ping", masked(0x02, most) + masked(0x89, "p") + masked(0x80, "x"), "\x8a\x01p", 1009},
		{"one more, behind a message", masked(0x81, "a") + masked(0x82, most+"x")[:14], "\x81\x01a", 1009},
		{"some fragments without payload", strings.Repeat(masked(0x01, "")+strings.Repeat(masked(0x00, ""), 100)+masked(0x80, "x"), 2), "\x81\x01x\x81\x01x", 0},
		{"fragments without payload that never end", masked(0x01, "x") + strings.Repeat(masked(0x00, ""), 20000), "", 1009},
	}
}
