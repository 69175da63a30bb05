package load

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

// talk is a dialect that says hello, is asked how it is, and gets several messages in one.
type talk struct{ *scenecastWire }

func (talk) Begin() (say []byte, open bool) { return []byte("hello"), false }

func (talk) Hear(text []byte) (h Heard, rest []byte) {
	text, rest, _ = bytes.Cut(text, []byte("\n"))
	switch string(text) {
	case "how are you?":
		return Heard{Kind: Chatter, Reply: []byte("fine")}, rest
	case "welcome":
		return Heard{Kind: Welcome}, rest
	case "?":
		return Heard{}, rest
	}
	return Heard{Kind: Pushed, Data: text}, rest
}

// mute is a dialect without a welcome.
type mute struct{ *scenecastWire }

func (mute) Begin() (say []byte, open bool) { return nil, true }

// TestDialect feeds a page what a server says after the handshake.
func TestDialect(t *testing.T) {
	const (
		hello = "\x81\x85\x00\x00\x00\x00hello"
		fine  = "\x81\x84\x00\x00\x00\x00fine"
	)
	e := NewEnvelope("abc", MinSize)
	message := string(e.Write(0))
	for _, c := range []struct {
		name    string
		dialect Dialect
		said    []string // text messages
		replies string
		stage   stage
		settled int
		strange int
		err     string
	}{
		{"nothing yet", talk{}, nil, hello, silent, 0, 0, ""},
		{"asked", talk{}, []string{"how are you?"}, hello + fine, silent, 0, 0, ""},
		{"welcome", talk{}, []string{"how are you?", "welcome"}, hello + fine, greeted, 0, 0, ""},
		{"all in one", talk{}, []string{"how are you?\nwelcome\n" + message + "\nhow are you?"}, hello + fine + fine, greeted, 1, 0, ""},
		{"strange", talk{}, []string{"welcome", "?", "welcome"}, hello, greeted, 0, 2, ""},
		{"no welcome", talk{}, []string{message}, hello, silent, 0, 0, "the server's first message is no welcome"},
		{"none is needed", mute{&scenecastWire{}}, []string{message}, "", greeted, 1, 0, ""},
	} {
		f := &fleet{dialect: c.dialect, handshake: newHandshake("x", ""), envelope: e, ledger: newLedger()}
		f.newPages(1, 1)
		f.ledger.expect([]crowd{{0}})
		f.places <- struct{}{}
		p := &f.pages[0]
		p.stage = asking
		wire := []byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + f.handshake.accept + "\r\n\r\n")
		for _, text := range c.said {
			wire = append(append(wire, 0x81, byte(len(text))), text...)
		}
		err := p.feed(wire, 0)
		if string(p.replies) != c.replies || p.stage != c.stage || p.settled != c.settled || f.strayed != c.strange ||
			(err == nil) != (c.err == "") || !strings.Contains(text(err), c.err) {
			t.Errorf("%s: replies %q, stage %d, %d deliveries, %d strange, %v", c.name, p.replies, p.stage, p.settled, f.strayed, err)
		}
	}
}

// TestScenecastWire: what pages and backends say to a Scenecast server.
func TestScenecastWire(t *testing.T) {
	o := Options{URL: &url.URL{Scheme: "http", Host: "x", Path: "/base"}, Token: "t", Key: "k", Native: true}
	w := newScenecastWire(&o)
	if got := w.Target(url.Values{"page": {"home"}}); got != "/base/v1/connect?page=home&token=t" {
		t.Errorf("target: got %s", got)
	}
	c := w.Push(Audience{JSON: []byte(`{"page":"home"}`)}, []byte("{}"))
	if c.Path != "/base/v1/push" || string(c.Body) != `{"to":{"page":"home"},"message":{}}` || c.Header[0] != "Authorization: Bearer k" {
		t.Errorf("push: got %+v, %s", c, c.Body)
	}
	for _, c := range []struct {
		status int
		body   string
		want   Answer
		err    string
	}{
		{200, `{"matched":3,"queued":2,"dropped":1}`, Answer{3, 2, 1}, ""},
		{200, `ok`, Answer{}, `the server's answer is no JSON: "ok"`},
		{401, `{"detail":"no such key"}`, Answer{}, "the server answers 401 Unauthorized: no such key"},
		{502, `<html>`, Answer{}, "the server answers 502 Bad Gateway: "},
	} {
		if got, err := w.Answer(c.status, []byte(c.body)); got != c.want || text(err) != c.err {
			t.Errorf("%d %s: got %+v, %v", c.status, c.body, got, err)
		}
	}
}
