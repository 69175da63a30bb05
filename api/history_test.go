package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
)

// book is a log of its own kind: it gives two pushes at a time, and has forgotten those before the first.
type book struct {
	asked  []string
	pushes []*scenecast.Push
	newest uint64
	record scenecast.Record
	err    error
}

func (b *book) After(_ context.Context, after scenecast.Position, _ int) ([]*scenecast.Push, error) {
	b.asked = append(b.asked, "after "+after.String())
	if b.err != nil {
		return nil, b.err
	}
	newest := b.Newest()
	first := newest.Seq - uint64(len(b.pushes)) + 1
	switch {
	case after == scenecast.Position{}:
		after.Seq = first - 1
	case after.Epoch != newest.Epoch:
		return nil, &scenecast.GapError{Reason: scenecast.GapEpoch, Newest: newest}
	case after.Seq+1 < first:
		return nil, &scenecast.GapError{Reason: scenecast.GapRetention, Newest: newest}
	}
	left := b.pushes[after.Seq-(first-1):]
	return left[:min(2, len(left))], nil
}

func (b *book) Before(_ context.Context, before scenecast.Position, _ int) ([]*scenecast.Push, error) {
	b.asked = append(b.asked, "before "+before.String())
	newest := b.Newest()
	first := newest.Seq - uint64(len(b.pushes)) + 1
	end := uint64(len(b.pushes))
	switch {
	case b.err != nil:
		return nil, b.err
	case before == scenecast.Position{}:
	case before.Epoch != newest.Epoch:
		return nil, &scenecast.GapError{Reason: scenecast.GapEpoch, Newest: newest}
	default:
		end = max(before.Seq, first) - first
	}
	pushes := slices.Clone(b.pushes[end-min(end, 2) : end])
	slices.Reverse(pushes)
	return pushes, nil
}

func (b *book) Records(_ context.Context, pushes []*scenecast.Push) ([]scenecast.Record, error) {
	records := make([]scenecast.Record, len(pushes))
	for i, p := range pushes {
		records[i] = scenecast.Record{Push: p, Tally: scenecast.Tally{Matched: int(p.Position.Seq), Nodes: 1}, Known: 3, Done: true}
	}
	return records, b.err
}

func (b *book) Newest() scenecast.Position { return scenecast.Position{Epoch: 36, Seq: b.newest} }

func (b *book) Lookup(_ context.Context, app, confinement, id string) (scenecast.Record, bool, error) {
	b.asked = append(b.asked, fmt.Sprintf("%s: look up %s", app, id))
	return b.record, b.record.Push != nil, b.err
}

// write puts pushes into the log, `app to`, of which the last has the newest position.
func (b *book) write(t *testing.T, pushes ...string) {
	t.Helper()
	for i, text := range pushes {
		app, to, _ := strings.Cut(text, " ")
		p := &scenecast.Push{
			ID: fmt.Sprint("p", i), App: app, Position: scenecast.Position{Epoch: 36, Seq: b.newest + 1 - uint64(len(pushes)-i)},
			At:      time.Date(2026, 1, 2, 16, 4, 5, 678_999_000, time.FixedZone("CET", 3600)),
			Message: scenecast.Message{Data: json.RawMessage(`{ "b": 1.0, "a": "<中>" }`)},
		}
		var err error
		if p.To, err = audience.Parse(to); err != nil {
			t.Fatal(err)
		}
		b.pushes = append(b.pushes, p)
	}
}

