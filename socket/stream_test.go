package socket_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/socket"
)

// lines is a protocol whose pages only listen.
type lines struct{ scenecast.Protocol }

func (*lines) Traits() scenecast.Traits {
	return scenecast.Traits{
		ListenOnly: true,
		EncodeGap:  func(n scenecast.GapNotice) []byte { return fmt.Appendf(nil, "gap %d\n", n.Dropped) },
		EncodeClose: func(code scenecast.CloseCode, reason string) []byte {
			return fmt.Appendf(nil, "bye %d %s\n", code, reason)
		},
		Ping: []byte("ping\n"),
	}
}

// listen connects a page that only listens.
func (s *shard) listen() net.Conn {
	server, client := net.Pipe()
	s.loop.Attach(server, nil, scenecast.Admission{Protocol: new(lines)})
	synctest.Wait()
	return client
}

// TestStream: a page that only listens has the pings and the closing of its protocol, and what it says means nothing.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{PingEvery: 25 * time.Second, PongWait: time.Second})
		defer s.stop()
		page, begun := s.listen(), time.Now()
		_, _ = page.Write([]byte("\x81\x01a no frame, and nobody minds"))
		for range 3 {
			expectText(t, page, "ping\n") // none of which it answers
		}
		if waited := time.Since(begun); waited < 60*time.Second || waited > 75*time.Second {
			t.Errorf("the third ping came after %v", waited)
		}
		begun = time.Now()
		s.do(func() {
			s.loop.Send(s.slots[0], []byte("last\n"))
			s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseShuttingDown, Detail: "so long"})
		})
		if rest, _ := io.ReadAll(page); string(rest) != "last\nbye 4503 so long\n" || time.Since(begun) != 0 {
			t.Errorf("the page got %q, and its end after %v", rest, time.Since(begun))
		}
		s.expect(t, "opened 0.0")
	})
}

// TestSlowStream: whole frames, then what the policy says; and nobody waits for an answer.
func TestSlowStream(t *testing.T) {
	for policy, end := range map[socket.Policy]string{
		socket.ClosePage:  "bye 4408 slow consumer: the outbox was full\n",
		socket.DropOldest: "gap 10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(socket.Options{OutboxFrames: 10, SlowConsumer: policy})
			defer s.stop()
			page := s.listen()
			for i := range 20 {
				s.do(func() { s.loop.Send(s.slots[0], fmt.Appendf(nil, "%d\n", i)) })
				synctest.Wait()
			}
			if policy == socket.DropOldest {
				go func() {
					synctest.Wait()
					time.Sleep(time.Second)
					page.Close()
				}()
			}
			begun := time.Now()
			got, _ := io.ReadAll(page)
			if !strings.HasPrefix(string(got), "0\n") || !strings.HasSuffix(string(got), end) {
				t.Errorf("policy %d: the page got %q, which is to end in %q", policy, got, end)
			}
			if policy == socket.ClosePage && time.Since(begun) != 0 {
				t.Errorf("the page was kept for %v", time.Since(begun))
			}
		})
	}
}

func expectText(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); string(got) != want {
		t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}
