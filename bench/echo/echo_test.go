package main

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/leaktest"
	"scenecast/websocket/websockettest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// engines are the implementations of the engine, with and without compression.
var engines = []struct {
	name string
	o    options
}{
	{"event loops", options{}},
	{"event loops, deflate", options{deflate: true}},
	{"portable", options{portable: true}},
	{"portable, deflate", options{portable: true, deflate: true}},
}

const (
	maxHead     = 8 << 10
	headTimeout = time.Second
)

// startEcho starts an echo until the test ends.
func startEcho(t *testing.T, o options) (address string) {
	t.Helper()
	o.addr, o.maxHead, o.headTimeout, o.closeWait = "127.0.0.1:0", maxHead, headTimeout, time.Hour
	s, err := start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s.addr().String()
}

func TestConformance(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			o := e.o
			o.maxMessage = 64 << 10
			address := startEcho(t, o)
			websockettest.Run(t, websockettest.Echo{
				Dial:        func() (net.Conn, error) { return net.Dial("tcp", address) },
				MaxMessage:  o.maxMessage,
				MaxHead:     maxHead,
				HeadTimeout: headTimeout,
				Deflate:     o.deflate,
			})
		})
	}
}

// TestRealClient: a client that somebody else has written gets back what it has sent, however it compresses.
func TestRealClient(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			o := e.o
			o.maxMessage = 200_000
			address := startEcho(t, o)
			for _, mode := range []websocket.CompressionMode{
				websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover,
			} {
				c, answer, err := websocket.Dial(t.Context(), "ws://"+address, &websocket.DialOptions{CompressionMode: mode})
				if err != nil {
					t.Fatal(err)
				}
				agreed := answer.Header.Get("Sec-Websocket-Extensions") != ""
				if want := o.deflate && mode != websocket.CompressionDisabled; agreed != want {
					t.Errorf("mode %v: compression agreed on: %v, want %v", mode, agreed, want)
				}
				c.SetReadLimit(-1)
				for _, size := range []int{0, 1, 125, 126, 1000, 65535, 65536, 200_000} {
					for kind, message := range map[websocket.MessageType][]byte{
						websocket.MessageText:   bytes.Repeat([]byte("abc"), size/3),
						websocket.MessageBinary: noise(size),
					} {
						if err := c.Write(t.Context(), kind, message); err != nil {
							t.Fatalf("mode %v, %v of %d bytes: %v", mode, kind, size, err)
						}
						gotKind, got, err := c.Read(t.Context())
						if err != nil || gotKind != kind || !bytes.Equal(got, message) {
							t.Fatalf("mode %v, %v of %d bytes: got %v of %d bytes, %v", mode, kind, size, gotKind, len(got), err)
						}
					}
				}
				if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
					t.Errorf("mode %v: close: %v", mode, err)
				}
			}
		})
	}
}

// noise cannot be compressed.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
}
