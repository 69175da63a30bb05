package load

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"scenecast"
	"scenecast/websocket"
)

// heard notes what a decoder finds.
type heard []string

func (h *heard) message(payload []byte) error {
	*h = append(*h, "message "+string(payload))
	return nil
}
func (h *heard) ping(payload []byte) { *h = append(*h, "ping "+string(payload)) }
func (h *heard) closed(payload []byte) error {
	*h = append(*h, "closed")
	return closeError(payload)
}

var (
	long   = strings.Repeat("m", 126)
	longer = strings.Repeat("x", 1<<16)
)

var frames = []struct {
	name  string
	bytes []byte
	want  []string
	err   string
}{
	{"nothing", nil, nil, ""},
	{"text", []byte("\x81\x02hi"), []string{"message hi"}, ""},
	{"binary", []byte("\x82\x02hi"), []string{"message hi"}, ""},
	{"empty", []byte("\x81\x00"), []string{"message "}, ""},
	{"two", []byte("\x81\x02hi\x81\x02ho"), []string{"message hi", "message ho"}, ""},
	{"16 bits of length", websocket.TextFrame([]byte(long)), []string{"message " + long}, ""},
	{"64 bits of length", websocket.TextFrame([]byte(longer)), []string{"message " + longer}, ""},
	{"fragments", []byte("\x01\x01a\x00\x01b\x80\x01c"), []string{"message abc"}, ""},
	{"a ping between fragments", []byte("\x01\x01a\x89\x01p\x80\x01b"), []string{"ping p", "message ab"}, ""},
	{"fragments, then a message", []byte("\x01\x01a\x80\x01b\x81\x01c"), []string{"message ab", "message c"}, ""},
	{"ping", websocket.PingFrame(), []string{"ping "}, ""},
	{"pong", []byte("\x8a\x01x"), nil, ""},
	{"half a head", []byte("\x81"), nil, ""},
	{"half a length", []byte("\x81\x7e\x00"), nil, ""},
	{"half a payload", []byte("\x81\x05hel"), nil, ""},
	{"close", websocket.CloseFrame(scenecast.CloseSlowConsumer, "too slow"), []string{"closed"}, `the server closes the page with code 4408: "too slow"`},
	{"close without a code", websocket.CloseFrame(0, ""), []string{"closed"}, "the server closes the page without a code"},
	{"masked", []byte("\x81\x80\x00\x00\x00\x00"), nil, errMasked.Error()},
	{"reserved bit", []byte("\xc1\x00"), nil, errReserved.Error()},
	{"unknown data frame", []byte("\x83\x00"), nil, "the server sends a frame of the unknown kind 3"},
	{"unknown control frame", []byte("\x8b\x00"), nil, "the server sends a frame of the unknown kind 11"},
	{"long ping", []byte("\x89\x7e\x00\x7e"), nil, errControl.Error()},
	{"ping in fragments", []byte("\x09\x00"), nil, errControl.Error()},
	{"continuation of nothing", []byte("\x80\x01a"), nil, errFragments.Error()},
	{"a message within another", []byte("\x01\x01a\x81\x01b"), nil, errFragments.Error()},
	{"too long", []byte("\x81\x7f\x00\x00\x00\x00\x00\x40\x00\x01"), nil, errLongLength.Error()},
	{"absurdly long", []byte("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), nil, errLongLength.Error()},
}

// TestDecoder feeds everything at once, and then byte for byte.
func TestDecoder(t *testing.T) {
	for _, c := range frames {
		for _, step := range []int{max(1, len(c.bytes)), 1} {
			var d decoder
			var got heard
			var err error
			for part := range slices.Chunk(c.bytes, step) {
				if err = d.feed(bytes.Clone(part), &got); err != nil {
					break
				}
			}
			if !slices.Equal(got, c.want) || text(err) != c.err {
				t.Errorf("%s, %d bytes at a time: got %.80q, %v, want %.80q, %s", c.name, step, got, err, c.want, c.err)
			}
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestDecoderHoldsNothing: an idle page costs no buffer.
func TestDecoderHoldsNothing(t *testing.T) {
	var d decoder
	var got heard
	for _, part := range []string{"\x01\x02h", "e\x80\x01", "y"} {
		if err := d.feed([]byte(part), &got); err != nil {
			t.Fatal(err)
		}
	}
	if d.rest != nil || d.fragments != nil || d.fragmented {
		t.Errorf("after whole messages the decoder holds %+v", d)
	}
}

// FuzzDecoder: however the bytes are cut, the decoder finds the same.
func FuzzDecoder(f *testing.F) {
	for _, c := range frames {
		if len(c.bytes) < 1<<10 {
			f.Add(c.bytes, uint8(1))
			f.Add(c.bytes[:len(c.bytes)/2], uint8(3))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		var whole, parts heard
		var one, many decoder
		err1 := one.feed(bytes.Clone(data), &whole)
		var err2 error
		for part := range slices.Chunk(data, int(step)+1) {
			if err2 = many.feed(bytes.Clone(part), &parts); err2 != nil {
				break
			}
		}
		if !slices.Equal(whole, parts) || text(err1) != text(err2) {
			t.Errorf("at once %q, %v; %d bytes at a time %q, %v", whole, err1, int(step)+1, parts, err2)
		}
	})
}

func TestPong(t *testing.T) {
	if got, want := pongFrame([]byte("hi")), []byte("\x8a\x82\x00\x00\x00\x00hi"); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHandshake(t *testing.T) {
	// The example of RFC 6455, 1.3 has another key; this accept was computed apart from the code.
	h := newHandshake("example.com", "scenecast.v1")
	const good = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
	accept := "sec-websocket-accept:" + h.accept + "\r\nSec-WebSocket-Protocol: scenecast.v1\r\n"
	for _, c := range []struct{ name, answer, rest, err string }{
		{"good", good + accept + "\r\n", "", ""},
		{"good, and a frame", good + accept + "\r\n\x81\x00", "\x81\x00", ""},
		{"not complete", good, "", "not done"},
		{"refused", "HTTP/1.1 401 Unauthorized\r\n\r\n{}", "", "the server refuses the page: 401 Unauthorized {}"},
		{"no accept", good + "\r\n", "", `the server answers the handshake with Sec-WebSocket-Accept "", not "` + h.accept + `"`},
		{"no subprotocol", good + "Sec-WebSocket-Accept: " + h.accept + "\r\n\r\n", "",
			`the server answers the handshake with the subprotocol "", not "scenecast.v1"`},
		{"endless", strings.Repeat("x", maxHead+1), "", "the server's answer to the handshake does not end"},
	} {
		rest, done, err := h.check([]byte(c.answer))
		if err == nil && !done {
			err = errors.New("not done")
		}
		if string(rest) != c.rest || text(err) != c.err {
			t.Errorf("%s: got %q, %v, want %q, %s", c.name, rest, err, c.rest, c.err)
		}
	}
	want := "GET /v1/connect?a=b HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + sameKey + "\r\nSec-WebSocket-Protocol: scenecast.v1\r\n\r\n"
	if got := string(h.request("/v1/connect?a=b")); got != want {
		t.Errorf("request: got %q, want %q", got, want)
	}
}

func TestEnvelope(t *testing.T) {
	for _, native := range []bool{false, true} {
		e, wire := NewEnvelope("abc", 128), &scenecastWire{native: native}
		read := func(text []byte) (int, bool) {
			h, rest := wire.Hear(text)
			if h.Kind != Pushed || len(rest) > 0 {
				return 0, false
			}
			return e.Read(h.Data)
		}
		wrap := func(m []byte) []byte {
			if native {
				return fmt.Appendf(nil, `{"type":"push","position":"x-1","data":%s}`, m)
			}
			return m
		}
		message := e.Write(1234)
		if len(message) != 128 {
			t.Errorf("native %t: %d bytes: %s", native, len(message), message)
		}
		if n, ok := read(wrap(message)); n != 1234 || !ok {
			t.Errorf("native %t: read %d, %t of %s", native, n, ok, message)
		}
		other := NewEnvelope("abd", 128)
		for _, strange := range [][]byte{nil, []byte("{}"), []byte("}"), wrap(other.Write(1)), wrap(message[:127]), wrap(append(message, ' ')),
			wrap(bytes.Replace(message, []byte("xx"), []byte("xy"), 1)), wrap(bytes.Replace(message, []byte("1234"), []byte("123a"), 1)),
			append(wrap(message), '\n')} {
			if n, ok := read(strange); ok {
				t.Errorf("native %t: read %d of %s", native, n, strange)
			}
		}
	}
}
