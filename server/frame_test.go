package server_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"scenecast"
	"scenecast/protocol/native"
	"scenecast/protocol/sse"
	"scenecast/protocol/tutorial"
	"scenecast/push"
)

// TestMaxFrame: no frame of any wire is larger than the push service believes, which refuses what no outbox has room for.
func TestMaxFrame(t *testing.T) {
	for _, protocol := range []scenecast.Protocol{tutorial.New(tutorial.Options{}), native.New(nil, nil), sse.New(nil)} {
		for d := range scenecast.Delivery(scenecast.Deliveries) {
			for _, event := range []string{"", "e", strings.Repeat("\x01", push.MaxEvent), strings.Repeat("<", push.MaxEvent), "open", "a\nb"} {
				for _, message := range []string{`1`, `"` + strings.Repeat("x", 70_000) + `"`, strings.Repeat("\n", 1000) + `1`, strings.Repeat("\r\n", 1000) + `1`} {
					p := &scenecast.Push{
						Position: scenecast.Position{Epoch: 1<<64 - 1, Seq: 1<<64 - 1},
						Message:  scenecast.Message{Event: event, Data: json.RawMessage(message)},
						Receipt:  scenecast.ReceiptAcked,
					}
					most := push.MaxFrame(event, p.Message.Data)
					if n := len(protocol.EncodePush(p, d)); n > most {
						t.Errorf("%s, delivery %d, event %q, message of %d bytes: a frame of %d bytes, and it is believed to have at most %d",
							protocol.Name(), d, event, len(message), n, most)
					}
				}
			}
		}
	}
}

// TestTriggerThatRendersLarge: a parameter may grow six times as large when it becomes JSON. What then fits no outbox is
// refused, and no page is closed for it.
func TestTriggerThatRendersLarge(t *testing.T) {
	s := start(t, map[string]string{"triggers": `say: {params: {text: string}, to: "*", message: $text}`}, nil)
	page := s.page("page=home")
	control := strings.Repeat("\x01", 255<<10)
	status, answer := s.call("POST", "/?func=say&token="+apiKey, "", form, "text="+control)
	const want = `{"code":413,"message":"message: 1566722 bytes, which with its framing may be 1567234, and an outbox has room for 1048576 (setting: outbox.max_bytes)"}`
	if status != 413 || answer != want {
		t.Errorf("%d %.300s, want 413 %s", status, answer, want)
	}
	if status, answer := s.push(`{"to":"*","message":"next"}`); status != 200 || !strings.Contains(answer, `"queued":1`) {
		t.Errorf("%d %s", status, answer)
	}
	if got := s.read(page); got != `"next"` {
		t.Errorf("the page got %.80s", got)
	}
}

// TestFrameOverTheBudget of all outboxes of a loop, where that is less than what one may hold: the setting that decides is named.
func TestFrameOverTheBudget(t *testing.T) {
	s := start(t, map[string]string{"outbox.max_total": fmt.Sprintf("%dKiB", 100*runtime.GOMAXPROCS(0))}, nil)
	status, answer := s.push(`{"to":"*","message":"` + strings.Repeat("x", 100<<10) + `"}`)
	if status != 413 || !strings.Contains(answer, `"where":"message","setting":"outbox.max_total"`) {
		t.Errorf("%d %s", status, answer)
	}
}

// TestLargestMessage that is let in reaches pages of every wire.
func TestLargestMessage(t *testing.T) {
	const outbox = 64 << 10
	s := start(t, map[string]string{"outbox.max_bytes": "64KiB", "http.max_body": "64KiB"}, nil)
	tutorialPage, nativePage, stream := s.page("page=home"), s.nativePage("page=home"), s.listening("page=home")
	message := `"` + strings.Repeat("x", outbox-push.MaxFrame("", nil)-2) + `"`
	if status, answer := s.push(`{"to":"*","message":` + message + `}`); status != 200 || !strings.Contains(answer, `"queued":3,"dropped":0`) {
		t.Fatalf("%d %s", status, answer)
	}
	if got := s.read(tutorialPage); got != message {
		t.Errorf("the tutorial's page got %d bytes, want %d", len(got), len(message))
	}
	nativePage.expect(message)
	if got := stream.next(); !strings.HasSuffix(got, "data: "+message) {
		t.Errorf("the stream got %d bytes: %.100s", len(got), got)
	}
	status, answer := s.push(fmt.Sprintf(`{"to":"*","message":"x%s}`, message[1:]))
	if status != 413 || !strings.Contains(answer, `"where":"message","setting":"outbox.max_bytes"`) {
		t.Errorf("a byte more: %d %s", status, answer)
	}
}
