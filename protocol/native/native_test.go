package native_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/protocol/native"
)

// conn is a connection that writes down what its protocol does with it.
type conn struct {
	labels  label.Set
	trusted string // a key
	maySet  []string
	at      scenecast.Position
	tooFast bool
	did     []string
	changes [][]string // the labels @watch after each change

	awaiting bool
	resumed  chan func(scenecast.Conn) // tasks, for a page that awaits something
}

func (c *conn) MaySet() []string { return c.maySet }

func (c *conn) Renew(trusted label.Set, t scenecast.Token, rules label.Rules) error {
	if err := rules.Limits.Check(c.labels.Union(trusted)); err != nil {
		return err
	}
	c.labels, c.maySet = c.labels.Union(trusted), t.MaySet
	return nil
}

func (c *conn) Await(scenecast.Waiting) (func(func(scenecast.Conn)), bool) {
	if c.awaiting {
		return nil, false
	}
	c.awaiting, c.resumed = true, make(chan func(scenecast.Conn), 1)
	return func(task func(scenecast.Conn)) { c.resumed <- task }, true
}

func (c *conn) ID() scenecast.ConnID                                 { return scenecast.ConnID{Node: 7, Seq: 1} }
func (c *conn) App() string                                          { return "shop" }
func (c *conn) Labels() label.Set                                    { return c.labels }
func (c *conn) Trusted(key string) bool                              { return key == c.trusted }
func (c *conn) Lease() scenecast.Lease                               { return 0 }
func (c *conn) Allows(scenecast.Act) bool                            { return !c.tooFast }
func (c *conn) Publishes(int) bool                                   { return true }
func (c *conn) RelabelFrom(change label.Change, _ scenecast.History) { c.Relabel(change) }
func (c *conn) Last(string) *scenecast.Push                          { return nil }
func (c *conn) Acknowledge(p scenecast.Position)                     { c.did = append(c.did, "ack "+p.String()) }
func (c *conn) Position() scenecast.Position                         { return c.at }
func (c *conn) Close(e scenecast.Ending) {
	c.did = append(c.did, fmt.Sprintf("close %d %s", e.Code, e.Detail))
}

func (c *conn) Relabel(change label.Change) {
	c.labels = c.labels.Apply(change)
	c.changes = append(c.changes, c.labels.Values(scenecast.LabelWatch))
}

func (c *conn) Send(frame []byte) bool {
	c.did = append(c.did, payload(frame))
	return true
}

// payload is the text in a whole frame.
func payload(frame []byte) string {
	r := strings.NewReader(string(frame))
	head, err := ws.ReadHeader(r)
	if err != nil || head.OpCode != ws.OpText || !head.Fin || head.Length != int64(r.Len()) {
		return fmt.Sprintf("no whole text frame: %q", frame)
	}
	return string(frame[len(frame)-r.Len():])
}

func newProtocol() *native.Protocol { return protocolFor(pages{}) }

func protocolFor(pages auth.PageAuthenticator) *native.Protocol {
	return native.New(&admission.Authenticator{Rules: func(app string) label.Rules {
		limits := label.DefaultLimits
		limits.Count = 3
		return label.Rules{Limits: limits, Client: []string{"page", "tag", "plan", app}}
	}, Pages: pages, PresenceKey: func(app, key string) bool { return app == "shop" && (key == "page" || key == "order") }}, nil)
}

// pages knows tokens that are what they say: "app key=value", or "slow …", which a loop has to defer.
type pages struct{}

func (pages) AuthenticatePage(ctx context.Context, token string) (p auth.Page, err error) {
	if rest, slow := strings.CutPrefix(token, "slow "); slow {
		if scenecast.IsOnLoop(ctx) {
			return p, scenecast.ErrDeferred
		}
		token = rest
	}
	fields := strings.Fields(token)
	if len(fields) != 2 {
		return p, auth.Invalid("is a bad one")
	}
	key, value, _ := strings.Cut(fields[1], "=")
	return auth.Page{App: fields[0], Labels: label.New(label.Label{Key: key, Value: value}), Token: scenecast.Token{MaySet: []string{"tag"}}}, nil
}

