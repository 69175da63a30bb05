package websockettest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// closeExchange is a page's close frame, and what the server answers before it closes.
type closeExchange struct{ name, send, want string }

var closeExchanges = []closeExchange{
	{"5.5.1 without a code", masked(0x88, ""), "\x88\x00"},
	{"5.5.1 with a code", masked(0x88, "\x03\xe8"), "\x88\x02\x03\xe8"},
	{"5.5.1 with a reason", masked(0x88, closing(1000, "再见")), "\x88\x02\x03\xe8"},
	{"5.5.1 with the longest reason", masked(0x88, closing(1000, strings.Repeat("x", 123))), "\x88\x02\x03\xe8"},
	{"5.5.1 behind a message", masked(0x81, "Hello") + masked(0x88, "\x03\xe8"), "\x81\x05Hello\x88\x02\x03\xe8"},
	{"5.5.1 between fragments", masked(0x01, "Hel") + masked(0x88, "\x03\xe8"), "\x88\x02\x03\xe8"},
	{"1.4 a ping behind it", masked(0x88, "\x03\xe8") + masked(0x89, "p"), "\x88\x02\x03\xe8"},
	{"1.4 a message behind it", masked(0x88, "\x03\xe8") + masked(0x81, "Hello"), "\x88\x02\x03\xe8"},
	{"1.4 the rest of a message behind it", masked(0x01, "Hel") + masked(0x88, "\x03\xe8") + masked(0x80, "lo"), "\x88\x02\x03\xe8"},
	{"1.4 a violation behind it", masked(0x88, "\x03\xe8") + "\xff\xff\xff", "\x88\x02\x03\xe8"},
	{"1.4 a second one", masked(0x88, "\x03\xe8") + masked(0x88, "\x03\xe9"), "\x88\x02\x03\xe8"},
}

// The codes of RFC 6455, 7.4, and those that IANA has registered since: what a page may send, and what it may not.
var (
	validCodes   = []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}
	invalidCodes = []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}
)

var wrongCloses = []exchange{
	{"5.5.1 half a code", masked(0x88, "\x03"), "", 1002},
	{"5.5.1 a reason over 123 bytes", masked(0x88, closing(1000, strings.Repeat("x", 124))), "", 1002},
	{"5.5.1 a reason that is no text", masked(0x88, closing(1000, "a\xff")), "", 1007},
	{"5.5.1 a reason that breaks off in a character", masked(0x88, closing(1000, "\xe4\xbd")), "", 1007},
	{"5.5.1 a reason with a surrogate", masked(0x88, closing(4000, "\xed\xa0\x80")), "", 1007},
}

func (e Echo) closings(t *testing.T) {
	all := closeExchanges
	for _, code := range validCodes {
		all = append(all, closeExchange{fmt.Sprintf("7.4 the code %d", code), masked(0x88, closing(code, "why")), unmasked(0x88, closing(code, ""))})
	}
	for _, g := range all {
		t.Run(g.name, func(t *testing.T) {
			for _, piece := range []int{len(g.send), 1} {
				p := e.open(t, noOffer)
				p.sendInPieces(g.send, piece)
				p.expect(g.want)
				p.expectEnd()
				p.leave()
			}
		})
	}
	wrong := wrongCloses
	for _, code := range invalidCodes {
		wrong = append(wrong, exchange{fmt.Sprintf("7.4 the code %d", code), masked(0x88, closing(code, "")), "", 1002})
	}
	e.exchanges(t, noOffer, wrong)
	t.Run("7.1.1 the server closes first", e.closesFirst)
	t.Run("7.1.5 the page breaks off", e.breaksOff)
}

// closesFirst: the page's port must not be left in TIME_WAIT, so the end comes from the server, and clean.
func (e Echo) closesFirst(t *testing.T) {
	p := e.open(t, noOffer)
	defer p.leave()
	p.send(masked(0x88, closing(1000, "")))
	p.expect(unmasked(0x88, closing(1000, "")))
	if _, err := p.in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want EOF", err)
	}
}

// breaksOff: a page that has gone without a word, wherever it was, is let go.
func (e Echo) breaksOff(t *testing.T) {
	whole := masked(0x81, "Hello") + masked(0x01, strings.Repeat("x", 200))
	for _, n := range []int{0, 1, 3, 8, 11, 12, 15, 100, len(whole)} {
		p := e.open(t, noOffer)
		p.send(whole[:n])
		if n >= 11 {
			p.expect("\x81\x05Hello")
		}
		p.hangUp()
		p.leave()
	}
}
