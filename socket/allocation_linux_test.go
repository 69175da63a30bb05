package socket_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/socket"
	"scenecast/websocket"
)

// plain is a protocol that sends a push's message as it is, and answers nothing.
type plain struct{ wire }

func (plain) Name() string { return "plain" }
func (plain) EncodePush(p *scenecast.Push, _ scenecast.Delivery) []byte {
	return websocket.TextFrame(p.Message.Data)
}

// noLog is a log in which nothing is.
type noLog struct{ scenecast.Log }

func (noLog) Newest() (p scenecast.Position) { return p }

// TestFanOutAllocates the same for any number of pages, from the hub's sink to the kernel: nothing for each of them.
func TestFanOutAllocates(t *testing.T) {
	const most = 5000
	loop, err := socket.NewLoop(socket.Options{PingEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	h := hub.New(hub.Options{Node: scenecast.NewNodeID(), Limits: label.DefaultLimits, Log: noLog{}})
	t.Cleanup(h.Close)
	loop.Start(h.AddShard(loop))
	s := newHarnessOn(t, &shard{loop: loop}, false, smallBuffer)
	s.handshaker.admission = scenecast.Admission{App: "a", Protocol: plain{}, Labels: label.FromMap(map[string][]string{"page": {"home"}})}
	to, err := audience.Parse(`page == "home"`)
	if err != nil {
		t.Fatal(err)
	}
	push := &scenecast.Push{App: "a", To: to, Message: scenecast.Message{Data: []byte(`{"code":200}`)}}
	var at [2]float64
	for i, pages := range []int{100, most} {
		for h.Connections() < pages {
			s.dial() // it reads nothing: what it gets is little
			accepted, err := s.port.Accept()
			if err != nil {
				t.Fatal(err)
			}
			s.loop.Attach(accepted, nil, s.handshaker.admission)
			s.do(func() {})
		}
		tally := make(chan scenecast.Tally, 1)
		report := func(t scenecast.Tally, done bool) {
			if done {
				tally <- t
			}
		}
		deliver := func() {
			h.Deliver(push, report)
			if got := <-tally; got.Queued != pages {
				t.Fatalf("%d pages, tally %+v", pages, got)
			}
			for written := false; !written; { // what the loop does afterwards counts, too
				s.do(func() { written = loop.IsWritten() })
			}
		}
		deliver() // buffers grow
		at[i] = testing.AllocsPerRun(10, deliver)
	}
	t.Logf("allocations for a push to 100 pages %v, to %d pages %v", at[0], most, at[1])
	// A task or two more, because the writes of many pages take several rounds of the loop.
	if at[1] > at[0]+100 {
		t.Errorf("a push to 100 pages allocates %v times, one to %d pages %v times", at[0], most, at[1])
	}
}

// TestReadingAllocates nothing: a loop reads a page's small frame where it lies.
func TestReadingAllocates(t *testing.T) {
	s := newHarness(t, socket.Options{PingEvery: -1}, true)
	conn := s.dialPage("")
	pong := compiled(ws.NewPongFrame([]byte("x")))
	closing := compiled(ws.NewPingFrame([]byte("y")))
	answer := make([]byte, 3)
	all := append([]byte{}, closing...)
	for range 100 {
		all = append(all, pong...)
	}
	n := testing.AllocsPerRun(100, func() {
		_, _ = conn.Write(all)
		_, _ = io.ReadFull(conn, answer)
	})
	if n > 10 { // the pong that is answered, and nothing for the hundred that are not
		t.Errorf("%v allocations for reading a hundred frames", n)
	}
}

// TestIdlePagesHoldNothing: an outbox and a decoder are a page's only while something waits, or is incomplete.
func TestIdlePagesHoldNothing(t *testing.T) {
	s := newHarness(t, socket.Options{PingEvery: -1}, true)
	s.receive = 4 << 10
	const pages = 20
	for range pages {
		conn := s.dialPage("")
		message := compiled(ws.NewTextFrame([]byte("half a message")))
		_, _ = conn.Write(message[:5])
		s.do(func() { s.share(s.slots[len(s.slots)-1], "filler", s.deliveries.frame("filler", 300<<10)) })
		s.awaitThat("it has both", func() bool {
			outboxes, decoders := s.loop.InUse()
			return outboxes == 1 && decoders == 1
		})
		go func() { _, _ = conn.Write(message[5:]) }()
		readNames(conn, "filler")
		s.awaitThat("it has neither", func() bool {
			outboxes, decoders := s.loop.InUse()
			return outboxes == 0 && decoders == 0
		})
	}
}

// TestBomb: what inflates to 256 MB costs little, whether its size gives it away or not, and its page is told.
func TestBomb(t *testing.T) {
	bomb := ws.NewBinaryFrame(bytes.Repeat(deflatedZeros(1<<20), 256))
	bomb.Header.Rsv = ws.Rsv(true, false, false) // compressed
	frame := compiled(bomb)
	for _, limit := range []int{64 << 10, 512 << 10} {
		s := newHarness(t, socket.Options{PingEvery: -1, MaxMessage: limit}, true)
		s.handshaker.admission.Deflate = true
		conn := s.dialPage("")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		go func() { _, _ = conn.Write(frame) }()
		expectBytes(t, conn, "\x88"+string(rune(2+len(tooBig(limit))))+"\x03\xf1"+tooBig(limit))
		runtime.ReadMemStats(&after)
		if cost := after.TotalAlloc - before.TotalAlloc; cost > 4<<20 {
			t.Errorf("with messages of %d bytes the bomb, of %d, cost %d", limit, len(frame), cost)
		}
		s.await("opened 0.0", "closed 0.0")
	}
}

func tooBig(limit int) string {
	return fmt.Sprintf("message over %d bytes (setting: websocket.max_message)", limit)
}

// deflatedZeros is a part of a compressed message.
func deflatedZeros(n int) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(make([]byte, n))
	_ = w.Flush()
	return b.Bytes()
}
