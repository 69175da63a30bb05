package websocket_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"scenecast"
	"scenecast/websocket"
)

// deflated is a message's payload as a page compresses it (RFC 7692, 7.2.1).
func deflated(payload string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write([]byte(payload))
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// helloDeflated is the payload of RFC 7692, 7.2.3.1.
const helloDeflated = "\xf2\x48\xcd\xc9\xc9\x07\x00"

// stored is a block without compression, and not the last.
func stored(payload string) string {
	n := len(payload)
	return string([]byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}) + payload
}

var inflations = []decoding{
	{"RFC 7692, 7.2.3.1: a message compressed using one block", masked(0xc1, helloDeflated), []string{`text "Hello"`}, 0, ""},
	{"RFC 7692, 7.2.3.1: in fragments", join(masked(0x41, helloDeflated[:3]), masked(0x80, helloDeflated[3:])), []string{`text "Hello"`}, 0, ""},
	{"RFC 7692, 7.2.3.3: a block without compression", masked(0xc1, stored("Hello")+"\x00"), []string{`text "Hello"`}, 0, ""},
	{"RFC 7692, 7.2.3.4: a block that calls itself final", masked(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []string{`text "Hello"`}, 0, ""},
	{"a final block and nothing behind it", masked(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00"), []string{`text "Hello"`}, 0, ""},
	{"a final block and another one", masked(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00"+helloDeflated), []string{`text "HelloHello"`}, 0, ""},
	{"RFC 7692, 7.2.3.5: two blocks", masked(0xc1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), []string{`text "Hello"`}, 0, ""},
	{"RFC 7692, 7.2.3.6: an empty message", masked(0xc1, "\x00"), []string{`text ""`}, 0, ""},
	{"an empty message in fragments", join(masked(0x41, ""), masked(0x00, "\x00"), masked(0x80, "")), []string{`text ""`}, 0, ""},
	{"RFC 7692, 6: a message that is not compressed", masked(0x81, "Hello"), []string{`text "Hello"`}, 0, ""},
	{"both kinds of messages", join(masked(0xc2, helloDeflated), masked(0x02, "H"), masked(0x80, "i"), masked(0xc1, helloDeflated)),
		[]string{`binary "Hello"`, `binary "Hi"`, `text "Hello"`}, 0, ""},
	{"control frames are never compressed", join(masked(0x41, helloDeflated[:1]), masked(0x89, "p"), masked(0x80, helloDeflated[1:])),
		[]string{`ping "p"`, `text "Hello"`}, 0, ""},
	{"exactly the limit", masked(0xc2, deflated(strings.Repeat("x", maxMessage))), []string{`binary "` + strings.Repeat("x", maxMessage) + `"`}, 0, ""},
	{"exactly the limit, in small blocks without compression", masked(0xc2, strings.Repeat(stored(strings.Repeat("x", 100)), 10)+"\x00"),
		[]string{`binary "` + strings.Repeat("x", maxMessage) + `"`}, 0, ""},
	{"binary that is no text", masked(0xc2, deflated("\xff")), []string{`binary "\xff"`}, 0, ""},

	{"RSV1 on a continuation", join(masked(0x41, helloDeflated[:3]), masked(0xc0, helloDeflated[3:])), nil, 1002, "reserved bit"},
	{"RSV1 on the continuation of what is not compressed", join(masked(0x01, "a"), masked(0xc0, "b")), nil, 1002, "reserved bit"},
	{"RSV1 on a ping", masked(0xc9, ""), nil, 1002, "reserved bit"},
	{"RSV1 on a close frame", masked(0xc8, ""), nil, 1002, "reserved bit"},
	{"RSV2", masked(0xa1, "a"), nil, 1002, "reserved bit"},
	{"RSV1 and RSV3", masked(0xd1, helloDeflated), nil, 1002, "reserved bit"},
	{"a message within a message", join(masked(0x41, helloDeflated[:3]), masked(0xc1, helloDeflated)), nil, 1002, "continuation"},
	{"a block type that does not exist", masked(0xc1, "\x07"), nil, 1007, "compressed"},
	{"nothing at all", masked(0xc1, ""), nil, 1007, "compressed"},
	{"breaks off", masked(0xc1, stored("Hello")[:7]), nil, 1007, "compressed"},
	{"breaks off in a block that calls itself final", masked(0xc1, "\x01\x02\x00\xfd\xff"), nil, 1007, "compressed"},
	{"a length that contradicts itself", masked(0xc1, "\x00\x05\x00\x00\x00Hello"), nil, 1007, "compressed"},
	{"refers to what was in another message", join(masked(0xc1, helloDeflated), masked(0xc1, "\xf2\x00\x11\x00\x00")), []string{`text "Hello"`}, 1007, "compressed"},
	{"text that is no text", masked(0xc1, deflated("\xff")), nil, 1007, "UTF-8"},
	{"text that breaks off in a character", masked(0xc1, deflated("\xe4\xbd")), nil, 1007, "UTF-8"},
	{"inflates to more than the limit", masked(0xc1, deflated(strings.Repeat("x", maxMessage+1))), nil, 1009, websocket.SettingMaxMessage},
	{"inflates to more than the limit, behind a final block", masked(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00"+deflated(strings.Repeat("x", maxMessage-4))), nil, 1009, websocket.SettingMaxMessage},
	{"more compressed bytes than the limit can become", masked(0xc1, strings.Repeat("x", 2*maxMessage))[:8], nil, 1009, websocket.SettingMaxMessage},
	{"more compressed bytes, in fragments", join(masked(0x41, strings.Repeat("x", maxMessage)), masked(0x80, strings.Repeat("x", maxMessage))[:8]), nil, 1009, websocket.SettingMaxMessage},
}

func TestInflate(t *testing.T) { testDecodings(t, inflations, true) }

// TestBomb: 256 MB of zeros in a small frame are thrown out at the cost of the limit.
func TestBomb(t *testing.T) {
	mega := deflated(strings.Repeat("\x00", 1<<20)) + "\x00\x00\xff\xff"
	bomb := masked(0xc2, strings.Repeat(mega, 256))
	for _, limit := range []int{300 << 10, 1 << 20} {
		d, to, data := &websocket.Decoder{MaxMessage: limit, Deflate: true}, &counter{}, bytes.Clone(bomb)
		var err error
		allocated := allocatedBytes(func() {
			for len(data) > 0 && err == nil { // as it comes from a socket
				piece := data[:min(len(data), 4096)]
				data = data[len(piece):]
				err = d.Feed(piece, to)
			}
		})
		var violation *websocket.Error
		if !errors.As(err, &violation) || violation.Code != scenecast.CloseTooBig {
			t.Errorf("limit %d: a bomb of %d bytes: error %v", limit, len(bomb), err)
		}
		if allocated >= 4<<20 || to.messages > 0 {
			t.Errorf("limit %d: a bomb of %d bytes: %d bytes were allocated", limit, len(bomb), allocated)
		}
	}
}

// TestEmptyBlocks: so many may be empty, of whatever kind, and then the message is given up.
func TestEmptyBlocks(t *testing.T) {
	// An empty block whose codes are its own: for the literal 256 and the distance 0, of one bit each.
	dynamic := new(bitWriter)
	dynamic.write(0b100, 3)
	dynamic.write(0, 5)
	dynamic.write(0, 5)
	dynamic.write(14, 4)
	for _, code := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1} {
		dynamic.write(map[int]uint{18: 1, 1: 1}[code], 3)
	}
	for _, zeros := range []uint{138, 118} {
		dynamic.write(1, 1)
		dynamic.write(zeros-11, 7)
	}
	dynamic.write(0, 3) // both lengths, and the end of the block
	fixed := &bitWriter{bits: []bool{false, true, false, false, false, false, false, false, false, false}}
	for name, block := range map[string]*bitWriter{
		"stored":           {bits: bitsOf("\x00\x00\x00\xff\xff")},
		"fixed codes":      fixed,
		"fixed and final":  {bits: bitsOf("\x03\x00")},
		"codes of its own": dynamic,
	} {
		for n, want := range map[int]scenecast.CloseCode{
			websocket.MaxEmptyBlocks - 2: 0, // and those that follow every message
			websocket.MaxEmptyBlocks + 1: scenecast.CloseTooBig,
			5000:                         scenecast.CloseTooBig,
		} {
			message := new(bitWriter)
			for range n {
				message.bits = append(message.bits, block.bits...)
			}
			if name != "fixed and final" {
				message.write(0, 3) // the head of the last one
			}
			d, to := &websocket.Decoder{MaxMessage: 64 << 10, Deflate: true}, &counter{}
			err := d.Feed(masked(0xc2, message.String()), to)
			var violation *websocket.Error
			if errors.As(err, &violation) != (want != 0) || violation != nil && violation.Code != want {
				t.Errorf("%s, %d blocks: %v", name, n, err)
			}
			if want == 0 && (to.messages != 1 || to.bytes != 0) {
				t.Errorf("%s, %d blocks: %d messages of %d bytes", name, n, to.messages, to.bytes)
			}
		}
	}
}

// bitWriter writes numbers as deflate has them, the lowest bit first.
type bitWriter struct{ bits []bool }

func (w *bitWriter) write(value uint, n int) {
	for i := range n {
		w.bits = append(w.bits, value>>i&1 == 1)
	}
}

func (w *bitWriter) String() string {
	b := make([]byte, (len(w.bits)+7)/8)
	for i, bit := range w.bits {
		if bit {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return string(b)
}

func bitsOf(bytes string) []bool {
	w := new(bitWriter)
	for _, b := range []byte(bytes) {
		w.write(uint(b), 8)
	}
	return w.bits
}

func TestCompressFrame(t *testing.T) {
	long := strings.Repeat(`{"code":200}`, 100)
	for _, c := range []struct {
		name  string
		frame []byte
		want  []byte // nil: shorter than the frame, and the same message
	}{
		{"text", websocket.TextFrame([]byte(long)), nil},
		{"binary", websocket.BinaryFrame([]byte(long)), nil},
		{"64-bit length", websocket.TextFrame([]byte(strings.Repeat(long, 100))), nil},
		{"too short to become shorter", websocket.TextFrame([]byte("Hello")), []byte("\x81\x05Hello")},
		{"empty", websocket.TextFrame(nil), []byte("\x81\x00")},
		{"compressed already", websocket.CompressFrame(websocket.TextFrame([]byte(long))), websocket.CompressFrame(websocket.TextFrame([]byte(long)))},
		{"ping", websocket.PongFrame(bytes.Repeat([]byte("x"), 100)), websocket.PongFrame(bytes.Repeat([]byte("x"), 100))},
		{"close", websocket.CloseFrame(1000, strings.Repeat("x", 100)), websocket.CloseFrame(1000, strings.Repeat("x", 100))},
	} {
		got := websocket.CompressFrame(c.frame)
		if c.want != nil && !bytes.Equal(got, c.want) {
			t.Errorf("%s: % x, want % x", c.name, got, c.want)
		}
		if c.want == nil && (len(got) > len(c.frame)/4 || got[0] != c.frame[0]|0x40 || decodeFrame(t, got) != decodeFrame(t, c.frame)) {
			t.Errorf("%s: % x", c.name, got)
		}
	}
}

// TestCompressFrames: of frames that follow each other each is compressed.
func TestCompressFrames(t *testing.T) {
	var all, want []byte
	for _, f := range [][]byte{
		websocket.TextFrame([]byte(strings.Repeat("first ", 100))), websocket.TextFrame([]byte("short")),
		websocket.TextFrame([]byte(strings.Repeat("third ", 20_000))), websocket.TextFrame(nil),
	} {
		all, want = append(all, f...), append(want, websocket.CompressFrame(f)...)
	}
	if got := websocket.CompressFrame(all); !bytes.Equal(got, want) || len(got) > 1000 {
		t.Errorf("%d bytes, want the %d of each frame", len(got), len(want))
	}
	if got, cut := websocket.CompressFrame(all[:len(all)-1]), all[len(all)-2:len(all)-1]; !bytes.HasSuffix(got, cut) {
		t.Errorf("what is no whole frame does not stay as it is: % x", got[len(got)-4:])
	}
}

// TestCompressConcurrently: whatever a compressor did before, the same frame becomes the same bytes.
func TestCompressConcurrently(t *testing.T) {
	frames, want := make([][]byte, 20), make([][]byte, 20)
	for i := range frames {
		frames[i] = websocket.TextFrame(fmt.Appendf(nil, `{"n":%d,"pad":%q}`, i, strings.Repeat(fmt.Sprint(i, "你好"), 1<<i%4000)))
		want[i] = websocket.CompressFrame(frames[i])
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for round := range 50 {
				i := (worker*7 + round*3) % len(frames)
				if got := websocket.CompressFrame(frames[i]); !bytes.Equal(got, want[i]) {
					t.Errorf("frame %d: % x, before % x", i, got, want[i])
				}
			}
		})
	}
	wg.Wait()
}

// decodeFrame is what a page understands of a server's frame: it masks it and has a decoder read it.
func decodeFrame(t testing.TB, unmasked []byte) string {
	t.Helper()
	size := 2
	switch unmasked[1] {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	masked := bytes.Clone(unmasked[:size])
	masked[1] |= 0x80
	masked = append(append(masked, 0, 0, 0, 0), unmasked[size:]...)
	r := &recorder{}
	d := &websocket.Decoder{MaxMessage: 1 << 20, Deflate: true}
	if err := d.Feed(masked, r); err != nil || len(r.events) != 1 || !d.Idle() {
		t.Fatalf("% .100x: %v, told %.200v", unmasked, err, r.events)
	}
	return r.events[0]
}

// FuzzCompressFrame: what is compressed is inflated to the same.
func FuzzCompressFrame(f *testing.F) {
	for _, seed := range []string{"", "Hello", strings.Repeat("x", 200), `{"code":200,"message":"你好"}`, strings.Repeat("ab\xff", 50000)} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, binary bool) {
		frame := websocket.TextFrame([]byte(strings.ToValidUTF8(string(payload), "")))
		if binary {
			frame = websocket.BinaryFrame(payload)
		}
		compressed := websocket.CompressFrame(frame)
		if got, want := decodeFrame(t, compressed), decodeFrame(t, frame); got != want {
			t.Errorf("% x became % x: %s, want %s", frame, compressed, got, want)
		}
	})
}

func BenchmarkCompressFrame(b *testing.B) {
	for _, size := range []int{132, 1000, 10000} {
		payload := strings.Repeat(`{"id":1,"name":"Scenecast 推送","price":"12.50","tags":["a","b"]},`, size/60+1)[:size]
		frame := websocket.TextFrame([]byte(payload))
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				websocket.CompressFrame(frame)
			}
		})
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{120, 4096} {
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) {
			d, to := &websocket.Decoder{MaxMessage: size, Deflate: true}, &counter{}
			data := masked(0xc1, deflated(strings.Repeat(`{"ack":12345}`, size/13)))
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
