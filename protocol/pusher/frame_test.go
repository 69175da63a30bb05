package pusher

import (
	"encoding/json"
	"strings"
	"testing"

	"scenecast"
	"scenecast/protocol/pusher/channel"
	"scenecast/websocket"
)

// TestMaxFrame: no frame is larger than it is believed to be at most.
func TestMaxFrame(t *testing.T) {
	control := strings.Repeat("\x01", 200)
	for _, event := range []string{"", "e", control, strings.Repeat(`"`, 200)} {
		for _, message := range []string{
			`1`, `"` + strings.Repeat("x", 70_000) + `"`, `"` + strings.Repeat(`\"`, 1000) + `"`, `"[` + strings.Repeat(`\"\",`, 1000) + `0]"`,
			`[` + strings.Repeat(`"",`, 1000) + `0]`, `[` + strings.Repeat("\r\n\t", 1000) + `1]`, `["` + strings.Repeat(`\\`, 1000) + `"]`,
			`"` + strings.Repeat("é", 1000) + `"`, `["` + strings.Repeat("é\x7f", 1000) + `"]`,
		} {
			for _, name := range []string{"", "news", control} {
				p := &scenecast.Push{
					Position: scenecast.Position{Epoch: 1<<64 - 1, Seq: 1<<64 - 1},
					Message:  scenecast.Message{Event: event, Data: json.RawMessage(message), User: control},
				}
				n := len(websocket.TextFrame(push(p, channel.Name(name), true)))
				for _, room := range []int{0, 1 << 30} {
					if most := MaxFrame(p.Message, EscapedBytes*len(name), room); n > most {
						t.Errorf("event %.20q, message %.20q of %d bytes, channel %.20q, room for %d: a frame of %d bytes, and it is believed to have at most %d",
							event, message, len(message), name, room, n, most)
					}
				}
			}
		}
	}
}
