package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// TestSettingsOfHistory: each limit of what is kept of pushes counts by itself.
func TestSettingsOfHistory(t *testing.T) {
	t.Parallel()
	for _, settings := range []map[string]string{
		{"history.max_bytes": "256KiB"}, {"history.max_count": "5"}, {"history.max_age": "50ms"},
	} {
		t.Run(fmt.Sprint(settings), func(t *testing.T) {
			s := start(t, settings, nil)
			first := s.nativePage("page=home")
			for range 10 {
				s.publish(`{"to":{"page":"nobody"},"message":"` + strings.Repeat("x", 50<<10) + `"}`)
			}
			awaitThat(t, "the page has missed what is not kept any more", func() bool {
				s.publish(`{"to":{"page":"home"},"message":1}`)
				back := s.nativePage("page=home&since=" + first.position)
				defer back.CloseNow()
				return back.next().Reason == "retention"
			})
		})
	}
}

// TestSettingsOfIdempotency: a key is forgotten when its time has passed, and when there are too many.
func TestSettingsOfIdempotency(t *testing.T) {
	push := func(s *running, key, message string) int {
		status, _ := s.callWith(http.MethodPost, "/v1/push", map[string]string{"Authorization": "Bearer " + apiKey, "Idempotency-Key": key},
			`{"to":"*","message":`+message+`}`)
		return status
	}
	t.Run("both are known", func(t *testing.T) {
		s := start(t, nil, nil)
		for _, key := range []string{"a", "b"} {
			if status := push(s, key, "1"); status != http.StatusOK {
				t.Errorf("%s: %d", key, status)
			}
		}
		if status := push(s, "a", "2"); status != http.StatusConflict {
			t.Errorf("another push with the same key: %d", status)
		}
	})
	t.Run("one is known", func(t *testing.T) {
		s := start(t, map[string]string{"push.max_idempotency_keys": "1"}, nil)
		push(s, "a", "1")
		push(s, "b", "1")
		if status := push(s, "a", "2"); status != http.StatusOK {
			t.Errorf("a key that is forgotten: %d", status)
		}
	})
	t.Run("for a while", func(t *testing.T) {
		s := start(t, map[string]string{"push.idempotency_window": "50ms"}, nil)
		push(s, "a", "1")
		awaitThat(t, "the key is forgotten", func() bool { return push(s, "a", "2") == http.StatusOK })
	})
}

// TestReplayIsCompressed: what a page has missed comes as the messages that they were, also where several leave together.
func TestReplayIsCompressed(t *testing.T) {
	s := start(t, map[string]string{"websocket.compression": "true"}, nil)
	dial := func(query string) *websocket.Conn {
		c, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/v1/connect?token="+pageToken+query,
			&websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover, Subprotocols: []string{"scenecast.v1"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.CloseNow() })
		return c
	}
	var welcome struct{ Position string }
	if err := json.Unmarshal([]byte(s.read(dial(""))), &welcome); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s.publish(fmt.Sprintf(`{"to":"*","message":"%d %s"}`, i, strings.Repeat("long ", 100)))
	}
	back := dial("&since=" + welcome.Position)
	_ = s.read(back) // the welcome
	for i := range 3 {
		if got := s.read(back); !strings.Contains(got, fmt.Sprintf(`"data":"%d long long`, i)) || !strings.HasSuffix(got, `long "}`) {
			t.Errorf("the message %d: %.200s", i, got)
		}
	}
}

// TestSettingOfCompression: it is agreed to where the setting says so, and a message is compressed.
func TestSettingOfCompression(t *testing.T) {
	for _, on := range []bool{false, true} {
		s := start(t, map[string]string{"websocket.compression": fmt.Sprint(on)}, nil)
		c, response, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/?token="+pageToken,
			&websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		if agreed := strings.HasPrefix(response.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate"); agreed != on {
			t.Errorf("compression %t: the server agrees %t", on, agreed)
		}
		_ = s.read(c) // the welcome
		long := `"` + strings.Repeat("long ", 1000) + `"`
		s.publish(`{"to":"*","message":` + long + `}`)
		if got := s.read(c); got != long {
			t.Errorf("compression %t: got %.100s", on, got)
		}
	}
}
