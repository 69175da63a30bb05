package sockjs

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"scenecast"
	"scenecast/websocket"
)

// Whatever text a frame has, a client reads that text, and finds it as long as units says.
func FuzzString(f *testing.F) {
	for _, seed := range []string{"", `{"event":"x"}`, "\x00\x1f \"\\/\u2028\u2029", "é订😀", "\xff\xc3", "\xed\xa0\x80"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got string
		b := appendString(nil, text)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if want := strings.ToValidUTF8(string(runes(text)), "\ufffd"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if bytes.ContainsAny(b, "\n\r\u2028\u2029") {
			t.Errorf("%q has an end of a line", b)
		}
		if got, want := units(b), len(utf16.Encode([]rune(string(b)))); got != want {
			t.Errorf("%q: %d units, want %d", b, got, want)
		}
	})
}

// runes is the text with each byte that is no UTF-8 replaced.
func runes(text []byte) []rune { return []rune(string(text)) }

// Frames of pages are what the server's decoder reads, whatever the client has sent.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{`[]`, `["a","b"]`, `["\ud83d\ude00\ud83d"]`, `["a"`, `{}`, `[1]`, `["` + strings.Repeat("x", 70000) + `"]`, `["` + strings.Repeat("x", 300) + `"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		messages, err := parseMessages(body)
		if err != nil {
			return
		}
		var frames []byte
		for _, m := range messages {
			frames = appendMasked(frames, opText, m)
		}
		var got received
		decoder := websocket.Decoder{MaxMessage: 1 << 20}
		if err := decoder.Feed(frames, &got); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if strings.Join(got.messages, "\x00") != strings.Join(messages, "\x00") {
			t.Errorf("got %q, want %q", got.messages, messages)
		}
	})
}

// received is what a decoder has found.
type received struct{ messages []string }

func (r *received) Message(m scenecast.Inbound)            { r.messages = append(r.messages, string(m.Data)) }
func (r *received) Ping([]byte)                            {}
func (r *received) Pong([]byte)                            {}
func (r *received) PeerClosed(scenecast.CloseCode, string) {}

// Frames of the server are found whole in whatever pieces they come.
func FuzzCutFrame(f *testing.F) {
	f.Add([]byte("hello"), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 70000), uint8(200))
	f.Add(bytes.Repeat([]byte("x"), 126), uint8(1))
	f.Fuzz(func(t *testing.T, payload []byte, piece uint8) {
		frames := append(websocket.BinaryFrame(payload), websocket.CloseFrame(4200, "why")...)
		var have []byte
		var got [][]byte
		for len(frames) > 0 {
			n := min(int(piece)+1, len(frames))
			have = append(have, frames[:n]...)
			frames = frames[n:]
			for {
				_, payload, rest, ok := cutFrame(have)
				if !ok {
					break
				}
				got, have = append(got, bytes.Clone(payload)), rest
			}
		}
		if len(got) != 2 || !bytes.Equal(got[0], payload) || string(got[1]) != "\x10\x68why" || len(have) != 0 {
			t.Errorf("%d bytes in pieces of %d: got %.100q", len(payload), piece, got)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"/pusher/app/key/12/abc/xhr", "/pusher/app/key/12/abc/xhr_send", "//xhr", "/1/2/xhr", "/a/1//xhr", "xhr", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		a, ok := ParseAddress(path)
		if ok && (a.Key+"/"+a.Request != path || !strings.HasPrefix(a.Key, a.Base+"/") || strings.Count(a.Key[len(a.Base):], "/") != 2) {
			t.Errorf("%q: %+v", path, a)
		}
	})
}
