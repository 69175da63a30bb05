package pusher

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/signature"
)

const (
	key    = "278d425bdf160c739803"
	secret = "7ad3773142a6692b25b8"
)

// conn is a connection that notes what it is told.
type conn struct {
	scenecast.Conn
	labels label.Set
	sent   []string
	fast   bool // it publishes more often than it may
	last   *scenecast.Push
}

func (c *conn) ID() scenecast.ConnID                                 { return scenecast.ConnID{Node: 1234, Seq: 1234} }
func (c *conn) App() string                                          { return "shop" }
func (c *conn) Labels() label.Set                                    { return c.labels }
func (c *conn) Relabel(change label.Change)                          { c.labels = c.labels.Apply(change) }
func (c *conn) RelabelFrom(change label.Change, _ scenecast.History) { c.Relabel(change) }
func (c *conn) Position() scenecast.Position                         { return scenecast.Position{Epoch: 1} }
func (c *conn) Publishes(perSecond int) bool                         { return !c.fast && perSecond == 10 }
func (c *conn) Last(retain string) *scenecast.Push {
	if c.last != nil && c.last.Retain == retain {
		return c.last
	}
	return nil
}

func (c *conn) Send(frame []byte) bool {
	c.sent = append(c.sent, messages(frame)...)
	return true
}

// messages are the payloads of frames.
func messages(frames []byte) (all []string) {
	for len(frames) > 0 {
		head, err := ws.ReadHeader(strings.NewReader(string(frames)))
		if err != nil || head.OpCode != ws.OpText || !head.Fin {
			panic(fmt.Sprint(head, err))
		}
		size := ws.HeaderSize(head)
		all = append(all, string(frames[size:size+int(head.Length)]))
		frames = frames[size+int(head.Length):]
	}
	return all
}

// fixture is the protocol of one app, what it publishes and what it tells.
type fixture struct {
	*Protocol
	app       app.App
	published []scenecast.Push
	told      []Event
	fails     error
}

func newFixture() *fixture {
	f := &fixture{app: app.App{
		Name: "shop", Keys: signature.Keys{signature.NewKey(key, secret)}, Enabled: true, ClientEvents: true, ClientEventRate: 10,
		MaxChannels: 3, MaxMembers: 100, MaxUserInfo: 40, MaxWatchlist: 2, MaxEvent: 30, MaxEventName: 20, MaxChannelName: 200,
	}}
	f.Protocol = New(Options{
		FindApp: func(name string) *app.App {
			if name == "shop" {
				return &f.app
			}
			return nil
		},
		Publish: func(p scenecast.Push) error {
			if f.fails == nil {
				f.published = append(f.published, p)
			}
			return f.fails
		},
		Tell: func(e Event) { f.told = append(f.told, e) },
	})
	return f
}

func set(pairs ...string) label.Set {
	var labels []label.Label
	for _, pair := range pairs {
		k, v, _ := strings.Cut(pair, "=")
		labels = append(labels, label.Label{Key: k, Value: v})
	}
	return label.New(labels...)
}

const foobarAuth = key + ":58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"

func errorOf(code, text string) string {
	b, _ := json.Marshal(text)
	return `{"event":"pusher:error","data":{"code":` + code + `,"message":` + strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(b)) + `}}`
}

func refusalOf(channel, kind, text string, status int) string {
	return `{"event":"pusher:subscription_error","channel":"` + channel + `","data":` + fmt.Sprintf("%q", fmt.Sprintf(`{"type":%q,"error":%q,"status":%d}`, kind, text, status)) + `}`
}

const (
	authText     = "auth is not key:signature, where the signature is the HMAC-SHA256, in hexadecimal, of \\u003csocket_id\\u003e:\\u003cchannel\\u003e with the secret of the key"
	objectText   = "a message is a JSON object with event, channel and data"
	rejectedText = "Client event rejected - "
)

