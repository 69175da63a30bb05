package websocket_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"scenecast"
	"scenecast/websocket"
)

// recorder writes down what a decoder tells it.
type recorder struct{ events []string }

func (r *recorder) Message(m scenecast.Inbound) {
	kind := "binary"
	if m.Text {
		kind = "text"
	}
	r.events = append(r.events, fmt.Sprintf("%s %q", kind, m.Data))
}
func (r *recorder) Ping(p []byte) { r.events = append(r.events, fmt.Sprintf("ping %q", p)) }
func (r *recorder) Pong(p []byte) { r.events = append(r.events, fmt.Sprintf("pong %q", p)) }
func (r *recorder) PeerClosed(code scenecast.CloseCode, reason string) {
	r.events = append(r.events, fmt.Sprintf("closed %d %q", code, reason))
}

// masked is a frame as a page sends it: first byte as given, mask 1 2 3 4.
func masked(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = append(b, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, 1, 2, 3, 4)
	for i := range len(payload) {
		b = append(b, payload[i]^byte(i%4+1))
	}
	return b
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

const maxMessage = 1000

var decodings = []struct {
	name   string
	bytes  []byte
	events []string
	code   scenecast.CloseCode // of the violation; 0: none
	reason string              // part of it
}{
	{"RFC 6455, 5.7: a single-frame masked text message",
		[]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}, []string{`text "Hello"`}, 0, ""},
	{"empty text", masked(0x81, ""), []string{`text ""`}, 0, ""},
	{"binary", masked(0x82, "\xff\x00"), []string{`binary "\xff\x00"`}, 0, ""},
	{"two messages", join(masked(0x81, "a"), masked(0x81, "b")), []string{`text "a"`, `text "b"`}, 0, ""},
	{"16-bit length", masked(0x81, strings.Repeat("x", 300)), []string{`text "` + strings.Repeat("x", 300) + `"`}, 0, ""},
	{"exactly the limit", masked(0x82, strings.Repeat("x", maxMessage)), []string{`binary "` + strings.Repeat("x", maxMessage) + `"`}, 0, ""},
	{"fragments", join(masked(0x01, "He"), masked(0x00, "l"), masked(0x80, "lo")), []string{`text "Hello"`}, 0, ""},
	{"a ping between fragments", join(masked(0x01, "He"), masked(0x89, "p"), masked(0x80, "llo")), []string{`ping "p"`, `text "Hello"`}, 0, ""},
	{"a character cut by fragments", join(masked(0x01, "\xe4\xbd"), masked(0x80, "\xa0")), []string{`text "你"`}, 0, ""},
	{"pong", masked(0x8a, "x"), []string{`pong "x"`}, 0, ""},
	{"close", masked(0x88, "\x03\xe8bye"), []string{`closed 1000 "bye"`}, 0, ""},
	{"close without a code", masked(0x88, ""), []string{`closed 0 ""`}, 0, ""},
	{"close with a code of an application", masked(0x88, "\x0f\xa0"), []string{`closed 4000 ""`}, 0, ""},
	{"nothing counts behind a close", join(masked(0x88, ""), []byte{0xff, 0xff, 0xff}), []string{`closed 0 ""`}, 0, ""},

	{"unmasked", []byte{0x81, 0x01, 'a'}, nil, 1002, "masked"},
	{"reserved bit", masked(0xc1, "a"), nil, 1002, "rsv"},
	{"reserved opcode", masked(0x83, "a"), nil, 1002, "op code"},
	{"fragmented ping", masked(0x09, "a"), nil, 1002, "control frame"},
	{"long ping", masked(0x89, strings.Repeat("x", 126)), nil, 1002, "control frame"},
	{"continuation of nothing", masked(0x80, "a"), nil, 1002, "continuation"},
	{"a message within a message", join(masked(0x01, "a"), masked(0x81, "b")), nil, 1002, "continuation"},
	{"length with the highest bit", []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, nil, 1002, "most significant bit"},
	{"close with half a code", masked(0x88, "\x03"), nil, 1002, "half a code"},
	{"close with a code that is never sent", masked(0x88, "\x03\xed"), nil, 1002, "status code"},
	{"close with a code below 1000", masked(0x88, "\x00\x01"), nil, 1002, "status code"},
	{"close with a reason that is no text", masked(0x88, "\x03\xe8\xff"), nil, 1007, "UTF-8"},
	{"text that is no text", masked(0x81, "\xff"), nil, 1007, "UTF-8"},
	{"text that breaks off in a character", masked(0x81, "\xe4\xbd"), nil, 1007, "UTF-8"},
	{"a surrogate", masked(0x81, "\xed\xa0\x80"), nil, 1007, "UTF-8"},
	{"over the limit, by its head alone", masked(0x81, strings.Repeat("x", maxMessage+1))[:8], nil, 1009, websocket.SettingMaxMessage},
	{"an enormous length, by its head alone", []byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, nil, 1009, websocket.SettingMaxMessage},
	{"fragments over the limit", join(masked(0x01, strings.Repeat("x", maxMessage)), masked(0x80, "x")), nil, 1009, websocket.SettingMaxMessage},
}

// TestDecoder feeds every case whole, byte by byte, and in pieces of three.
func TestDecoder(t *testing.T) {
	for _, c := range decodings {
		for _, piece := range []int{len(c.bytes), 1, 3} {
			r := &recorder{}
			err := feed(&websocket.Decoder{MaxMessage: maxMessage}, c.bytes, piece, r)
			if !reflect.DeepEqual(r.events, c.events) {
				t.Errorf("%s, in pieces of %d: told %v, want %v", c.name, piece, r.events, c.events)
			}
			var violation *websocket.Error
			if errors.As(err, &violation) != (c.code != 0) {
				t.Errorf("%s, in pieces of %d: error %v, want close code %d", c.name, piece, err, c.code)
			} else if violation != nil && (violation.Code != c.code || !strings.Contains(violation.Reason, c.reason)) {
				t.Errorf("%s, in pieces of %d: error %v, want close code %d with %q", c.name, piece, err, c.code, c.reason)
			}
		}
	}
}

// feed gives a decoder a copy of the bytes, which it unmasks in place, piece by piece.
func feed(d *websocket.Decoder, data []byte, piece int, to websocket.Receiver) error {
	data = bytes.Clone(data)
	for len(data) > 0 {
		n := min(piece, len(data))
		if err := d.Feed(data[:n], to); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// FuzzDecoder: however the bytes are cut, a decoder tells the same, and never panics.
func FuzzDecoder(f *testing.F) {
	for _, c := range decodings {
		f.Add(c.bytes, 1)
		f.Add(c.bytes[:len(c.bytes)/2], 2) // a half-message
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		piece = max(1, piece)
		whole, pieces := &recorder{}, &recorder{}
		err1 := feed(&websocket.Decoder{MaxMessage: maxMessage}, data, len(data)+1, whole)
		err2 := feed(&websocket.Decoder{MaxMessage: maxMessage}, data, piece, pieces)
		if !reflect.DeepEqual(whole, pieces) || fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Errorf("whole: %v %v; in pieces of %d: %v %v", whole.events, err1, piece, pieces.events, err2)
		}
	})
}
