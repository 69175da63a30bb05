package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/engine/memory"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/push"
)

// engine takes everything, and says that it reached some pages.
type engine struct {
	scenecast.Log
	published []scenecast.Push
	counted   []string
	err       error
}

var tally = scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Nodes: 1}

func (e *engine) Submit(p scenecast.Push) (scenecast.Pending, error) {
	e.published = append(e.published, p)
	if e.err != nil {
		return nil, e.err
	}
	return ended{ID: p.ID, Position: scenecast.Position{Epoch: 1, Seq: uint64(len(e.published))}, Tally: tally, Known: 3}, nil
}

// ended is a push of which everything is known.
type ended scenecast.Published

// Wait implements scenecast.Pending.
func (p ended) Wait(context.Context) (scenecast.Published, error) { return scenecast.Published(p), nil }

// WaitQueued implements scenecast.Pending.
func (p ended) WaitQueued(context.Context) error { return nil }

// shop is the program itself, in the app of most tests.
var shop = access.Caller{App: "shop"}

func (e *engine) Ask(_ context.Context, q scenecast.Query) (scenecast.Reply, error) {
	e.counted = append(e.counted, q.App+": "+q.To.String())
	return scenecast.Reply{Tally: scenecast.Tally{Matched: 5, Nodes: 2}, Known: 3}, e.err
}

func (e *engine) Close() error { return nil }