// received is what pages send: the labels that they have and then have, and the answer.
var received = []struct {
	message string
	before  label.Set
	sent    string
	after   string // "" where nothing changes
}{
	{`{"event":"pusher:ping","data":{}}`, set(), `{"event":"pusher:pong","data":{}}`, ""},
	{`{"event":"pusher:pong","data":{}}`, set(), ``, ""},
	{`{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`, set(), `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`, `{"@channel":"news"}`},
	{`{"event":"pusher:subscribe","data":{"channel":"news","auth":null}}`, set("@channel=a"), `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`, `{"@channel":["a","news"]}`},
	{`{"event":"pusher:subscribe","data":"{\"channel\":\"news\"}"}`, set(), `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`, `{"@channel":"news"}`},
	{`{"event":"pusher:subscribe","data":{"channel":"private-foobar","auth":"` + foobarAuth + `"}}`, set(), `{"event":"pusher_internal:subscription_succeeded","channel":"private-foobar","data":"{}"}`, `{"@channel":"private-foobar"}`},
	{`{"event":"pusher:subscribe","data":{"channel":"private-foobaz","auth":"` + foobarAuth + `"}}`, set(), refusalOf("private-foobaz", "AuthError", "AUTH", 401), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"private-encrypted-foobar","auth":"` + foobarAuth + `"}}`, set(), refusalOf("private-encrypted-foobar", "AuthError", "AUTH", 401), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"private-foobar","auth":""}}`, set(), refusalOf("private-foobar", "AuthError", "AUTH", 401), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"presence-foobar","auth":"` + key + `:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80","channel_data":"{\"user_id\":10,\"user_info\":{\"name\":\"Mr. Channels\"}}"}}`,
		set(), ``, `{"@member":"presence-foobar\n10\n{\"name\":\"Mr. Channels\"}"}`},
	{`{"event":"pusher:subscribe","data":{"channel":"news"}}`, set("@channel=news"), errorOf("null", "Existing subscription to channel news"), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"presence-a"}}`, set("@member=presence-a\n1\n"), errorOf("null", "Existing subscription to channel presence-a"), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"d"}}`, set("@channel=a", "@channel=b", "@channel=c"), refusalOf("d", "LimitReached", "a connection may have 3 channels (setting: pusher.max_channels)", 403), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"d"}}`, set("@channel=a", "@channel=presence-b", "@member=presence-b\n1\n", "@member=presence-c\n1\n"), refusalOf("d", "LimitReached", "a connection may have 3 channels (setting: pusher.max_channels)", 403), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"a b"}}`, set(), refusalOf("a b", "InvalidChannel", `"a b" is no name of a channel: letters, digits and any of _-=@,.;`, 400), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"#server-to-user-1"}}`, set("@user=2"), refusalOf("#server-to-user-1", "AuthError", "the channel is that of a user who has signed in", 401), ""},
	{`{"event":"pusher:subscribe","data":{"channel":"#server-to-user-1"}}`, set("@user=1"), `{"event":"pusher_internal:subscription_succeeded","channel":"#server-to-user-1","data":"{}"}`, `{"@channel":"#server-to-user-1","@user":"1"}`},
	{`{"event":"pusher:subscribe","data":{"channel":"cache-a"}}`, set(), `{"event":"pusher_internal:subscription_succeeded","channel":"cache-a","data":"{}"} {"event":"pusher:cache_miss","channel":"cache-a"}`, `{"@channel":"cache-a"}`},
	{`{"event":"pusher:subscribe"}`, set(), errorOf("null", subscribeForm), ""},
	{`{"event":"pusher:subscribe","data":{}}`, set(), errorOf("null", subscribeForm), ""},
	{`{"event":"pusher:subscribe","data":{"channel":7}}`, set(), errorOf("null", subscribeForm), ""},
	{`{"event":"pusher:subscribe","data":[]}`, set(), errorOf("null", subscribeForm), ""},
	{`{"event":"pusher:subscribe","data":"news"}`, set(), errorOf("null", subscribeForm), ""},
	{`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`, set("@channel=a", "@channel=news"), ``, `{"@channel":"a"}`},
	{`{"event":"pusher:unsubscribe","data":{"channel":"none"}}`, set("@channel=a"), ``, ""},
	{`{"event":"pusher:unsubscribe","data":{"channel":"presence-a"}}`, set("@channel=presence-a", "@member=presence-a\n1\n{}", "@member=presence-ab\n1\n{}"), ``, `{"@member":"presence-ab\n1\n{}"}`},
	{`{"event":"pusher:unsubscribe","data":{"channel":"presence-a"}}`, set("@member=presence-a\n1\n{}"), ``, `{}`}, // before it is subscribed
	{`{"event":"pusher:unsubscribe","data":{}}`, set(), errorOf("null", "pusher:unsubscribe takes data with a channel"), ""},
	{`{"event":"pusher:signin","data":{"auth":"` + key + `:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba","user_data":"{\"id\":\"12345\"}"}}`,
		set(), `{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"12345\\\"}\"}"}`, `{"@user":"12345"}`},
	{`{"event":"pusher:signin","data":{"auth":"` + key + `:4708","user_data":"{\"id\":\"12345\"}"}}`, set(),
		errorOf("4009", "auth is not key:signature, where the signature is the HMAC-SHA256, in hexadecimal, of <socket_id>::user::<user_data> with the secret of the key"), ""},
	{`{"event":"pusher:signin","data":{"auth":"x"}}`, set(), errorOf("null", "pusher:signin takes data with auth and user_data, which are texts"), ""},
	{`{"event":"client-x","channel":"private-a","data":{"n": 1}}`, set("@channel=private-a"), ``, ""},
	{`{"event":"client-x","channel":"private-a"}`, set(), errorOf("null", rejectedText+"you are not subscribed to the channel"), ""},
	{`{"event":"client-x","channel":"presence-a"}`, set("@member=presence-a\n1\n"), errorOf("null", rejectedText+"you are not subscribed to the channel"), ""},
	{`{"event":"client-x","channel":"news"}`, set("@channel=news"), errorOf("null", rejectedText+"only supported on private and presence channels"), ""},
	{`{"event":"client-x","channel":"private-encrypted-a"}`, set("@channel=private-encrypted-a"), errorOf("null", rejectedText+"not supported on encrypted channels"), ""},
	{`{"event":"client-x"}`, set(), errorOf("null", rejectedText+"the message has no channel"), ""},
	{`{"event":"client-12345678901234567890","channel":"private-a"}`, set("@channel=private-a"), errorOf("null", rejectedText+"the name of the event has 27 bytes, and may have 20 (setting: pusher.max_event_name)"), ""},
	{`{"event":"client-x","channel":"private-a","data":"01234567890123456789012345678901"}`, set("@channel=private-a"), errorOf("null", rejectedText+"the data has 34 bytes, and may have 30 (setting: pusher.max_event)"), ""},
	{`{"event":"headline","channel":"private-a"}`, set("@channel=private-a"), errorOf("null", rejectedText+`the event "headline" is not known, and that of a client begins with client-`), ""},
	{`{"event":"pusher:nonsense"}`, set(), errorOf("null", rejectedText+`the event "pusher:nonsense" is not known, and that of a client begins with client-`), ""},
	{`{"event":""}`, set(), errorOf("null", objectText), ""},
	{`{"event":7}`, set(), errorOf("null", objectText), ""},
	{`{"channel":"a"}`, set(), errorOf("null", objectText), ""},
	{`{"event":"pusher:ping"`, set(), errorOf("null", objectText), ""},
	{`{"event":"pusher:ping"} x`, set(), errorOf("null", objectText), ""},
	{`[]`, set(), errorOf("null", objectText), ""},
	{`hello`, set(), errorOf("null", objectText), ""},
	{``, set(), errorOf("null", objectText), ""},
}

