package websocket_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
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

// decoding is what a page sends and what its decoder tells.
type decoding struct {
	name   string
	bytes  []byte
	events []string
	code   scenecast.CloseCode // of the violation; 0: none
	reason string              // part of it
}

var decodings = []decoding{
	{"RFC 6455, 5.7: a single-frame masked text message",
		[]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}, []string{`text "Hello"`}, 0, ""},
	{"empty text", masked(0x81, ""), []string{`text ""`}, 0, ""},
	{"binary", masked(0x82, "\xff\x00"), []string{`binary "\xff\x00"`}, 0, ""},
	{"two messages", join(masked(0x81, "a"), masked(0x81, "b")), []string{`text "a"`, `text "b"`}, 0, ""},
	{"16-bit length", masked(0x81, strings.Repeat("x", 300)), []string{`text "` + strings.Repeat("x", 300) + `"`}, 0, ""},
	{"exactly the limit", masked(0x82, strings.Repeat("x", maxMessage)), []string{`binary "` + strings.Repeat("x", maxMessage) + `"`}, 0, ""},
	{"fragments", join(masked(0x01, "He"), masked(0x00, "l"), masked(0x80, "lo")), []string{`text "Hello"`}, 0, ""},
	{"a ping between fragments", join(masked(0x01, "He"), masked(0x89, "p"), masked(0x80, "llo")), []string{`ping "p"`, `text "Hello"`}, 0, ""},
	{"fragments without payload", join(masked(0x01, ""), masked(0x00, ""), masked(0x80, "")), []string{`text ""`}, 0, ""},
	{"as many empty fragments as there may be", join(masked(0x01, ""), bytes.Repeat(masked(0x00, ""), websocket.MaxEmptyFragments-1), masked(0x80, "x")), []string{`text "x"`}, 0, ""},
	{"as many in two messages", join(masked(0x01, ""), bytes.Repeat(masked(0x00, ""), 200), masked(0x80, "x"), masked(0x02, ""), bytes.Repeat(masked(0x00, ""), 200), masked(0x80, "y")), []string{`text "x"`, `binary "y"`}, 0, ""},
	{"as many fragments as bytes", join(masked(0x01, "x"), bytes.Repeat(masked(0x00, "x"), maxMessage-1), masked(0x80, "")), []string{`text "` + strings.Repeat("x", maxMessage) + `"`}, 0, ""},
	{"a ping within a frame's message, both in pieces", join(masked(0x02, "ab"), masked(0x89, strings.Repeat("p", 125)), masked(0x80, "cd")), []string{`ping "` + strings.Repeat("p", 125) + `"`, `binary "abcd"`}, 0, ""},
	{"a character cut by fragments", join(masked(0x01, "\xe4\xbd"), masked(0x80, "\xa0")), []string{`text "你"`}, 0, ""},
	{"two pings", join(masked(0x89, "ab"), masked(0x89, "cd")), []string{`ping "ab"`, `ping "cd"`}, 0, ""},
	{"pong", masked(0x8a, "x"), []string{`pong "x"`}, 0, ""},
	{"close", masked(0x88, "\x03\xe8bye"), []string{`closed 1000 "bye"`}, 0, ""},
	{"close without a code", masked(0x88, ""), []string{`closed 0 ""`}, 0, ""},
	{"close with a code of an application", masked(0x88, "\x0f\xa0"), []string{`closed 4000 ""`}, 0, ""},
	{"close with a code that IANA has added", masked(0x88, "\x03\xf4"), []string{`closed 1012 ""`}, 0, ""},
	{"close with the last of the private codes", masked(0x88, "\x13\x87"), []string{`closed 4999 ""`}, 0, ""},
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
	{"close with a code above 4999", masked(0x88, "\x13\x88"), nil, 1002, "status code"},
	{"close with a reason that is no text", masked(0x88, "\x03\xe8\xff"), nil, 1007, "UTF-8"},
	{"text that is no text", masked(0x81, "\xff"), nil, 1007, "UTF-8"},
	{"text that breaks off in a character", masked(0x81, "\xe4\xbd"), nil, 1007, "UTF-8"},
	{"a surrogate", masked(0x81, "\xed\xa0\x80"), nil, 1007, "UTF-8"},
	{"text that is no text, before its frame's end", masked(0x81, "\xffbc")[:7], nil, 1007, "UTF-8"},
	{"text that is no text, before its last fragment", masked(0x01, "a\xf4\x90"), nil, 1007, "UTF-8"},
	{"text that is no text, cut by fragments", join(masked(0x01, "a\xf4"), masked(0x00, "\x90")), nil, 1007, "UTF-8"},
	{"one empty fragment too many", join(masked(0x01, ""), bytes.Repeat(masked(0x00, ""), websocket.MaxEmptyFragments)), nil, 1009, "over 256 empty fragments"},
	{"over the limit, by its head alone", masked(0x81, strings.Repeat("x", maxMessage+1))[:8], nil, 1009, websocket.SettingMaxMessage},
	{"an enormous length, by its head alone", []byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, nil, 1009, websocket.SettingMaxMessage},
	{"fragments over the limit", join(masked(0x01, strings.Repeat("x", maxMessage)), masked(0x80, "x")), nil, 1009, websocket.SettingMaxMessage},
}

