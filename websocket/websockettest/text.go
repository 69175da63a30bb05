package websockettest

import "fmt"

// text is what UTF-8 is (RFC 3629), and what it is not.
var texts = []struct {
	name, text string
	valid      bool
}{
	{"one byte", "\x00 a \x7f", true},
	{"two bytes", "\xc2\x80 é \xdf\xbf", true},
	{"three bytes", "\xe0\xa0\x80 你好 \xef\xbf\xbf", true},
	{"four bytes", "\xf0\x90\x80\x80 😀 \xf4\x8f\xbf\xbf", true},
	{"what surrounds the surrogates", "\xed\x9f\xbf \xee\x80\x80", true},
	{"the mark of the byte order", "\xef\xbb\xbfa", true},
	{"what is no character, and is encoded well", "\xef\xbf\xbe \xf0\x9f\xbf\xbf", true},
	{"Greek", "κόσμε", true},

	{"a byte that UTF-8 does not have", "a\xff", false},
	{"another", "a\xfe", false},
	{"a continuation of nothing", "\x80", false},
	{"one continuation too many", "é\xbf", false},
	{"two bytes, cut", "a\xc3", false},
	{"three bytes, cut behind the first", "\xe4", false},
	{"three bytes, cut", "\xe4\xbd", false},
	{"four bytes, cut", "\xf0\x9f\x98", false},
	{"a character within a character", "\xe4\xbda", false},
	{"the slash in two bytes", "\xc0\xaf", false},
	{"the slash in three bytes", "\xe0\x80\xaf", false},
	{"the slash in four bytes", "\xf0\x80\x80\xaf", false},
	{"zero in two bytes", "\xc0\x80", false},
	{"the first surrogate", "\xed\xa0\x80", false},
	{"the last surrogate", "\xed\xbf\xbf", false},
	{"a pair of surrogates", "\xed\xa0\xbd\xed\xb8\x80", false},
	{"the first above U+10FFFF", "\xf4\x90\x80\x80", false},
	{"far above U+10FFFF", "\xf7\xbf\xbf\xbf", false},
	{"five bytes", "\xf8\x88\x80\x80\x80", false},
	{"six bytes", "\xfc\x84\x80\x80\x80\x80", false},
	{"Latin-1", "caf\xe9 au lait", false},
	{"Greek with a surrogate", "κόσμε\xed\xa0\x80edited", false},
}

// utf8Exchanges sends each text whole and in fragments, which may cut a character anywhere.
func utf8Exchanges() (all []exchange) {
	for _, x := range texts {
		want, code := unmasked(0x81, x.text), 0
		if !x.valid {
			want, code = "", 1007
		}
		for _, n := range []int{1, 2, 3} {
			all = append(all, exchange{fmt.Sprintf("%s, in fragments of %d", x.name, n), fragmented(1, x.text, n), want, code})
		}
		all = append(all,
			exchange{x.name, masked(0x81, x.text), want, code},
			exchange{x.name + ", as binary", masked(0x82, x.text), unmasked(0x82, x.text), 0})
	}
	return append(all,
		exchange{"a ping within a character", masked(0x01, "\xe4") + masked(0x89, "p") + masked(0x80, "\xbd\xa0"), "\x8a\x01p\x81\x03你", 0},
		exchange{"each message begins anew", masked(0x82, "\xe4") + masked(0x81, "a"), "\x82\x01\xe4\x81\x01a", 0},
		exchange{"no text, before its frame's end", masked(0x81, "a\xff"+"bcdefgh")[:10], "", 1007},
		exchange{"no text, before its last fragment", masked(0x01, "a\xed\xa0"), "", 1007},
	)
}