// TestSlowToken: what takes long to verify is answered later, one token at a time.
func TestSlowToken(t *testing.T) {
	c, p := newConn(), newProtocol()
	p.Received(c, text(`{"type":"token","id":1,"token":"slow shop plan=pro"}`))
	p.Received(c, text(`{"type":"token","id":2,"token":"slow shop plan=pro"}`))
	p.Received(c, text(`{"type":"ping","id":3}`))
	(<-c.resumed)(c)
	c.awaiting = false
	p.Received(c, text(`{"type":"token","id":4,"token":"slow nothing"}`))
	(<-c.resumed)(c)
	if want := []string{
		`{"type":"error","id":2,"kind":"too_many","detail":"the token before is still being verified","where":"token"}`,
		`{"type":"pong","id":3,"position":"0-0"}`,
		`{"type":"token","id":1,"position":"0-0"}`,
		`{"type":"error","id":4,"kind":"unauthorized","detail":"the page's token is a bad one","where":"token","setting":"jwt"}`,
	}; !slices.Equal(c.did, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(c.did, "\n     "), strings.Join(want, "\n     "))
	}
}

// TestMaySet: what the token lets a page set counts more than the configuration.
func TestMaySet(t *testing.T) {
	c, p := newConn(), newProtocol()
	p.Received(c, text(`{"type":"token","token":"shop plan=pro"}`))
	p.Received(c, text(`{"type":"set","id":1,"labels":{"page":"x"}}`))
	p.Received(c, text(`{"type":"set","id":2,"labels":{"page":null,"tag":"x"}}`))
	c.maySet = []string{"order"}
	c.labels = label.Set{}
	p.Received(c, text(`{"type":"set","id":3,"labels":{"order":"7"}}`))
	if want := []string{
		`{"type":"token","position":"0-0"}`,
		`{"type":"error","id":1,"kind":"forbidden","detail":"a page with this token may set only tag (may_set)","where":"labels.page"}`,
		`{"type":"error","id":2,"kind":"forbidden","detail":"a page with this token may set only tag (may_set)","where":"labels.page"}`,
		`{"type":"set","id":3,"position":"0-0"}`,
	}; !slices.Equal(c.did, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(c.did, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestExpiring(t *testing.T) {
	if got := string(native.Expiring(29600 * time.Millisecond)); got != `{"type":"expiring","expires_in":30}` {
		t.Error(got)
	}
}

func newConn() *conn {
	return &conn{
		trusted: "plan",
		labels:  label.FromMap(map[string][]string{"page": {"home"}, "plan": {"free"}, "@id": {"7.1"}}),
	}
}

func text(s string) scenecast.Inbound { return scenecast.Inbound{Text: true, Data: []byte(s)} }

func TestWelcome(t *testing.T) {
	c := newConn()
	newProtocol().Opened(c)
	c.at = scenecast.Position{Epoch: 36, Seq: 17}
	newProtocol().Opened(c)
	if got, want := fmt.Sprint(c.did), `[{"type":"welcome","id":"7.1","position":"0-0"} {"type":"welcome","id":"7.1","position":"10-17"}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestEncodePush: the data is the backend's bytes, whatever their form.
func TestEncodePush(t *testing.T) {
	for _, c := range []struct{ event, data, want string }{
		{"", `{ "b":1.10, "a":"<你好>\u00e9" }`, `{"type":"push","position":"10-17","data":{ "b":1.10, "a":"<你好>\u00e9" }}`},
		{"order.shipped", `7`, `{"type":"push","position":"10-17","event":"order.shipped","data":7}`},
		{`"},{"`, `null`, `{"type":"push","position":"10-17","event":"\"},{\"","data":null}`},
		{"", strings.Repeat("[", 200) + strings.Repeat("]", 200), `{"type":"push","position":"10-17","data":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`},
	} {
		got := payload(newProtocol().EncodePush(&scenecast.Push{
			Position: scenecast.Position{Epoch: 36, Seq: 17},
			Message:  scenecast.Message{Event: c.event, Data: json.RawMessage(c.data)},
		}, scenecast.Live))
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("event %q, data %s: %s, want %s", c.event, c.data, got, c.want)
		}
	}
}

// messages from a page; labels are those afterwards, empty where nothing changed.
var messages = []struct{ message, did, labels string }{
	{`{"type":"ping"}`, `{"type":"pong","position":"0-0"}`, ""},
	{`{"type":"ping","id":"a"}`, `{"type":"pong","id":"a","position":"0-0"}`, ""},
	{`{"type":"set","id":1,"labels":{"page":"list"}}`, `{"type":"set","id":1,"position":"0-0"}`, `{"@id":"7.1","page":"list","plan":"free"}`},
	{`{"type":"set","labels":{"page":null}}`, `{"type":"set","position":"0-0"}`, `{"@id":"7.1","plan":"free"}`},
	{`{"type":"set","labels":{"page":[]}}`, `{"type":"set","position":"0-0"}`, `{"@id":"7.1","plan":"free"}`},
	{`{"type":"set","labels":{"tag":["a","b","a"],"page":null}}`, `{"type":"set","position":"0-0"}`, `{"@id":"7.1","plan":"free","tag":["a","b"]}`},
	{`{"type":"set","labels":{}}`, `{"type":"set","position":"0-0"}`, ""},
	{`{"type":"set","labels":{"shop":"x"}}`, `{"type":"set","position":"0-0"}`, `{"@id":"7.1","page":"home","plan":"free","shop":"x"}`},

	{`{"type":"set","id":2,"labels":{"page":"list","plan":"pro"}}`,
		`{"type":"error","id":2,"kind":"forbidden","detail":"this label is set by the page's token or by the backend, and a page cannot change it","where":"labels.plan"}`, ""},
	{`{"type":"set","labels":{"page":"list","@id":"1.1"}}`,
		`{"type":"error","kind":"forbidden","detail":"label keys with @ are the server's own","where":"labels.@id"}`, ""},
	{`{"type":"set","labels":{"user":"42"}}`,
		`{"type":"error","kind":"forbidden","detail":"a page may set only page, tag, plan, shop","where":"labels.user","setting":"labels.client"}`, ""},
	{`{"type":"set","labels":{"tag":["a","b"]}}`,
		`{"type":"error","kind":"limit_exceeded","detail":"4 labels, and a connection may have 3","where":"labels","setting":"labels.max_count"}`, ""},
	{`{"type":"set","labels":{"page":"` + strings.Repeat("x", 257) + `"}}`,
		`{"type":"error","kind":"limit_exceeded","detail":"the value has 257 bytes, and may have 256","where":"labels.page","setting":"labels.max_value_bytes"}`, ""},

	{`{"type":"ack","position":"k3x9a-17"}`, "ack k3x9a-17", ""},
	{`{"type":"ack"}`, "close 4400 a position belongs to ack, and ack needs one", ""},
	{`{"type":"ping","position":"k3x9a-17"}`, "close 4400 a position belongs to ack, and ack needs one", ""},
	{`{"type":"ack","position":"17"}`, `close 4400 "17" is no position: it has the form epoch-seq, as in k3x9a-17`, ""},

	{`{"type":"watch","id":3,"key":"page"}`, `{"type":"watch","id":3,"position":"0-0"}`, `{"@id":"7.1","@watch":"page","page":"home","plan":"free"}`},
	{`{"type":"watch","key":"order"}`,
		`{"type":"error","kind":"invalid","detail":"a page sees who is in its own scenes, and this one has no label order","where":"key"}`, ""},
	{`{"type":"watch","id":4,"key":"plan"}`,
		`{"type":"error","id":4,"kind":"not_found","detail":"\"plan\" is no key whose presence can be watched","where":"key","setting":"presence"}`, ""},
	{`{"type":"watch","key":"@id"}`,
		`{"type":"error","kind":"not_found","detail":"\"@id\" is no key whose presence can be watched","where":"key","setting":"presence"}`, ""},
	{`{"type":"unwatch","key":"page"}`, `{"type":"error","kind":"invalid","detail":"the page does not watch page","where":"key"}`, ""},
	{`{"type":"watch"}`, "close 4400 a key belongs to watch and unwatch, and they need one", ""},
	{`{"type":"unwatch","key":""}`, "close 4400 a key belongs to watch and unwatch, and they need one", ""},
	{`{"type":"set","labels":{},"key":"page"}`, "close 4400 a key belongs to watch and unwatch, and they need one", ""},
	{`{"type":"watch","key":7}`, "close 4400 a message is a JSON object with type, id, labels, position, token, key, method and data", ""},

	{`{"type":"token","id":5,"token":"shop tag=x"}`, `{"type":"token","id":5,"position":"0-0"}`, `{"@id":"7.1","page":"home","plan":"free","tag":"x"}`},
	{`{"type":"token","id":5,"token":"blog plan=pro"}`,
		`{"type":"error","id":5,"kind":"forbidden","detail":"the token is one of another app; connect with it","where":"token"}`, ""},
	{`{"type":"token","token":"shop @user=42"}`,
		`{"type":"error","kind":"forbidden","detail":"the token is one of another user; connect with it","where":"token"}`, ""},
	{`{"type":"token","id":5,"token":""}`,
		`{"type":"error","id":5,"kind":"unauthorized","detail":"the page's token is a bad one","where":"token","setting":"jwt"}`, ""},
	{`{"type":"token","id":5,"token":null}`, "close 4400 a token belongs to token, and token needs one", ""},
	{`{"type":"token"}`, "close 4400 a token belongs to token, and token needs one", ""},
	{`{"type":"ping","token":"x"}`, "close 4400 a token belongs to token, and token needs one", ""},
	{`{"type":"token","token":{}}`, "close 4400 a message is a JSON object with type, id, labels, position, token, key, method and data", ""},

	{`heartbeat`, "close 4400 a message is a JSON object with type, id, labels, position, token, key, method and data", ""},
	{`{"type":"set"`, "close 4400 a message is a JSON object with type, id, labels, position, token, key, method and data", ""},
	{`[]`, "close 4400 a message is a JSON object with type, id, labels, position, token, key, method and data", ""},
	{`{"type":"set","labels":{"page":7}}`, "close 4400 labels.page: takes a string, an array of strings, or null", ""},
	{`{"type":"set","labels":{"page":["a",null]}}`, "close 4400 labels.page: takes a string, an array of strings, or null", ""},
	{`{"type":"set","labels":{"page":"a","page":"b"}}`, "close 4400 labels.page: there twice", ""},
	{`{"type":"set","labels":["page"]}`, "close 4400 labels: takes an object of keys and values", ""},
	{`{"type":"set"}`, "close 4400 labels belong to set, and set needs them", ""},
	{`{"type":"ping","labels":{}}`, "close 4400 labels belong to set, and set needs them", ""},
	{`{"type":"subscribe"}`, "close 4400 unknown type: there are set, ack, call, token, ping, watch and unwatch", ""},
	{`{}`, "close 4400 unknown type: there are set, ack, call, token, ping, watch and unwatch", ""},
	{`null`, "close 4400 unknown type: there are set, ack, call, token, ping, watch and unwatch", ""},
	{`{"type":"ping","room":"x"}`, "close 4400 a message is a JSON object with type, id, labels, position, token, key, method and data", ""},
	{`{"type":"ping"} {"type":"ping"}`, "close 4400 the message goes on behind its JSON object", ""},
	{`{"type":"ping","id":{}}`, "close 4400 an id is a number or a short text", ""},
	{`{"type":"ping","id":"` + strings.Repeat("x", 63) + `"}`, "close 4400 an id is a number or a short text", ""},
}

func TestMessages(t *testing.T) {
	for _, m := range messages {
		c := newConn()
		newProtocol().Received(c, text(m.message))
		if len(c.did) != 1 || c.did[0] != m.did {
			t.Errorf("%s:\ngot  %s\nwant %s", m.message, c.did, m.did)
		}
		want := m.labels
		if want == "" {
			want = `{"@id":"7.1","page":"home","plan":"free"}`
		}
		if got, _ := c.labels.MarshalJSON(); string(got) != want {
			t.Errorf("%s: the labels are %s, want %s", m.message, got, want)
		}
	}
	c := newConn()
	newProtocol().Received(c, scenecast.Inbound{Data: []byte(`{"type":"ping"}`)})
	if len(c.did) != 1 || c.did[0] != "close 4400 a message is a text frame, not a binary one" {
		t.Errorf("a binary message: %s", c.did)
	}
}

// TestWatch: a key that is watched again begins anew, and one is watched until unwatch.
func TestWatch(t *testing.T) {
	c := newConn()
	c.labels = c.labels.With("order", "7")
	for _, step := range []struct{ message, watched string }{
		{`{"type":"watch","key":"page"}`, "[[page]]"},
		{`{"type":"watch","key":"order"}`, "[[order page]]"},
		{`{"type":"watch","key":"page"}`, "[[order] [order page]]"},
		{`{"type":"unwatch","key":"order"}`, "[[page]]"},
		{`{"type":"unwatch","key":"page"}`, "[[]]"},
	} {
		c.changes = nil
		newProtocol().Received(c, text(step.message))
		if got := fmt.Sprint(c.changes); got != step.watched {
			t.Errorf("%s: the labels @watch were %s, want %s", step.message, got, step.watched)
		}
	}
}

// TestPresence: what pages that watch are told, as bytes.
func TestPresence(t *testing.T) {
	ann := scenecast.PresenceMember{
		User: "42", Labels: label.FromMap(map[string][]string{"name": {"Ann <3"}}), Since: time.UnixMicro(1_800_000_000_123_456).UTC(),
	}
	for _, c := range []struct {
		notice scenecast.PresenceNotice
		want   string
	}{
		{scenecast.PresenceNotice{Kind: scenecast.PresenceSnapshot, Members: []scenecast.PresenceMember{ann}, Count: 1, Anonymous: 2},
			`{"type":"presence","key":"order","value":"7","count":1,"anonymous":2,"members":[{"user":"42","labels":{"name":"Ann \u003c3"},"since":"2027-01-15T08:00:00.123Z"}]}`},
		{scenecast.PresenceNotice{Kind: scenecast.PresenceSnapshot, Count: 2000, Partial: true},
			`{"type":"presence","key":"order","value":"7","count":2000,"anonymous":0,"partial":true,"members":[]}`},
		{scenecast.PresenceNotice{Kind: scenecast.PresenceJoined, Members: []scenecast.PresenceMember{{User: "1", Since: ann.Since}}},
			`{"type":"joined","key":"order","value":"7","members":[{"user":"1","since":"2027-01-15T08:00:00.123Z"}]}`},
		{scenecast.PresenceNotice{Kind: scenecast.PresenceUpdated, Members: []scenecast.PresenceMember{ann}},
			`{"type":"updated","key":"order","value":"7","members":[{"user":"42","labels":{"name":"Ann \u003c3"},"since":"2027-01-15T08:00:00.123Z"}]}`},
		{scenecast.PresenceNotice{Kind: scenecast.PresenceLeft, Members: []scenecast.PresenceMember{{User: "1"}, {User: "2"}}},
			`{"type":"left","key":"order","value":"7","members":[{"user":"1"},{"user":"2"}]}`},
		{scenecast.PresenceNotice{Kind: scenecast.PresenceCount, Count: 3, Anonymous: 1},
			`{"type":"count","key":"order","value":"7","count":3,"anonymous":1}`},
		{scenecast.PresenceNotice{Kind: scenecast.PresenceEnded}, `{"type":"unwatched","key":"order","value":"7"}`},
	} {
		c.notice.Key, c.notice.Value = "order", "7"
		if got := payload(newProtocol().Traits().EncodePresence(&c.notice)); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}

func TestCloseCode(t *testing.T) {
	for kind, want := range map[problem.Kind]scenecast.CloseCode{
		problem.Unauthorized: 4401, problem.Forbidden: 4403, problem.Invalid: 4400, problem.LimitExceeded: 4400,
		problem.TooMany: 4429, problem.Internal: 1011,
	} {
		if code, reason := native.CloseCode(problem.New(kind, "why")); code != want || reason != "why" {
			t.Errorf("%s: %d %s, want %d", kind, code, reason, want)
		}
	}
}

// FuzzReceived: whatever a page sends, it gets exactly one answer or is sent away once, the answer is JSON, the trusted and
// the server's labels stay as they were, and the limits hold.
func FuzzReceived(f *testing.F) {
	for _, m := range messages {
		f.Add(m.message)
		f.Add(m.message[:len(m.message)/2])
	}
	p := protocolFor(new(auth.PageTokens)) // which lets nobody in
	f.Fuzz(func(t *testing.T, message string) {
		c := newConn()
		p.Received(c, text(message))
		if len(c.did) != 1 {
			t.Fatalf("%q: %q", message, c.did)
		}
		if !strings.HasPrefix(c.did[0], "close 4400 ") && !strings.HasPrefix(c.did[0], "ack ") && !json.Valid([]byte(c.did[0])) {
			t.Errorf("%q: the answer is %s", message, c.did[0])
		}
		if !c.labels.Contains("plan", "free") || len(c.labels.Values("plan")) != 1 || len(c.labels.Values("@id")) != 1 || c.labels.Len() > 5 {
			labels, _ := c.labels.MarshalJSON()
			t.Errorf("%q: the labels are %s", message, labels)
		}
	})
}
