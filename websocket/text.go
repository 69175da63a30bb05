package websocket

import "unicode/utf8"

// text checks UTF-8 piece by piece, wherever the pieces are cut. Its zero value is the empty text.
type text struct {
	cut  [utf8.UTFMax]byte // the beginning of a character whose end has not come
	size int               // bytes of it
}

// goesOn reports whether the text so far, with this piece behind it, can still become valid. After false it is useless.
func (t *text) goesOn(piece []byte) bool {
	for t.size > 0 && len(piece) > 0 {
		t.cut[t.size] = piece[0]
		t.size++
		piece = piece[1:]
		if utf8.FullRune(t.cut[:t.size]) {
			if !utf8.Valid(t.cut[:t.size]) {
				return false
			}
			t.size = 0
		}
	}
	if utf8.Valid(piece) {
		return true
	}
	// The last character may have been cut: all bytes before its first must be valid, and it not wrong so far.
	for n := 1; n < utf8.UTFMax && n <= len(piece); n++ {
		last := piece[len(piece)-n:]
		if utf8.RuneStart(last[0]) {
			t.size = copy(t.cut[:], last)
			return !utf8.FullRune(last) && utf8.Valid(piece[:len(piece)-n])
		}
	}
	return false
}

// ended reports whether the text may end here.
func (t *text) ended() bool { return t.size == 0 }
