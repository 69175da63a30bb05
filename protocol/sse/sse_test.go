package sse_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/protocol/sse"
)

// conn is a connection at a position, which keeps what it is sent.
type conn struct {
	scenecast.Conn
	at   scenecast.Position
	sent string
}

func (c *conn) ID() scenecast.ConnID         { return scenecast.ConnID{Node: 7, Seq: 1} }
func (c *conn) Labels() label.Set            { return label.Set{} }
func (c *conn) Position() scenecast.Position { return c.at }
func (c *conn) Send(frame []byte) bool       { c.sent += string(frame); return true }

var at = scenecast.Position{Epoch: 36, Seq: 17} // 10-17

func welcome(at scenecast.Position) []byte {
	c := &conn{at: at}
	new(sse.Protocol).Opened(c)
	return []byte(c.sent)
}

func pushed(event, data string) *scenecast.Push {
	return &scenecast.Push{Position: at, Message: scenecast.Message{Event: event, Data: json.RawMessage(data)}}
}

func TestWire(t *testing.T) {
	p := new(sse.Protocol)
	const generic = "event: scenecast\ndata: "
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"welcome", spread.ReplaceAll(welcome(at), []byte("retry: 0\n")), "retry: 0\nid: 10-17\n" + generic + `{"type":"welcome","id":"7.1","position":"10-17"}` + "\n\n"},
		{"push", p.EncodePush(pushed("", `{ "b":1.10, "a":"<你好>\u00e9" }`), scenecast.Live), "id: 10-17\ndata: " + `{ "b":1.10, "a":"<你好>\u00e9" }` + "\n\n"},
		{"named", p.EncodePush(pushed("order.shipped", `7`), scenecast.Live), "id: 10-17\nevent: order.shipped\ndata: 7\n\n"},
		{"a name with a space and a colon", p.EncodePush(pushed(" a: b", `7`), scenecast.Live), "id: 10-17\nevent:  a: b\ndata: 7\n\n"},
		{"lines", p.EncodePush(pushed("", "{\r\n \"a\":\r1,\n\n\"b\":2\n}\r"), scenecast.Live),
			"id: 10-17\ndata: {\ndata:  \"a\":\ndata: 1,\ndata: \ndata: \"b\":2\ndata: }\ndata: \n\n"},
		{"a name with LF", p.EncodePush(pushed("a\ndata: x", `7`), scenecast.Live), "id: 10-17\n" + generic + `{"type":"push","position":"10-17","event":"a\ndata: x","data":7}` + "\n\n"},
		{"a name with CR", p.EncodePush(pushed("a\r", `7`), scenecast.Live), "id: 10-17\n" + generic + `{"type":"push","position":"10-17","event":"a\r","data":7}` + "\n\n"},
		{"a name with NUL", p.EncodePush(pushed("\x00", "[\n]"), scenecast.Live), "id: 10-17\n" + generic + `{"type":"push","position":"10-17","event":"\u0000","data":[` + "\ndata: ]}\n\n"},
		{"the general name", p.EncodePush(pushed("scenecast", `{"type":"close"}`), scenecast.Live),
			"id: 10-17\n" + generic + `{"type":"push","position":"10-17","event":"scenecast","data":{"type":"close"}}` + "\n\n"},
		{"a name that EventSource calls by", p.EncodePush(pushed("error", `7`), scenecast.Live), "id: 10-17\n" + generic + `{"type":"push","position":"10-17","event":"error","data":7}` + "\n\n"},
		{"late", p.EncodePush(pushed("price", "{\n}"), scenecast.Late), generic + `{"type":"push","position":"10-17","event":"price","late":true,"data":{` + "\ndata: " + `}}` + "\n\n"},
		{"late, unnamed", p.EncodePush(pushed("", "1"), scenecast.Late), generic + `{"type":"push","position":"10-17","late":true,"data":1}` + "\n\n"},
		{"gap", p.Traits().EncodeGap(scenecast.GapNotice{Reason: scenecast.GapRetention, Newest: at}), "id: 10-17\n" + generic + `{"type":"gap","reason":"retention","position":"10-17"}` + "\n\n"},
		{"dropped", p.Traits().EncodeGap(scenecast.GapNotice{Reason: scenecast.GapDropped, Dropped: 3}), generic + `{"type":"gap","reason":"dropped","dropped":3}` + "\n\n"},
		{"goodbye", p.Traits().EncodeClose(scenecast.CloseSlowConsumer, "too\nslow"), generic + `{"type":"close","code":4408,"reason":"too\nslow"}` + "\n\n"},
		{"ping", p.Traits().Ping, ":\n\n"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

var spread = regexp.MustCompile(`^retry: [1-4]\d{3}\n`)

// TestSpread: pages come back at times of their own, however their streams end.
func TestSpread(t *testing.T) {
	goingAway := func() []byte { return new(sse.Protocol).Traits().EncodeClose(scenecast.CloseShuttingDown, "bye") }
	full := func() []byte {
		stream, _ := sse.Retry(problem.New(problem.TooMany, "full"))
		return stream
	}
	for name, first := range map[string]func() []byte{"welcome": func() []byte { return welcome(at) }, "going away": goingAway, "full": full} {
		different := make(map[string]bool)
		for range 100 {
			retry := spread.FindString(string(first()))
			if different[retry] = true; retry == "" {
				t.Fatalf("%s: got %q", name, first())
			}
		}
		if len(different) < 10 {
			t.Errorf("%s: a hundred pages have %d times between them", name, len(different))
		}
	}
}

// TestRetry: EventSource comes back from what is refused for a while, and from nothing else.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string // empty: final
	}{
		{problem.New(problem.TooMany, "full").DecidedBy("limits.connections"), `"code":4429,"reason":"full (setting: limits.connections)"`},
		{problem.New(problem.Unavailable, "going"), `"code":4503,"reason":"going"`},
		{errors.New("database is down"), `"code":1011,"reason":"internal error"`},
		{problem.New(problem.Unauthorized, "no"), ""},
		{problem.New(problem.Forbidden, "no"), ""},
		{problem.New(problem.Invalid, "no"), ""},
		{problem.New(problem.LimitExceeded, "no"), ""},
	} {
		stream, ok := sse.Retry(c.err)
		if ok != (c.want != "") {
			t.Errorf("%v: %v", c.err, ok)
		}
		if want := "event: scenecast\ndata: {\"type\":\"close\"," + c.want + "}\n\n"; ok && string(spread.ReplaceAll(stream, nil)) != want {
			t.Errorf("%v: %q, want %q", c.err, stream, want)
		}
	}
}

