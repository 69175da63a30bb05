// Package jsonread reads one JSON text value by value, each byte once. It is for what is read with every push: encoding/json looks at
// each byte several times, and copies.
//
// A Reader takes what encoding/json takes (RFC 8259, and half a surrogate pair in an escape), but for text that is not UTF-8. It says
// that something is wrong, and not what: encoding/json, asked about the same text, knows.
package jsonread

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Valid reports whether the text is one JSON value in UTF-8.
func Valid(text []byte) bool {
	r := New(text)
	defer r.Free()
	r.Value()
	return r.End()
}

// Reader reads a text. After the first thing that is wrong it reads nothing more, and End tells. It is for one goroutine.
type Reader struct {
	text    []byte
	buffer  bytes.Buffer
	decoder jsontext.Decoder
	failed  bool
}

// readers have memory that is used again: a batch has hundreds of texts.
var readers = sync.Pool{New: func() any { return new(Reader) }}

// New begins to read a text, which is not changed while it is read. Free gives back what the reader takes.
func New(text []byte) *Reader {
	r := readers.Get().(*Reader)
	r.text, r.failed = text, !utf8.Valid(text)
	r.buffer = *bytes.NewBuffer(text) // of which the decoder makes no copy
	// Whether a name may be there twice is the caller's to judge, who knows the object. UTF-8 has been looked at already, so what
	// is allowed here is half a surrogate pair.
	r.decoder.Reset(&r.buffer, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return r
}

// Free ends the use of the reader. The values that it gave stay.
func (r *Reader) Free() {
	r.text, r.buffer = nil, bytes.Buffer{}
	r.decoder.Reset(&r.buffer)
	readers.Put(r)
}

// Peek is the first byte of the next value, or of what ends an object or an array; of any number it is '0'. It is 0 where the text
// ends or is wrong.
func (r *Reader) Peek() byte {
	if r.failed {
		return 0
	}
	return byte(r.decoder.PeekKind())
}

// Enter goes into an object or an array.
func (r *Reader) Enter() { r.token() }

// More reports whether there is a value, or a member, before the end of the object ('}') or the array (']') that was entered.
func (r *Reader) More(end byte) bool {
	next := r.Peek()
	return next != 0 && next != end
}

// Leave goes out of the object or the array.
func (r *Reader) Leave() { r.token() }

// Name is that of the next member. Its value follows.
func (r *Reader) Name() string { return r.token().String() }

// Text is the next value, which is a string. It is false, and the value is still to come, where it is none.
func (r *Reader) Text() (text string, ok bool) {
	if r.Peek() != '"' {
		return "", false
	}
	return r.token().String(), true
}

func (r *Reader) token() jsontext.Token {
	if !r.failed {
		t, err := r.decoder.ReadToken()
		if err == nil {
			return t
		}
		r.failed = true
	}
	return jsontext.Null
}

// Value is the next value as it is written: a part of the text, with no capacity behind its end. It is nil where something is wrong.
func (r *Reader) Value() json.RawMessage {
	if r.failed {
		return nil
	}
	read, err := r.decoder.ReadValue()
	if err != nil {
		r.failed = true
		return nil
	}
	end := int(r.decoder.InputOffset())
	return r.text[end-len(read) : end : end]
}

// End reports whether the text ends here, and everything before was well-formed.
func (r *Reader) End() bool {
	if r.failed {
		return false
	}
	_, err := r.decoder.ReadToken()
	return errors.Is(err, io.EOF)
}