func TestReceived(t *testing.T) {
	for _, m := range received {
		f, c := newFixture(), &conn{labels: m.before}
		f.Received(c, scenecast.Inbound{Text: true, Data: []byte(m.message)})
		sent := strings.ReplaceAll(m.sent, "AUTH", strings.ReplaceAll(authText, `\`, `\\`))
		if got := strings.Join(c.sent, " "); got != sent {
			t.Errorf("%s:\ngot  %s\nwant %s", m.message, got, sent)
		}
		before, _ := m.before.MarshalJSON()
		if m.after == "" {
			m.after = string(before)
		}
		if after, _ := c.labels.MarshalJSON(); string(after) != m.after {
			t.Errorf("%s: the labels are %s, want %s", m.message, after, m.after)
		}
	}
	c := new(conn)
	newFixture().Received(c, scenecast.Inbound{Data: []byte(`{"event":"pusher:ping"}`)})
	if fmt.Sprint(c.sent) != "["+errorOf("null", "a message is a text frame, not a binary one")+"]" {
		t.Errorf("a binary message: %s", c.sent)
	}
}

// TestClientEvents: what is published of them, and who is told.
func TestClientEvents(t *testing.T) {
	for _, c := range []struct{ data, message, text string }{
		{`,"data":{"n": 1}`, `{"n": 1}`, `{"n": 1}`},
		{`,"data":"{\"n\":1}"`, `{"n":1}`, `{"n":1}`},
		{`,"data":"hello"`, `"hello"`, `hello`},
		{`,"data":"\"hello\""`, `"\"hello\""`, `"hello"`},
		{`,"data":7`, `7`, `7`},
		{``, `null`, `null`},
	} {
		f, sender := newFixture(), &conn{labels: set("@channel=presence-a", "@member=presence-a\n42\n{}")}
		f.Received(sender, scenecast.Inbound{Text: true, Data: []byte(`{"event":"client-x","channel":"presence-a"` + c.data + `}`)})
		if len(f.published) != 1 || len(f.told) != 1 || len(sender.sent) != 0 {
			t.Fatalf("%s: published %+v, told %+v, answered %s", c.data, f.published, f.told, sender.sent)
		}
		p := f.published[0]
		if p.App != "shop" || p.To.String() != `@channel == "presence-a" && @id != "1234.1234"` || p.ID == "" || p.TTL != 0 ||
			p.Message.Event != "client-x" || string(p.Message.Data) != c.message || p.Message.User != "42" {
			t.Errorf("%s: published %+v", c.data, p)
		}
		want := Event{"client_event", "shop", "presence-a", "client-x", f.told[0].Data, "1234.1234", "42"}
		if !reflect.DeepEqual(f.told[0], want) || TextOf(f.told[0].Data) != c.text {
			t.Errorf("%s: told %+v, want %+v with %s", c.data, f.told[0], want, c.text)
		}
	}
	const message = `{"event":"client-x","channel":"private-a","data":1}`
	for name, change := range map[string]func(f *fixture, c *conn){
		errorOf("4301", rejectedText+"more than the events per second that a connection may send (setting: pusher.client_event_rate)"): func(_ *fixture, c *conn) { c.fast = true },
		errorOf("null", rejectedText+"the app takes no client events (setting: pusher.client_events)"):                                 func(f *fixture, _ *conn) { f.app.ClientEvents = false },
		errorOf("null", rejectedText+"the server cannot publish now; try again"):                                                       func(f *fixture, _ *conn) { f.fails = errors.New("down") },
	} {
		f, c := newFixture(), &conn{labels: set("@channel=private-a")}
		change(f, c)
		f.Received(c, scenecast.Inbound{Text: true, Data: []byte(message)})
		if fmt.Sprint(c.sent) != "["+name+"]" || len(f.published)+len(f.told) != 0 {
			t.Errorf("%s, published %+v; want %s", c.sent, f.published, name)
		}
	}
}

// TestCache: a hit comes behind the success, as the event that it was.
func TestCache(t *testing.T) {
	f, c := newFixture(), &conn{last: &scenecast.Push{Retain: "cache-a", Message: scenecast.Message{Event: "price", Data: json.RawMessage("7")}}}
	f.Received(c, scenecast.Inbound{Text: true, Data: []byte(`{"event":"pusher:subscribe","data":{"channel":"cache-a"}}`)})
	want := `[{"event":"pusher_internal:subscription_succeeded","channel":"cache-a","data":"{}"} {"event":"price","channel":"cache-a","data":"7"}]`
	if fmt.Sprint(c.sent) != want || len(f.told) != 0 {
		t.Errorf("%s, told %+v", c.sent, f.told)
	}
	c = new(conn)
	f.Received(c, scenecast.Inbound{Text: true, Data: []byte(`{"event":"pusher:subscribe","data":{"channel":"cache-b"}}`)})
	if fmt.Sprint(f.told) != `[{cache_miss shop cache-b  []  }]` {
		t.Errorf("told %+v", f.told)
	}
}

// TestEncodePush: events as bytes.
func TestEncodePush(t *testing.T) {
	for _, c := range []struct {
		message scenecast.Message
		channel string
		want    string
	}{
		{scenecast.Message{Event: "e", Data: json.RawMessage(`{"a":"<你好>\n"}`)}, "news", `{"event":"e","channel":"news","data":"{\"a\":\"<你好>\\n\"}"}`},
		{scenecast.Message{Data: json.RawMessage(`"hi"`)}, "", `{"event":"message","data":"hi"}`},
		{scenecast.Message{Event: `"`, User: "1\"", Data: json.RawMessage(` 7 `)}, "a", `{"event":"\"","channel":"a","data":"7","user_id":"1\""}`},
		{scenecast.Message{Event: "e", Data: json.RawMessage(`"7"`)}, "a", `{"event":"e","channel":"a","data":"\"7\""}`},
	} {
		p := &scenecast.Push{Message: c.message}
		frame := scenecast.EncodeTopic(newFixture(), p, scenecast.Live, c.channel)
		if got := messages(frame); len(got) != 1 || got[0] != c.want || !json.Valid([]byte(got[0])) {
			t.Errorf("%+v: %s, want %s", c.message, got, c.want)
		}
	}
}

