package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"scenecast/push"
)

// TestPusherLargestMessage: what is too large as a text of the Pusher protocol is refused, whoever publishes it, and closes no page.
// Another app has the same limit as without that protocol.
func TestPusherLargestMessage(t *testing.T) {
	t.Parallel()
	settings := pusherSettings(", client_events: true, max_event: 128KiB")
	settings["outbox.max_bytes"], settings["http.max_body"] = "64KiB", "64KiB"
	settings["apps"] = "{other: {api_keys: [{name: o, key: key-of-the-other-app}]}}"
	s := start(t, settings, nil)
	page, sender := s.pusherPage(), s.pusherPage()
	page.subscribe("private-a", "")
	sender.subscribe("private-a", "")
	list := func(n int) string { return "[" + strings.Repeat(`"",`, n) + "0]" }
	toPush := func(message string) string {
		return `{"to":"@channel == \"private-a\"","event":"e","message":` + message + `}`
	}
	toEvent := func(channels, data string) string { return fmt.Sprintf(`{"name":"e",%s,"data":%q}`, channels, data) }
	const one, two = `"channel":"private-a"`, `"channels":["private-a","b"]`

	// The largest that is let in, of which each item takes five bytes of a frame, and one item more.
	low, high := 1, 1<<14
	for low+1 < high {
		if n := (low + high) / 2; strings.HasPrefix(s.dryRun(toPush(list(n))), "200 ") {
			low = n
		} else {
			high = n
		}
	}
	if bytes := 5 * low; bytes > 64<<10 || bytes < 60<<10 {
		t.Fatalf("a message of %d bytes on the wire of the Pusher protocol is let in, and one of %d is not", bytes, 5*high)
	}
	fits, over := list(low), list(high)
	got := func(event, data string) {
		t.Helper()
		want, _ := json.Marshal(data)
		page.expect(`{"event":"` + event + `","channel":"private-a","data":` + string(want) + `}`)
	}
	for name, publish := range map[string]func(message string) string{
		"push": func(message string) string {
			status, answer := s.push(toPush(message))
			return fmt.Sprint(status, " ", answer)
		},
		"event":             func(data string) string { return s.pusher("POST", "/apps/3/events", toEvent(one, data)) },
		"event of channels": func(data string) string { return s.pusher("POST", "/apps/3/events", toEvent(two, data)) },
		"batch": func(data string) string {
			return s.pusher("POST", "/apps/3/batch_events", `{"batch":[`+toEvent(`"channel":"b"`, "1")+","+toEvent(one, data)+`]}`)
		},
	} {
		before := len(s.pushed())
		answer := publish(over)
		if !strings.HasPrefix(answer, "413 ") || !strings.Contains(answer, "an outbox has room for 65536") || !strings.Contains(answer, push.SettingOutbox) {
			t.Errorf("%s: %.300s", name, answer)
		}
		if name != "push" && !strings.HasPrefix(answer, "413 data: ") {
			t.Errorf("%s: %.300s", name, answer)
		}
		if more := len(s.pushed()) - before; more != 0 {
			t.Errorf("%s: %d are published", name, more)
		}
		if answer := publish(fits); !strings.HasPrefix(answer, "200 ") {
			t.Errorf("%s of what fits: %.300s", name, answer)
		}
		got("e", fits)
		s.read(sender.Conn) // it has subscribed as well
	}

	sender.say(`{"event":"client-x","channel":"private-a","data":` + over + `}`)
	if answer := s.read(sender.Conn); !strings.Contains(answer, "Client event rejected - data: ") || !strings.Contains(answer, "(setting: outbox.max_bytes)") {
		t.Errorf("the client event is answered %.300s", answer)
	}
	sender.say(`{"event":"client-x","channel":"private-a","data":` + list(low-10) + `}`) // its name is longer
	got("client-x", list(low-10))
	page.quiet()
	sender.quiet()

	if status, answer := s.call("POST", "/v1/push", "key-of-the-other-app", "application/json", `{"to":"*","event":"e","message":`+over+`}`); status != 200 {
		t.Errorf("the app without the Pusher protocol: %d %.300s", status, answer)
	}
}

// dryRun is the status and the answer to a push that is only counted.
func (r *running) dryRun(body string) string {
	r.t.Helper()
	status, answer := r.push(strings.TrimSuffix(body, "}") + `,"dry_run":true}`)
	return fmt.Sprint(status, " ", answer)
}
