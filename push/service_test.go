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
	"scenecast/problem"
	"scenecast/push"
)

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