// FuzzData: the data of an event comes back as it was, and is JSON in a push.
func FuzzData(f *testing.F) {
	for _, seed := range []string{"", "hello", `{"a":1}`, `"x"`, `"\"x\""`, "7", " 7", "\x00\u2028", `"\ud800"`, "null", "\"", `"7"`, ` "7"`, ` ""`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\uFFFD")
		data := DataOf(text)
		if !json.Valid(data) {
			t.Fatalf("%q becomes %q", text, data)
		}
		want := text
		if !isString(data) {
			want = string(trim([]byte(text)))
		}
		if got := TextOf(data); got != want {
			t.Errorf("%q becomes %q and comes back as %q", text, data, got)
		}
	})
}

// FuzzReceived: whatever a page sends, each answer is a JSON object with an event, and only labels change that are the protocol's, within
// the limits.
func FuzzReceived(f *testing.F) {
	for _, m := range received {
		f.Add(m.message)
		f.Add(m.message[:len(m.message)/2])
	}
	f.Fuzz(func(t *testing.T, message string) {
		fixture, c := newFixture(), &conn{labels: set("page=home", "@user=7", "@channel=private-a", "@channel=presence-b", "@member=presence-b\n7\n{}")}
		fixture.Received(c, scenecast.Inbound{Text: true, Data: []byte(strings.ToValidUTF8(message, "\uFFFD"))})
		for _, sent := range c.sent {
			var answer struct{ Event string }
			if json.Unmarshal([]byte(sent), &answer) != nil || answer.Event == "" {
				t.Errorf("%q: answered by %s", message, sent)
			}
		}
		for l := range c.labels.All() {
			if !strings.HasPrefix(l.Key, "@") && l != (label.Label{Key: "page", Value: "home"}) {
				t.Errorf("%q gives the label %+v", message, l)
			}
		}
		if n := c.labels.Of("@channel").Len(); n > 3 || !c.labels.Contains("@user", "7") {
			t.Errorf("%q: %d channels", message, n)
		}
		for _, p := range fixture.published {
			if !json.Valid(p.Message.Data) || !strings.HasPrefix(p.Message.Event, "client-") {
				t.Errorf("%q publishes %+v", message, p)
			}
		}
	})
}