// TestPushOf: everything that a push has, and what has become of it as far as its receipt asks.
func TestPushOf(t *testing.T) {
	tally := scenecast.Tally{Matched: 7, Queued: 6, Dropped: 1, Written: 5, Acked: 4, TimedOut: 2, Nodes: 1}
	const (
		begin = `{"id":"p0","position":"10-20","at":"2026-01-02T15:04:05.678Z","to":"page == \"home\"",`
		plain = `"message":{"b":1.0,"a":"<中>"},`
	)
	for _, c := range []struct {
		change func(p *scenecast.Push)
		done   bool
		want   string
	}{
		{func(*scenecast.Push) {}, true,
			begin + plain + `"receipt":"queued","tally":{"matched":7,"queued":6,"dropped":1,"nodes":1,"nodes_known":3,"done":true}}`},
		{func(p *scenecast.Push) { p.Receipt = scenecast.ReceiptWritten }, false,
			begin + plain + `"receipt":"written","tally":{"matched":7,"queued":6,"dropped":1,"written":5,"timed_out":2,"nodes":1,"nodes_known":3,"done":false}}`},
		{func(p *scenecast.Push) {
			p.Receipt, p.TTL, p.Coalesce, p.Retain, p.Message.Event = scenecast.ReceiptAcked, 90*time.Second, "c", "r", "e"
		}, true, begin + `"event":"e",` + plain + `"ttl":"1m30s","coalesce":"c","retain":"r","receipt":"acked",` +
			`"tally":{"matched":7,"queued":6,"dropped":1,"written":5,"acked":4,"timed_out":2,"nodes":1,"nodes_known":3,"done":true}}`},
	} {
		f := newFixture(t)
		f.pushes.write(t, `shop page == "home"`)
		f.pushes.record = scenecast.Record{Push: f.pushes.pushes[0], Tally: tally, Known: 3, Done: c.done}
		c.change(f.pushes.record.Push)
		checkAnswer(t, c.want, f.call("GET", "/v1/pushes/a%2Fb%20c", "read", nil), 200, c.want)
		if asked := f.asked(); !slices.Equal(asked, []string{"shop: look up a/b c"}) {
			t.Errorf("asked for %q", asked)
		}
	}
	checkAnswer(t, "none", newFixture(t).call("GET", "/v1/pushes/p9", "other", nil), 404,
		`{"title":"Not Found","status":404,"kind":"not_found","detail":"no push \"p9\" is kept any more, or ever was","setting":"history"}`)
}

