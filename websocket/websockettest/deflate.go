package websockettest

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"
)

// helloDeflated is the payload of RFC 7692, 7.2.3.1.
const helloDeflated = "\xf2\x48\xcd\xc9\xc9\x07\x00"

// compression is RFC 7692, chapters 6 and 7. The echo may come back compressed or not.
var compression = []exchange{
	{"7.2.3.1 one block", "\xc1\x87\x01\x02\x03\x04\xf3\x4a\xce\xcd\xc8\x05\x03", "\x81\x05Hello", 0},
	{"7.2.3.1 in fragments", masked(0x41, helloDeflated[:3]) + masked(0x80, helloDeflated[3:]), "\x81\x05Hello", 0},
	{"7.2.3.1 in fragments of one byte", fragmented(0x41, helloDeflated, 1), "\x81\x05Hello", 0},
	{"7.2.3.2 the same twice, with no window kept", masked(0xc1, helloDeflated) + masked(0xc1, helloDeflated), "\x81\x05Hello\x81\x05Hello", 0},
	{"7.2.3.2 the same twice, with the window kept", masked(0xc1, helloDeflated) + masked(0xc1, "\xf2\x00\x11\x00\x00"), "\x81\x05Hello", 1007},
	{"7.2.3.3 a block without compression", masked(0xc1, "\x00\x05\x00\xfa\xffHello\x00"), "\x81\x05Hello", 0},
	{"7.2.3.4 a block that calls itself final", masked(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "\x81\x05Hello", 0},
	{"7.2.3.5 two blocks", masked(0xc1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "\x81\x05Hello", 0},
	{"7.2.3.6 an empty message", masked(0xc1, "\x00"), "\x81\x00", 0},
	{"7.2.3.6 an empty message, by another block", masked(0xc1, "\x02\x00"), "\x81\x00", 0},
	{"6 binary", masked(0xc2, helloDeflated), "\x82\x05Hello", 0},
	{"6 a message that is not compressed", masked(0x81, "Hello"), "\x81\x05Hello", 0},
	{"6 fragments that are not compressed", fragmented(1, "Hello", 2), "\x81\x05Hello", 0},
	{"6 both kinds of messages", masked(0x81, "a") + masked(0xc1, helloDeflated) + masked(0x82, "b"), "\x81\x01a\x81\x05Hello\x82\x01b", 0},
	{"6.1 control frames between fragments", masked(0x41, helloDeflated[:3]) + masked(0x89, "p") + masked(0x80, helloDeflated[3:]), "\x8a\x01p\x81\x05Hello", 0},
	{"6.1 the last fragment is empty", masked(0x41, helloDeflated) + masked(0x80, ""), "\x81\x05Hello", 0},
	{"6.1 the first fragment is empty", masked(0x41, "") + masked(0x80, helloDeflated), "\x81\x05Hello", 0},
	{"6.1 RSV1 on a continuation", masked(0x41, helloDeflated[:3]) + masked(0xc0, helloDeflated[3:]), "", 1002},
	{"6.1 RSV1 on a continuation of what is not compressed", masked(0x01, "Hel") + masked(0xc0, "lo"), "", 1002},
	{"6.1 RSV1 on a ping", masked(0xc9, "p"), "", 1002},
	{"6.1 RSV1 on a close frame", masked(0xc8, closing(1000, "")), "", 1002},
	{"6.1 RSV1 and RSV2", masked(0xe1, helloDeflated), "", 1002},
	{"7.2.2 a kind of block that does not exist", masked(0xc1, "\x07"), "", 1007},
	{"7.2.2 a block whose length contradicts itself", masked(0xc1, "\x00\x05\x00\x00\x00Hello"), "", 1007},
	{"7.2.2 a block that breaks off", masked(0xc1, "\x00\x05\x00\xfa\xffHe"), "", 1007},
	{"7.2.2 a final block that breaks off", masked(0xc1, "\x01\x02\x00\xfd\xff"), "", 1007},
	{"7.2.2 no deflate data at all", masked(0xc1, "Hello"), "", 1007},
	{"7.2.2 text that is no text", masked(0xc1, deflated("a\xff")), "", 1007},
	{"7.2.2 text that breaks off in a character", masked(0xc1, deflated("\xe4\xbd")), "", 1007},
	{"7.2.2 binary that is no text", masked(0xc2, deflated("a\xff")), "\x82\x02a\xff", 0},
	{"7.2.2 Chinese", masked(0xc1, deflated(strings.Repeat("你好", 500))), unmasked(0x81, strings.Repeat("你好", 500)), 0},
	{"7.2.2 a character in two fragments", fragmented(0x41, deflated("你好"), 4), unmasked(0x81, "你好"), 0},
}

// inflation is what depends on the server's limit: it holds for what a message inflates to.
func (e Echo) inflation() []exchange {
	most := strings.Repeat("x", e.MaxMessage)
	mega := deflated(strings.Repeat("\x00", 1<<20)) + flushed
	bomb := strings.Repeat(mega, max(1, min(256, e.MaxMessage/len(mega)))) // up to 256 MB
	return []exchange{
		{"as many bytes as may be", masked(0xc2, deflated(most)), unmasked(0x82, most), 0},
		{"one more", masked(0xc2, deflated(most+"x")), "", 1009},
		{"one more, in fragments", fragmented(0x42, deflated(most+"x"), 50), "", 1009},
		{"a bomb", masked(0xc2, bomb), "", 1009},
		{"a bomb, in fragments", fragmented(0x41, bomb, 1000), "", 1009},
		{"a bomb behind a message", masked(0xc1, helloDeflated) + masked(0xc2, bomb), "\x81\x05Hello", 1009},
		{"more compressed bytes than the limit can become, by the head alone", masked(0xc2, strings.Repeat("x", 2*e.MaxMessage))[:14], "", 1009},
		{"some empty blocks", masked(0xc2, strings.Repeat("\x00"+flushed, 100)+helloDeflated), "\x82\x05Hello", 0},
		{"empty blocks that never end", masked(0xc2, strings.Repeat("\x00"+flushed, 10_000)), "", 1009},
		{"fragments without payload that never end", masked(0x41, helloDeflated) + strings.Repeat(masked(0x00, ""), 20000), "", 1009},
	}
}

// compresses: a message comes back smaller if it can, whether the page has compressed it or not.
func (e Echo) compresses(t *testing.T) {
	text := strings.Repeat("abc", 1000)
	p := e.open(t, deflateOffer)
	defer p.leave()
	for _, send := range []string{masked(0x81, text), masked(0xc1, deflated(text)), fragmented(0x41, deflated(text), 10)} {
		p.send(send)
		p.expect(unmasked(0x81, text))
		if !p.compressed {
			t.Errorf("%s came back uncompressed", short(send))
		}
	}
	p.send(masked(0x81, "a"))
	p.expect("\x81\x01a")
	if p.compressed {
		t.Error("one byte came back compressed")
	}
}

// negotiations: what is declined is declined in silence, and RSV1 has no meaning then.
func (e Echo) negotiations(t *testing.T) {
	const bits15 = agreement + "; server_max_window_bits=15"
	for _, c := range []struct{ name, offers, want string }{
		{"7 what Chrome and Firefox offer", "permessage-deflate; client_max_window_bits", agreement},
		{"7 without parameters", "permessage-deflate", agreement},
		{"7.1.1 no context takeover", "permessage-deflate; client_no_context_takeover; server_no_context_takeover", agreement},
		{"7.1.2.2 a smaller window of the page's", "permessage-deflate; client_max_window_bits=9", agreement},
		{"7.1.2.2 in quotes", `permessage-deflate; client_max_window_bits="9"`, agreement},
		{"7.1.2.1 the largest window of the server's", "permessage-deflate; server_max_window_bits=15", bits15},
		{"7.1.2.1 a window that is no number", "permessage-deflate; server_max_window_bits=x", ""},
		{"7.1.2.1 a window over the largest", "permessage-deflate; server_max_window_bits=16", ""},
		{"7.1.2.1 a window without a size", "permessage-deflate; server_max_window_bits", ""},
		{"7.1.2.1 an ill-formed offer and a good one", "permessage-deflate; server_max_window_bits=16, permessage-deflate", agreement},
		{"7.1 a parameter twice", "permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
		{"7.1 a parameter that does not exist", "permessage-deflate; telepathy", ""},
		{"7.1.1 a value where there is none", "permessage-deflate; client_no_context_takeover=1", ""},
		{"5.1 another extension before it", "x-telepathy; distance=\"1, 2\", permessage-deflate", agreement},
		{"5.1 two lines of offers", "x-telepathy\r\nSec-WebSocket-Extensions: permessage-deflate", agreement},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if !e.Deflate {
				want = ""
			}
			p := e.connect(t)
			defer p.leave()
			p.send(upgrade + "Sec-WebSocket-Extensions: " + c.offers + "\r\n\r\n" + masked(0x81, "a") + masked(0xc1, helloDeflated))
			p.expectSwitching(want)
			p.expect("\x81\x01a")
			if want != "" {
				p.expect("\x81\x05Hello")
			} else {
				p.expectClose(1002)
			}
		})
	}
}

// flushed is how compressed data ends, and what a message leaves out (RFC 7692, 7.2.1).
const flushed = "\x00\x00\xff\xff"

// deflated is a message's payload, compressed.
func deflated(payload string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, payload) // a buffer takes everything
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), flushed)
}

// inflate is what a message of the server's was before it was compressed, with no window kept from the one before.
func (p *page) inflate(payload string) string {
	p.t.Helper()
	b, err := io.ReadAll(flate.NewReader(strings.NewReader(payload + flushed + "\x01\x00\x00\xff\xff")))
	if err != nil {
		p.t.Fatalf("%s is not well compressed: %v", short(payload), err)
	}
	return string(b)
}