// TestCloseCodes: every code that the server has is one of the protocol, and none makes a client stay away that may come back.
func TestCloseCodes(t *testing.T) {
	for code, want := range map[scenecast.CloseCode]scenecast.CloseCode{
		scenecast.CloseNormal: 4009, scenecast.CloseInternalError: 4100, scenecast.CloseBadMessage: 4100, scenecast.CloseUnauthorized: 4009,
		scenecast.CloseForbidden: 4009, scenecast.CloseSlowConsumer: 4100, scenecast.CloseIdle: 4201, scenecast.CloseTooMany: 4100,
		scenecast.CloseShuttingDown: 4200, scenecast.CloseProtocolError: 1002, scenecast.CloseTooBig: 1009, 4009: 4009, 4200: 4200, 4555: 4100, 4301: 4100,
	} {
		if got := closeCode(code); got != want {
			t.Errorf("%d is closed with %d, want %d", code, got, want)
		}
	}
	for err, want := range map[error]scenecast.CloseCode{
		problem.New(problem.Unavailable, "x"): 4100, problem.New(problem.TooMany, "x"): 4100, problem.New(problem.Forbidden, "x"): 4009,
		errors.New("x"): 4100, problem.New(problem.NotFound, "x"): 4001, refuse(4003, problem.Forbidden, "x"): 4003,
	} {
		if got, _ := CloseCode(err); got != want {
			t.Errorf("%v is refused with %d, want %d", err, got, want)
		}
	}
}