// TestPushes: which pushes a page of the log has, and where it goes on.
func TestPushes(t *testing.T) {
	log := []string{ // at the positions 10-14 to 10-20
		`shop *`, `other *`, `shop page == "home"`, `shop page == "home" && user != "42"`,
		`shop tag in ["b", "c"]`, `other page == "home"`, `shop has(page) && !has(user)`,
	}
	for _, c := range []struct {
		query string
		key   string
		ids   string
		next  string
		more  bool
		gap   string
	}{
		{``, "read", "p0 p2 p3 p4 p6", "10-20", false, ""},
		{``, "other", "p1 p5", "10-20", false, ""},
		{`limit=2`, "read", "p0 p2", "10-16", true, ""},
		{`limit=2 since=10-16`, "read", "p3 p4", "10-18", true, ""},
		{`limit=2 since=10-18`, "read", "p6", "10-20", false, ""},
		{`limit=2 since=10-20`, "read", "", "10-20", false, ""},
		{`limit=1 since=10-18`, "read", "p6", "10-20", false, ""},
		{`since=10-13`, "read", "p0 p2 p3 p4 p6", "10-20", false, ""},
		{`since=0-0 limit=1`, "read", "p0", "10-14", true, ""},
		{`since=10-12`, "read", "p0 p2 p3 p4 p6", "10-20", false, "retention"},
		{`since=11-20 limit=1`, "read", "p0", "10-14", true, "epoch"},
		{`to=page=="home"`, "read", "p0 p2 p3 p6", "10-20", false, ""},
		{`to={"page":"home","user":"42"}`, "read", "p0 p2", "10-20", false, ""},
		{`to=(user=="7")`, "read", "p0", "10-20", false, ""},
		{`to=tag=="a"&&tag=="b"`, "read", "p0 p4", "10-20", false, ""},
		{`to=page=="list"`, "read", "p0 p6", "10-20", false, ""},
		{`to=page=="home"`, "other", "p1 p5", "10-20", false, ""},

		{`order=asc limit=2`, "read", "p0 p2", "10-16", true, ""},
		{`order=desc`, "read", "p6 p4 p3 p2 p0", "10-14", false, ""},
		{`order=desc limit=2`, "read", "p6 p4", "10-18", true, ""},
		{`order=desc limit=2 before=10-18`, "read", "p3 p2", "10-16", true, ""},
		{`order=desc limit=2 before=10-16`, "read", "p0", "10-14", false, ""},
		{`order=desc before=10-14`, "read", "", "10-14", false, ""},
		{`order=desc before=10-3`, "read", "", "10-3", false, ""},
		{`order=desc before=10-20 limit=1`, "read", "p4", "10-18", true, ""},
		{`order=desc before=11-20 limit=1`, "read", "p6", "10-20", true, "epoch"},
		{`order=desc to={"page":"home","user":"42"}`, "read", "p2 p0", "10-14", false, ""},
		{`order=desc`, "other", "p5 p1", "10-14", false, ""},
		{`order=desc connection=7.1`, "read", "p6 p3 p2 p0", "10-14", false, ""},
		{`connection=7.1 limit=2`, "read", "p0 p2", "10-16", true, ""},
	} {
		f := newFixture(t)
		f.pushes.write(t, log...)
		f.asker.reply.Connections = someConnections(1)
		values := make(url.Values)
		for pair := range strings.SplitSeq(c.query, " ") {
			if key, value, ok := strings.Cut(pair, "="); ok {
				values.Set(key, value)
			}
		}
		w := f.call("GET", "/v1/pushes?"+values.Encode(), c.key, nil)
		var got struct {
			Pushes []struct{ ID string }
			Next   string
			More   bool
			Gap    struct{ Reason string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Errorf("%s: %d %s", c.query, w.Code, w.Body)
			continue
		}
		var ids []string
		for _, p := range got.Pushes {
			ids = append(ids, p.ID)
		}
		if strings.Join(ids, " ") != c.ids || got.Next != c.next || got.More != c.more || got.Gap.Reason != c.gap {
			t.Errorf("%s with the key %s: %s, want %q, next %s, more %v, gap %q", c.query, c.key, w.Body, c.ids, c.next, c.more, c.gap)
		}
	}
}

// TestPushesKnown: the newest first, each has what has become of it.
func TestPushesKnown(t *testing.T) {
	f := newFixture(t)
	f.pushes.write(t, `shop *`, `other *`, `shop page == "home"`)
	f.pushes.pushes[2].Receipt = scenecast.ReceiptWritten
	w := f.call("GET", "/v1/pushes?order=desc", "read", nil)
	const message = `"message":{"b":1.0,"a":"<中>"},`
	checkAnswer(t, "with tallies", w, 200, `{"pushes":[`+
		`{"id":"p2","position":"10-20","at":"2026-01-02T15:04:05.678Z","to":"page == \"home\"",`+message+
		`"receipt":"written","tally":{"matched":20,"queued":0,"dropped":0,"written":0,"timed_out":0,"nodes":1,"nodes_known":3,"done":true}},`+
		`{"id":"p0","position":"10-18","at":"2026-01-02T15:04:05.678Z","to":"*",`+message+
		`"receipt":"queued","tally":{"matched":18,"queued":0,"dropped":0,"nodes":1,"nodes_known":3,"done":true}}],"next":"10-18","more":false}`)
	f.asker.reply = scenecast.Reply{}
	w = f.call("GET", "/v1/pushes?connection=7.9", "read", nil)
	checkAnswer(t, "of no connection", w, 404, `{"title":"Not Found","status":404,"kind":"not_found","detail":"no connection 7.9 is here now"}`)
}

// TestPushesOfNothing: lists are never null, and there is a place to go on from.
func TestPushesOfNothing(t *testing.T) {
	f := newFixture(t)
	checkAnswer(t, "nothing", f.call("GET", "/v1/pushes", "read", nil), 200, `{"pushes":[],"next":"10-20","more":false}`)
	checkAnswer(t, "nothing any more", f.call("GET", "/v1/pushes?since=10-3", "read", nil), 200,
		`{"pushes":[],"next":"10-20","more":false,"gap":{"reason":"retention"}}`)
}

// TestPushesScansNotForever: of a rare audience a page may be empty, and says that there is more.
func TestPushesScansNotForever(t *testing.T) {
	f := newFixture(t)
	log := slices.Repeat([]string{`other *`}, 10_001)
	f.pushes.newest = 20_000
	f.pushes.write(t, log...)
	w := f.call("GET", "/v1/pushes", "read", nil)
	checkAnswer(t, "a long log", w, 200, `{"pushes":[],"next":"10-19999","more":true}`)
	w = f.call("GET", "/v1/pushes?order=desc", "read", nil)
	checkAnswer(t, "the newest of a long log", w, 200, `{"pushes":[],"next":"10-10001","more":true}`)
}

// TestHistoryRefused: who may not read is told nothing, and what is wrong is told by its place.
func TestHistoryRefused(t *testing.T) {
	for _, key := range []string{"push", "trigger", "manage", "none"} {
		f := newFixture(t)
		if w := f.call("GET", "/v1/pushes", key, nil); w.Code != 403 || len(f.asked()) > 0 {
			t.Errorf("with the key %s: %d %s, asked for %q", key, w.Code, w.Body, f.asked())
		}
	}
	const labels = `takes all labels of one page, as in page == "home" && user == "42" or {"page":"home","user":"42"}, and no other audience`
	for _, c := range []struct{ query, where, detail string }{
		{query("to", `*`), "to", labels},
		{query("to", `page != "home"`), "to", labels},
		{query("to", `page in ["home", "list"]`), "to", labels},
		{query("to", `{"page":["home","list"]}`), "to", labels},
		{query("to", `a == "b" || c == "d"`), "to", labels},
		{query("to", `a == "b" && has(c)`), "to", labels},
		{query("to", `a.startsWith("b")`), "to", labels},
		{query("to", `a == "b" && (c == "d" || e == "f")`), "to", labels},
		{query("to", `page = "home"`), "to.column 6", `expected ==, !=, in, or .startsWith after page, found =; equality is written ==`},
		{"?since=", "since", `"" is no position: it has the form epoch-seq, as in k3x9a-17`},
		{"?since=7", "since", `"7" is no position: it has the form epoch-seq, as in k3x9a-17`},
		{"?limit=1001", "limit", `takes a number from 1 to 1000`},
		{"?until=10-1", "until", `unknown parameter; there are before, connection, limit, order, since, to`},
		{"?order=newest", "order", "takes asc, the oldest first, or desc, the newest first"},
		{"?order=", "order", "takes asc, the oldest first, or desc, the newest first"},
		{"?before=10-1", "before", "goes with order=desc; the oldest first, it is since"},
		{"?order=desc&before=", "before", "is empty; the newest page is that without it"},
		{"?order=desc&before=7", "before", `"7" is no position: it has the form epoch-seq, as in k3x9a-17`},
		{"?order=desc&before=0-0", "before", "0-0 is ahead of nothing: the newest page is that without it"},
		{"?order=desc&since=10-1", "since", "goes with order=asc; the newest first, it is before"},
		{"?connection=7", "connection", `"7" is no connection: it has the form node.number, as in 5203.17`},
		{query("connection", "7.1", "to", `page == "home"`), "connection", "takes the place of to: one of the two"},
	} {
		f := newFixture(t)
		checkAnswer(t, c.query, f.call("GET", "/v1/pushes"+c.query, "read", nil), 400, refusal(c.detail, c.where))
		if asked := f.asked(); len(asked) > 0 {
			t.Errorf("%s asked for %q", c.query, asked)
		}
	}
}