func TestDecoder(t *testing.T) { testDecodings(t, decodings, false) }

// testDecodings feeds every case whole, byte by byte, and in pieces of three.
func testDecodings(t *testing.T, cases []decoding, deflate bool) {
	for _, c := range cases {
		for _, piece := range []int{len(c.bytes), 1, 3} {
			r := &recorder{}
			err := feed(&websocket.Decoder{MaxMessage: maxMessage, Deflate: deflate}, c.bytes, piece, r)
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

// TestIdle: between messages a decoder holds nothing, and one decoder serves all pages.
func TestIdle(t *testing.T) {
	d := &websocket.Decoder{MaxMessage: maxMessage}
	for _, c := range []struct {
		name  string
		bytes []byte
		idle  bool
	}{
		{"a message", masked(0x81, "Hello"), true},
		{"half a head", masked(0x81, "Hello")[:1], false},
		{"a head", masked(0x81, "Hello")[:6], false},
		{"half a message", masked(0x81, "Hello")[:8], false},
		{"a fragment", masked(0x01, "Hello"), false},
		{"an empty fragment", masked(0x01, ""), false},
		{"fragments", join(masked(0x01, "He"), masked(0x80, "llo")), true},
		{"a ping", masked(0x89, "p"), true},
		{"half a ping", masked(0x89, "pp")[:7], false},
		{"a close frame", masked(0x88, ""), false},
	} {
		r := &recorder{}
		if err := feed(d, c.bytes, len(c.bytes), r); err != nil || d.Idle() != c.idle {
			t.Errorf("after %s: %v, idle %v, want %v", c.name, err, d.Idle(), c.idle)
		}
		d.Reset()
		if !d.Idle() || !reflect.DeepEqual(*d, websocket.Decoder{MaxMessage: maxMessage}) {
			t.Errorf("after %s and Reset: %+v", c.name, d)
		}
	}
}

// counter counts messages and keeps nothing.
type counter struct{ messages, bytes int }

func (c *counter) Message(m scenecast.Inbound)          { c.messages++; c.bytes += len(m.Data) }
func (*counter) Ping([]byte)                            {}
func (*counter) Pong([]byte)                            {}
func (*counter) PeerClosed(scenecast.CloseCode, string) {}

// TestAllocations: what comes whole is decoded where it lies.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
	}{
		{"heartbeat", masked(0x81, "heartbeat")},
		{"300 bytes", masked(0x82, strings.Repeat("x", 300))},
		{"Chinese", masked(0x81, strings.Repeat("你好", 50))},
		{"pong", masked(0x8a, "")},
		{"ping", masked(0x89, "abc")},
		{"three in one", join(masked(0x81, "a"), masked(0x8a, ""), masked(0x82, "b"))},
	} {
		d, to, data := &websocket.Decoder{MaxMessage: maxMessage}, &counter{}, bytes.Clone(c.bytes)
		n := testing.AllocsPerRun(100, func() {
			copy(data, c.bytes)
			if err := d.Feed(data, to); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// TestPiecemeal: a message that comes byte by byte is copied a few times as it grows, not once per byte.
func TestPiecemeal(t *testing.T) {
	const size = 64 << 10
	for _, c := range []struct {
		name  string
		bytes []byte
	}{
		{"in one frame", masked(0x82, strings.Repeat("x", size))},
		{"in fragments of a byte", join(masked(0x02, ""), bytes.Repeat(masked(0x00, "x"), size), masked(0x80, ""))},
	} {
		d, to := &websocket.Decoder{MaxMessage: size}, &counter{}
		allocated := allocatedBytes(func() {
			for i := range c.bytes {
				if err := d.Feed(c.bytes[i:i+1], to); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
		})
		if to.messages != 1 || to.bytes != size || allocated > 8*size {
			t.Errorf("%s: %d messages of %d bytes in all, for which %d bytes were allocated", c.name, to.messages, to.bytes, allocated)
		}
	}
}

// allocatedBytes is how much memory a task takes, freed or not.
func allocatedBytes(task func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	task()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkDecoder(b *testing.B) {
	for _, size := range []int{9, 120, 4096} {
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) {
			d, to, data := &websocket.Decoder{MaxMessage: size}, &counter{}, masked(0x81, strings.Repeat("x", size))
			clean := bytes.Clone(data)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(data, clean)
				if err := d.Feed(data, to); err != nil {
					b.Fatal(err)
				}
			}
		})
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
		f.Add(c.bytes, 1, false)
		f.Add(c.bytes[:len(c.bytes)/2], 2, true) // a half-message
	}
	for _, c := range inflations {
		f.Add(c.bytes, 1, true)
		f.Add(c.bytes[:len(c.bytes)/2], 2, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int, deflate bool) {
		piece = max(1, piece)
		whole, pieces := &recorder{}, &recorder{}
		err1 := feed(&websocket.Decoder{MaxMessage: maxMessage, Deflate: deflate}, data, len(data)+1, whole)
		err2 := feed(&websocket.Decoder{MaxMessage: maxMessage, Deflate: deflate}, data, piece, pieces)
		if !reflect.DeepEqual(whole, pieces) || fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Errorf("whole: %v %v; in pieces of %d: %v %v", whole.events, err1, piece, pieces.events, err2)
		}
	})
}