func TestAdmit(t *testing.T) {
	pages := new(auth.PageTokens)
	pages.Add("t", auth.Page{App: "shop"})
	p := sse.New(&admission.Authenticator{Pages: pages, Rules: func(string) label.Rules { return label.Rules{Limits: label.DefaultLimits} }})
	other := scenecast.Position{Epoch: 36, Seq: 3}
	for _, c := range []struct {
		query, lastID string
		want          scenecast.Resume
	}{
		{"", "", scenecast.Resume{}},
		{"&since=10-17", "", scenecast.Resume{Wanted: true, After: at}},
		{"", "10-17", scenecast.Resume{Wanted: true, After: at}},
		{"&since=10-3", "10-17", scenecast.Resume{Wanted: true, After: at}},
		{"&since=10-3", "", scenecast.Resume{Wanted: true, After: other}},
		{"&since=10-3", "17", scenecast.Resume{Wanted: true, Malformed: true}},
		{"&since=17", "10-3", scenecast.Resume{Wanted: true, After: other}},
		{"&lastEventId=10-17", "", scenecast.Resume{Wanted: true, After: at}},
		{"&lastEventID=10-17", "", scenecast.Resume{Wanted: true, After: at}},
		{"&Last-Event-ID=10-17", "", scenecast.Resume{Wanted: true, After: at}},
		{"&lastEventId=10-17&since=10-3", "", scenecast.Resume{Wanted: true, After: at}},
		{"&lastEventId=&since=10-3", "", scenecast.Resume{Wanted: true, After: other}},
		{"&lastEventId=10-17", "10-3", scenecast.Resume{Wanted: true, After: other}},
		{"&lastEventId=17", "", scenecast.Resume{Wanted: true, Malformed: true}},
	} {
		r, _ := http.NewRequest(http.MethodGet, "/v1/events?token=t&page=home"+c.query, nil)
		if c.lastID != "" {
			r.Header.Set("Last-Event-ID", c.lastID)
		}
		a, err := p.Admit(r)
		if err != nil || a.Resume != c.want || a.App != "shop" || a.Protocol != p || !a.Labels.Contains("page", "home") || a.Labels.Len() != 1 {
			t.Errorf("%q, Last-Event-ID %q: %+v, %v; want %+v", c.query, c.lastID, a, err, c.want)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, "/v1/events?token=x", nil)
	if _, err := p.Admit(r); err == nil {
		t.Error("a wrong token came in")
	}
}

// FuzzPush: whatever a push says, a page gets exactly one event, with the push's position as its ID and with its name and its
// data, and no field beside it, before it or behind it.
func FuzzPush(f *testing.F) {
	for _, event := range []string{"", "a", "scenecast", "error", "message", "a\nid: 1-1", "a\r\n\r\ndata: {}", "\x00", " ", ":", "id: x", "\ufeff", "\u2028"} {
		for _, data := range []string{"1", "\r\n1\r\n\r\n", "{\n\"a\"\r:\"\\r\\n\\n\" }", `"data: x"`, "[\rnull\r]", "\"\ufeff\u2028\u0085\"", `":"`, " 7 "} {
			f.Add(event, data)
		}
	}
	p := new(sse.Protocol)
	f.Fuzz(func(t *testing.T, event, data string) {
		if !utf8.ValidString(event) || !utf8.ValidString(data) || !json.Valid([]byte(data)) {
			return // which no push is
		}
		for late, frame := range map[bool][]byte{false: p.EncodePush(pushed(event, data), scenecast.Live), true: p.EncodePush(pushed(event, data), scenecast.Late)} {
			r := reader{lastID: "before"}
			r.read("data: \"before\"\n\n" + string(frame) + "data: \"behind\"\n\n")
			if len(r.events) != 3 || r.events[0].data != `"before"` || r.events[2] != (received{"", `"behind"`, r.lastID}) || r.retry != 0 {
				t.Fatalf("event %q, data %q: %q is read as %q", event, data, frame, r.events)
			}
			got := r.events[1]
			want := map[bool]string{false: "10-17", true: "before"}[late]
			if got.id != want || r.lastID != want {
				t.Errorf("event %q, data %q: the ID is %q, want %q", event, data, got.id, want)
			}
			if got.name == "scenecast" {
				got = general(t, got, late)
			} else if late {
				t.Errorf("a late push is an event %q", got.name)
			}
			if got.name != event || !sameJSON(got.data, data) {
				t.Errorf("event %q, data %q: a page gets event %q, data %q", event, data, got.name, got.data)
			}
		}
	})
}

// general is the push in an event of the general form.
func general(t *testing.T, e received, late bool) received {
	t.Helper()
	var m struct {
		Type, Position, Event string
		Data                  json.RawMessage
		Late                  bool
	}
	d := json.NewDecoder(strings.NewReader(e.data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || m.Type != "push" || m.Position != "10-17" || m.Late != late {
		t.Errorf("%q is %+v (%v), and no push", e.data, m, err)
	}
	return received{m.Event, string(m.Data), e.id}
}

// sameJSON reports whether two texts are one value, number by number as it is written.
func sameJSON(a, b string) bool {
	read := func(text string) (value any) {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		_ = d.Decode(&value)
		return value
	}
	return reflect.DeepEqual(read(a), read(b))
}