func parse(t *testing.T, text string) audience.Expr {
	t.Helper()
	to, err := audience.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestPush(t *testing.T) {
	home := parse(t, `page == "home"`)
	message := json.RawMessage(` {"b": 1.0, "a": "<\u4e2d>"} `)
	e := new(engine)
	s := push.NewService(e, push.DefaultLimits, nil)
	ids := make(map[string]bool)
	for i := range 3 {
		r, err := s.Push(t.Context(), shop, push.Request{To: home, Message: message})
		if err != nil {
			t.Fatal(err)
		}
		want := push.Result{ID: r.ID, Position: scenecast.Position{Epoch: 1, Seq: uint64(i + 1)}, Tally: tally, Known: 3}
		if r != want {
			t.Errorf("the result is %+v, want %+v", r, want)
		}
		if !regexp.MustCompile(`^[a-z0-9]{26}$`).MatchString(r.ID) || ids[r.ID] {
			t.Errorf("the ID %q is not of its form, or was drawn twice", r.ID)
		}
		ids[r.ID] = true
		published := scenecast.Push{ID: r.ID, App: "shop", To: home, Message: scenecast.Message{Data: message}}
		if got := e.published[i]; !reflect.DeepEqual(got, published) {
			t.Errorf("the engine got %+v, want %+v", got, published)
		}
	}
	if len(e.counted) != 0 {
		t.Errorf("a push counted the audience first: %v", e.counted)
	}
}

func TestPushRefuses(t *testing.T) {
	home := parse(t, `page == "home"`)
	const noAudience = `to: missing: say which pages, as in {"page":"home"}; everybody is "*"`
	for _, c := range []struct {
		name    string
		request push.Request
		want    string
	}{
		{"nothing", push.Request{}, noAudience},
		{"no audience", push.Request{Message: json.RawMessage(`{}`)}, noAudience},
		{"no audience, dry", push.Request{DryRun: true}, noAudience},
		{"no message", push.Request{To: home}, "message: missing: any JSON that the pages shall get"},
		{"half a message", push.Request{To: home, Message: json.RawMessage(`{"a":`)}, "message: not valid JSON in UTF-8"},
		{"half a message, dry", push.Request{To: home, Message: json.RawMessage(`{"a":`), DryRun: true}, "message: not valid JSON in UTF-8"},
		{"two messages", push.Request{To: home, Message: json.RawMessage(`1 2`)}, "message: not valid JSON in UTF-8"},
		{"blank message", push.Request{To: home, Message: json.RawMessage(` `)}, "message: not valid JSON in UTF-8"},
		{"a long event", push.Request{To: home, Message: json.RawMessage(`1`), Event: strings.Repeat("x", 201)}, "event: a text of at most 200 bytes"},
		{"an event that is no text", push.Request{To: home, Message: json.RawMessage(`1`), Event: "\xff"}, "event: a text of at most 200 bytes"},
		{"a long coalesce", push.Request{To: home, Message: json.RawMessage(`1`), Coalesce: strings.Repeat("x", 129)}, "coalesce: a text of at most 128 bytes"},
		{"a retain that is no text", push.Request{To: home, Message: json.RawMessage(`1`), Retain: "\xff", TTL: 1}, "retain: a text of at most 128 bytes"},
		{"a retain without ttl", push.Request{To: home, Message: json.RawMessage(`1`), Retain: "k"}, "retain: needs a ttl, which says how long the value is kept"},
		{"a negative ttl", push.Request{To: home, Message: json.RawMessage(`1`), TTL: -1}, "ttl: negative"},
		{"a negative timeout", push.Request{To: home, Message: json.RawMessage(`1`), Timeout: -1}, "timeout: negative"},
		{"a timeout for nothing", push.Request{To: home, Message: json.RawMessage(`1`), Timeout: 1}, "timeout: needs a receipt to wait for: written or acked"},
		{"no receipt", push.Request{To: home, Message: json.RawMessage(`1`), Receipt: 3}, "receipt: there is no receipt 3"},
		{"a long ID", push.Request{To: home, Message: json.RawMessage(`1`), ID: strings.Repeat("x", 129)}, "id: 129 characters, and it may have 128"},
		{"an ID with a space", push.Request{To: home, Message: json.RawMessage(`1`), ID: "order 7"}, "id: takes printable ASCII without spaces"},
		{"a key beyond ASCII", push.Request{To: home, Message: json.RawMessage(`1`), IdempotencyKey: "订"}, "Idempotency-Key: takes printable ASCII without spaces"},
		{"a key with a line break", push.Request{To: home, Message: json.RawMessage(`1`), IdempotencyKey: "a\n"}, "Idempotency-Key: takes printable ASCII without spaces"},
		{"an ID and another key", push.Request{To: home, Message: json.RawMessage(`1`), ID: "a", IdempotencyKey: "b"},
			"id: an id is the idempotency key as well, and another one was given"},
		{"text that is no JSON", push.Request{To: home, Message: json.RawMessage(`hello`)}, "message: not valid JSON in UTF-8"},
		{"invalid UTF-8", push.Request{To: home, Message: json.RawMessage("\"\xff\"")}, "message: not valid JSON in UTF-8"},
	} {
		e := new(engine)
		r, err := push.NewService(e, push.DefaultLimits, nil).Push(t.Context(), shop, c.request)
		if errorText(err) != c.want || r != (push.Result{}) {
			t.Errorf("%s: %+v, %v, want the error\n\t%s", c.name, r, err, c.want)
		}
		if p := problem.Of(err); p == nil || p.Kind != problem.Invalid {
			t.Errorf("%s: the problem is %+v, want it invalid", c.name, p)
		}
		if len(e.published)+len(e.counted) != 0 {
			t.Errorf("%s: the engine was asked all the same: %v, %v", c.name, e.published, e.counted)
		}
	}
}

// TestPushOptions reach the engine, with a timeout where there is something to wait for.
func TestPushOptions(t *testing.T) {
	home := parse(t, `page == "home"`)
	for _, c := range []struct {
		request push.Request
		want    scenecast.Push
	}{
		{push.Request{TTL: time.Hour, Coalesce: "c", Retain: "r", Event: "e", ID: "i"},
			scenecast.Push{ID: "i", IdempotencyKey: "i", TTL: time.Hour, Coalesce: "c", Retain: "r", Message: scenecast.Message{Event: "e"}}},
		{push.Request{Receipt: scenecast.ReceiptWritten, ID: "i", IdempotencyKey: "i"},
			scenecast.Push{ID: "i", IdempotencyKey: "i", Receipt: scenecast.ReceiptWritten, Timeout: 5 * time.Second}},
		{push.Request{Receipt: scenecast.ReceiptAcked, Timeout: 7 * time.Second, IdempotencyKey: "k"},
			scenecast.Push{IdempotencyKey: "k", Receipt: scenecast.ReceiptAcked, Timeout: 7 * time.Second}},
	} {
		e := new(engine)
		c.request.To, c.request.Message = home, json.RawMessage(`1`)
		r, err := push.NewService(e, push.DefaultLimits, nil).Push(t.Context(), shop, c.request)
		if err != nil {
			t.Errorf("%+v: %v", c.request, err)
			continue
		}
		if c.want.ID == "" {
			c.want.ID = r.ID
		}
		c.want.App, c.want.To, c.want.Message.Data = "shop", home, json.RawMessage(`1`)
		if !reflect.DeepEqual(e.published, []scenecast.Push{c.want}) || r.ID != c.want.ID || r.Receipt != c.want.Receipt {
			t.Errorf("the engine got %+v, want %+v; the result is %+v", e.published, c.want, r)
		}
	}
}

// TestLimits are the service's own: the limit itself is let in, and what is over it names the setting.
func TestLimits(t *testing.T) {
	s := push.NewService(new(engine), push.Limits{TTL: time.Minute, Timeout: time.Second, Frame: 1 << 10}, nil)
	for _, c := range []struct {
		request push.Request
		want    string
	}{
		{push.Request{TTL: time.Minute, Receipt: scenecast.ReceiptAcked, Timeout: time.Second}, ""},
		{push.Request{Receipt: scenecast.ReceiptAcked}, ""},
		{push.Request{TTL: time.Minute + 1}, "ttl: 1m0.000000001s, and a push may have 1m0s (setting: push.max_ttl)"},
		{push.Request{Receipt: scenecast.ReceiptAcked, Timeout: time.Minute}, "timeout: 1m0s, and a receipt may take 1s (setting: push.max_timeout)"},
	} {
		c.request.To, c.request.Message = audience.Everybody(), json.RawMessage(`1`)
		_, err := s.Push(t.Context(), shop, c.request)
		if got := errorText(err); got != c.want || err != nil && problem.Of(err).Kind != problem.LimitExceeded {
			t.Errorf("%+v: %s, want %s", c.request, got, c.want)
		}
	}
}

// TestMessageTooLarge: what fits no outbox is refused, however it has become so large, and before anything is sent.
func TestMessageTooLarge(t *testing.T) {
	const limit = 1 << 10
	room := limit - push.MaxFrame("", nil) - 2 // for characters in a text
	text := func(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", n) + `"`) }
	for _, c := range []struct {
		name    string
		request push.Request
		ok      bool
	}{
		{"the limit itself", push.Request{Message: text(room)}, true},
		{"a byte over it", push.Request{Message: text(room + 1)}, false},
		{"a byte over it, dry", push.Request{Message: text(room + 1), DryRun: true}, false},
		{"an event", push.Request{Message: text(room - 60), Event: strings.Repeat("x", 10)}, true},
		{"an event that is a byte too long", push.Request{Message: text(room - 60), Event: strings.Repeat("x", 11)}, false},
		{"lines", push.Request{Message: append(text(room-70), strings.Repeat("\r\n", 5)...)}, true},
		{"a line too many", push.Request{Message: append(text(room-70), strings.Repeat("\r\n", 6)...)}, false},
	} {
		e := new(engine)
		c.request.To = audience.Everybody()
		_, err := push.NewService(e, push.Limits{Frame: limit, FrameSetting: push.SettingOutbox}, nil).Push(t.Context(), shop, c.request)
		if c.ok != (err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.ok {
			continue
		}
		p := problem.Of(err)
		if p.Kind != problem.TooLarge || p.Where != "message" || p.Setting != "outbox.max_bytes" || len(e.published)+len(e.counted) > 0 {
			t.Errorf("%s: %+v, and the engine got %v", c.name, p, e.published)
		}
	}
}

// TestReplay: a retry through the service has the first one's name, and says that it is one; a trigger's too.
func TestReplay(t *testing.T) {
	e := memory.New(memory.Options{})
	_ = e.Start(t.Context(), &page{})
	defer e.Close()
	var triggers push.Triggers
	s := push.NewService(e, push.DefaultLimits, triggers.Find)
	hello := push.TriggerFunc(func(context.Context, push.Args) (push.Request, error) {
		return push.Request{To: audience.Everybody(), Message: json.RawMessage(`2`)}, nil
	})
	if err := triggers.Add("shop", "hello", hello); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() (push.Result, error){
		"push": func() (push.Result, error) {
			return s.Push(t.Context(), shop, push.Request{To: audience.Everybody(), Message: json.RawMessage(`1`), IdempotencyKey: "a"})
		},
		"trigger": func() (push.Result, error) { return s.Trigger(t.Context(), shop, "hello", "b", push.Args{}) },
	} {
		first, err := call()
		if err != nil || first.Replayed {
			t.Errorf("%s: %+v, %v", name, first, err)
		}
		first.Replayed = true
		if second, err := call(); second != first || err != nil {
			t.Errorf("%s: the retry is %+v, %v, want %+v", name, second, err, first)
		}
	}
	_, err := s.Trigger(t.Context(), shop, "hello", "a", push.Args{})
	if !errors.Is(err, scenecast.ErrKeyReused) || problem.Of(err).Kind != problem.Conflict {
		t.Errorf("a push's key for a trigger: %v, want a conflict", err)
	}
}

// TestCallersHaveTheirOwnKeys: the same idempotency key, or ID, of another caller is another key; and that of another API key of the
// same name is the same.
func TestCallersHaveTheirOwnKeys(t *testing.T) {
	e := memory.New(memory.Options{})
	_ = e.Start(t.Context(), &page{})
	defer e.Close()
	s := push.NewService(e, push.DefaultLimits, nil)
	for i, c := range []struct {
		caller   access.Caller
		replayed bool
	}{
		{access.Caller{App: "shop"}, false},
		{access.KeyCaller(auth.Key{App: "shop", Name: "backend"}), false},
		{access.KeyCaller(auth.Key{App: "shop", Name: "cron"}), false},
		{access.KeyCaller(auth.Key{App: "shop", Name: "page"}), false},
		{access.PageCaller("shop"), false},
		{access.KeyCaller(auth.Key{App: "blog", Name: "backend"}), false},
		{access.Caller{App: "shop"}, true},
		{access.KeyCaller(auth.Key{App: "shop", Name: "backend"}), true},
		{access.KeyCaller(auth.Key{App: "shop", Name: "page"}), true},
		{access.PageCaller("shop"), true},
	} {
		for _, r := range []push.Request{{IdempotencyKey: "order-7"}, {ID: "order-8"}} {
			r.To, r.Message = audience.Everybody(), json.RawMessage(`1`)
			got, err := s.Push(t.Context(), c.caller, r)
			if err != nil || got.Replayed != c.replayed || r.ID != "" && got.ID != r.ID {
				t.Errorf("%d: %+v with the key %s%s: %+v, %v; want it replayed: %v", i, c.caller, r.IdempotencyKey, r.ID, got, err, c.replayed)
			}
		}
	}
}

func TestDryRun(t *testing.T) {
	home := parse(t, `page == "home"`)
	for _, message := range []string{``, `{"a":1}`} {
		e := new(engine)
		r, err := push.NewService(e, push.DefaultLimits, nil).Push(t.Context(), shop, push.Request{To: home, Message: json.RawMessage(message), DryRun: true})
		if want := (push.Result{Tally: scenecast.Tally{Matched: 5, Nodes: 2}, Known: 3}); r != want || err != nil {
			t.Errorf("a dry run of %q: %+v, %v, want %+v", message, r, err, want)
		}
		if want := []string{`shop: page == "home"`}; !slices.Equal(e.counted, want) || len(e.published) != 0 {
			t.Errorf("a dry run of %q counted %q and published %v, want %q and nothing", message, e.counted, e.published, want)
		}
	}
}

// TestExcept: the engine gets one audience, without those who are excepted.
func TestExcept(t *testing.T) {
	home, user := parse(t, `page == "home"`), parse(t, `user == "42"`)
	e := new(engine)
	s := push.NewService(e, push.DefaultLimits, nil)
	for _, dry := range []bool{true, false} {
		if _, err := s.Push(t.Context(), shop, push.Request{To: home, Except: user, Message: json.RawMessage(`1`), DryRun: dry}); err != nil {
			t.Fatal(err)
		}
	}
	const want = `page == "home" && user != "42"`
	if e.counted[0] != "shop: "+want || e.published[0].To.String() != want {
		t.Errorf("counted %s, published to %s, want %s", e.counted[0], e.published[0].To, want)
	}
	_, err := s.Push(t.Context(), shop, push.Request{To: home, Except: audience.Everybody(), Message: json.RawMessage(`1`)})
	if got := errorText(err); got != "except: that leaves nobody" || len(e.published) != 1 {
		t.Errorf("except everybody: %s, and published %v", got, e.published)
	}
}

// TestEngineFails: the cause is there for the log, and a stranger is not told.
func TestEngineFails(t *testing.T) {
	broken := errors.New("broken")
	for _, dry := range []bool{false, true} {
		s := push.NewService(&engine{err: broken}, push.DefaultLimits, nil)
		r, err := s.Push(t.Context(), shop, push.Request{To: audience.Everybody(), Message: json.RawMessage(`1`), DryRun: dry})
		if !errors.Is(err, broken) || r != (push.Result{}) || problem.Of(err).Kind != problem.Internal {
			t.Errorf("dry run %v on a broken engine: %+v, %v", dry, r, err)
		}
	}
}

func TestTriggers(t *testing.T) {
	e := new(engine)
	var triggers push.Triggers
	s := push.NewService(e, push.DefaultLimits, triggers.Find)
	greet := func(text string) push.TriggerFunc {
		return func(_ context.Context, args push.Args) (push.Request, error) {
			page, err := args.String("page")
			if err != nil {
				return push.Request{}, err
			}
			to, err := audience.Parse("page == " + page)
			return push.Request{To: to, Message: json.RawMessage(text), DryRun: args.Has("dry")}, err
		}
	}
	for _, c := range []struct {
		app, name, text, want string
	}{
		{"shop", "hello", `"shop"`, ""},
		{"shop", "adieu", `"shop"`, ""},
		{"blog", "hello", `"blog"`, ""},
		{"shop", "hello", `"other"`, `trigger "hello" is there twice`},
		{"shop", "broken", `{`, ""},
	} {
		if err := triggers.Add(c.app, c.name, greet(c.text)); errorText(err) != c.want {
			t.Errorf("Add(%s, %s): %v, want %s", c.app, c.name, err, c.want)
		}
	}
	home := push.URLArgs(map[string][]string{"page": {`"home"`}})
	dry := push.URLArgs(map[string][]string{"page": {`"home"`}, "dry": {""}})
	for _, c := range []struct {
		app, name string
		args      push.Args
		message   string // what was published; empty: nothing
		counted   int
		err       string
		kind      problem.Kind
	}{
		{"shop", "hello", home, `"shop"`, 0, "", ""},
		{"blog", "hello", home, `"blog"`, 0, "", ""},
		{"shop", "hello", dry, "", 1, "", ""},
		{"shop", "Hello", home, "", 0, `there is no trigger named "Hello"`, problem.NotFound},
		{"blog", "adieu", home, "", 0, `there is no trigger named "adieu"`, problem.NotFound},
		{"shop", "", home, "", 0, `there is no trigger named ""`, problem.NotFound},
		{"shop", "hello\n", home, "", 0, `there is no trigger named "hello\n"`, problem.NotFound},
		{"shop", "hello", push.Args{}, "", 0, "page: missing: this trigger takes the parameter page (string)", problem.Invalid},
		{"shop", "broken", home, "", 0, "message: not valid JSON in UTF-8", problem.Invalid},
	} {
		*e = engine{}
		r, err := s.Trigger(t.Context(), access.Caller{App: c.app}, c.name, "", c.args)
		if errorText(err) != c.err || err != nil && problem.Of(err).Kind != c.kind {
			t.Errorf("%s of %s: %v, want %s (%s)", c.name, c.app, err, c.err, c.kind)
		}
		if len(e.counted) != c.counted || (len(e.published) == 0) != (c.message == "") {
			t.Errorf("%s of %s: counted %q, published %+v", c.name, c.app, e.counted, e.published)
			continue
		}
		if c.message == "" {
			continue
		}
		got := e.published[0]
		if string(got.Message.Data) != c.message || got.App != c.app || got.To.String() != `page == "home"` || r.ID != got.ID || r.Tally != tally {
			t.Errorf("%s of %s: published %+v, result %+v", c.name, c.app, got, r)
		}
	}
}

// page is a node with one connection, which keeps what it gets.
type page struct {
	labels label.Set
	got    []scenecast.Push
}

func (p *page) Deliver(m *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	t := p.tally(m.To)
	if t.Queued = t.Matched; t.Matched > 0 {
		p.got = append(p.got, *m)
	}
	report(t, true)
}

func (p *page) Skip(scenecast.GapNotice) {}
func (p *page) Received([]byte)          {}

func (p *page) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	report(scenecast.Reply{Tally: p.tally(q.To)})
}

func (p *page) tally(to audience.Expr) scenecast.Tally {
	if to.Match(p.labels) {
		return scenecast.Tally{Matched: 1, Nodes: 1}
	}
	return scenecast.Tally{Nodes: 1}
}

// TestMemory: the service on the engine of a single node.
func TestMemory(t *testing.T) {
	node := &page{labels: label.New(label.Label{Key: "page", Value: "home"})}
	e := memory.New(memory.Options{})
	_ = e.Start(t.Context(), node)
	s := push.NewService(e, push.DefaultLimits, nil)
	var last scenecast.Position
	for _, c := range []struct {
		to   string
		dry  bool
		want scenecast.Tally
		got  int // messages that the page has then
	}{
		{`page == "home"`, true, scenecast.Tally{Matched: 1, Nodes: 1}, 0},
		{`page == "home"`, false, scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, 1},
		{`page == "list"`, true, scenecast.Tally{Nodes: 1}, 1},
		{`page == "list"`, false, scenecast.Tally{Nodes: 1}, 1},
		{`*`, false, scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, 2},
	} {
		r, err := s.Push(t.Context(), shop, push.Request{To: parse(t, c.to), Message: json.RawMessage(`1`), DryRun: c.dry})
		if err != nil || r.Tally != c.want || r.Known != 1 || len(node.got) != c.got {
			t.Errorf("to %s, dry run %v: %+v, %v, and the page has %d messages, want %+v and %d", c.to, c.dry, r, err, len(node.got), c.want, c.got)
		}
		if c.dry {
			if r.ID != "" || r.Position != (scenecast.Position{}) {
				t.Errorf("a dry run to %s has an ID or a position: %+v", c.to, r)
			}
			continue
		}
		if r.Position.Seq != last.Seq+1 || r.ID == "" {
			t.Errorf("to %s: %+v does not follow on position %v", c.to, r, last)
		}
		last = r.Position
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{false, true} {
		r := push.Request{To: audience.Everybody(), Message: json.RawMessage(`1`), DryRun: dry}
		if _, err := s.Push(t.Context(), shop, r); err == nil || problem.Of(err).Kind != problem.Unavailable {
			t.Errorf("dry run %v on a closed engine: %v, want it unavailable", dry, err)
		}
	}
}
