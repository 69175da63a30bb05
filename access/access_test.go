package access_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
)

// engine keeps what it is asked for, and has reached three pages.
type engine struct {
	push  scenecast.Push
	query scenecast.Query
	calls int
}

func (e *engine) Submit(p scenecast.Push) (scenecast.Pending, error) {
	e.push = p
	e.calls++
	return pending{}, nil
}

func (e *engine) Ask(_ context.Context, q scenecast.Query) (scenecast.Reply, error) {
	e.query = q
	e.calls++
	return scenecast.Reply{Tally: scenecast.Tally{Matched: 3, Nodes: 2}, Known: 2, Position: scenecast.Position{Epoch: 1, Seq: 7},
		ByNode: []scenecast.NodeCount{{Node: 1, Matched: 3}}}, nil
}

type pending struct{}

func (pending) Wait(context.Context) (scenecast.Published, error) {
	return scenecast.Published{ID: "p", Position: scenecast.Position{Epoch: 1, Seq: 7}, Tally: scenecast.Tally{Matched: 3}}, nil
}

func (pending) WaitQueued(context.Context) error { return nil }

// TestReach: of each audience a caller reaches the part that is within its confinement, in pushes and in queries.
func TestReach(t *testing.T) {
	free := access.KeyCaller(auth.Key{App: "shop", Name: "free"})
	seven := access.KeyCaller(auth.Key{App: "shop", Name: "seven", Within: parse(t, `tenant == "7" || vip == "yes"`)})
	for _, c := range []struct {
		caller   access.Caller
		to, want string
	}{
		{free, `*`, `*`},
		{free, `page == "home"`, `page == "home"`},
		{seven, `*`, `tenant == "7" || vip == "yes"`},
		{seven, `page == "home" || page == "list"`, `(page == "home" || page == "list") && (tenant == "7" || vip == "yes")`},
		{seven, `!(tenant == "7")`, `tenant != "7" && (tenant == "7" || vip == "yes")`},
	} {
		e := new(engine)
		by := access.Engine{Pushes: e, Queries: e, Rates: access.NewRates()}
		waits, err := by.Submit(c.caller, scenecast.Push{App: "blog", To: parse(t, c.to)})
		if err != nil {
			t.Fatal(err)
		}
		published, _ := waits.Wait(t.Context())
		reply, err := by.Ask(t.Context(), c.caller, scenecast.Query{App: "blog", To: parse(t, c.to)})
		if err != nil {
			t.Fatal(err)
		}
		if e.push.To.String() != c.want || e.query.To.String() != c.want || e.push.App != "shop" || e.query.App != "shop" {
			t.Errorf("%s: pushed to %s of %s, asked about %s of %s, want %s of shop", c.to, e.push.To, e.push.App, e.query.To, e.query.App, c.want)
		}
		told := published.Position != scenecast.Position{}
		if confined := c.caller.Confined(); told == confined || (reply.Position != scenecast.Position{}) == confined || (reply.ByNode != nil) == confined ||
			(e.push.Confinement != "") != confined {
			t.Errorf("confined: %v; told %+v, %+v; the push has the confinement %q", confined, published, reply, e.push.Confinement)
		}
	}
	long := parse(t, `page == "`+strings.Repeat("x", audience.MaxText-20)+`"`)
	e := new(engine)
	var p *problem.Problem
	if _, err := (access.Engine{Queries: e}).Ask(t.Context(), seven, scenecast.Query{To: long}); !errors.As(err, &p) || p.Kind != problem.LimitExceeded || e.calls > 0 {
		t.Errorf("together over the limit: %v", err)
	}
}

// TestChangesOfTheConfinement: a confined caller changes no label that decides who is within.
func TestChangesOfTheConfinement(t *testing.T) {
	seven := access.KeyCaller(auth.Key{App: "shop", Within: parse(t, `tenant == "7" && !has(banned)`)})
	for key, may := range map[string]bool{"tenant": false, "banned": false, "plan": true} {
		for _, values := range [][]string{nil, {"7"}, {"8"}} {
			e := new(engine)
			_, err := access.Engine{Queries: e}.Ask(t.Context(), seven,
				scenecast.Query{To: audience.Everybody(), Relabel: &scenecast.Relabel{Change: label.Change{key: values, "other": {"x"}}}})
			if may != (err == nil) || may != (e.calls == 1) {
				t.Errorf("%s to %q: %v, %d calls of the engine", key, values, err, e.calls)
			}
		}
	}
}

// TestKeysOfCallers: callers that differ in who they are have no idempotency key in common; two secrets of one key have.
func TestKeysOfCallers(t *testing.T) {
	callers := []access.Caller{
		{App: "shop"}, access.PageCaller("shop"), access.KeyCaller(auth.Key{App: "shop", Name: "page"}), access.KeyCaller(auth.Key{App: "shop", Name: "k"}),
		access.KeyCaller(auth.Key{App: "shop", Name: "k", Within: parse(t, `a == "1"`)}), access.KeyCaller(auth.Key{App: "shop", Name: "k", Within: parse(t, `a == "2"`)}),
	}
	seen := make(map[string]bool)
	for _, c := range callers {
		if key := c.IdempotencyKey("x"); seen[key] {
			t.Errorf("%q is there twice", key)
		} else {
			seen[key] = true
		}
		if c.IdempotencyKey("") != "" {
			t.Errorf("%+v makes a key of none", c)
		}
	}
	if access.KeyCaller(auth.Key{App: "shop", Name: "k"}).IdempotencyKey("x") != callers[3].IdempotencyKey("x") {
		t.Error("two secrets of one key have different idempotency keys")
	}
}

// TestRates: what a key has spent comes in again, what pushes cost in deliveries is paid by those behind, and another rate holds at once.
func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(engine)
		by := access.Engine{Pushes: e, Rates: access.NewRates()}
		caller := func(r auth.Rate) access.Caller { return access.KeyCaller(auth.Key{App: "shop", Name: "k", Rate: r}) }
		push := func(c access.Caller) (wait time.Duration) {
			t.Helper()
			p, err := by.Submit(c, scenecast.Push{To: audience.Everybody()})
			if err == nil {
				_, _ = p.Wait(t.Context())
				_, _ = p.Wait(t.Context()) // counted once
				return 0
			}
			var refused *problem.Problem
			if !errors.As(err, &refused) || refused.Kind != problem.TooMany {
				t.Fatal(err)
			}
			return refused.Retry
		}
		two := caller(auth.Rate{Pushes: 2})
		for i, want := range []time.Duration{0, 0, 500 * time.Millisecond, 500 * time.Millisecond} {
			if wait := push(two); wait != want {
				t.Errorf("push %d: to wait %v, want %v", i, wait, want)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if wait := push(two); wait != 0 {
			t.Errorf("half a second later: to wait %v", wait)
		}
		if wait := push(access.KeyCaller(auth.Key{App: "blog", Name: "k", Rate: auth.Rate{Pushes: 2}})); wait != 0 {
			t.Errorf("another app's key of this name: to wait %v", wait)
		}
		four := caller(auth.Rate{Deliveries: 4}) // each push matches 3
		for i, want := range []time.Duration{0, 0, 750 * time.Millisecond} {
			if wait := push(four); wait != want {
				t.Errorf("push %d by deliveries: to wait %v, want %v", i, wait, want)
			}
		}
		if byPushes, byDeliveries := by.Rates.Refused(); byPushes != 2 || byDeliveries != 1 {
			t.Errorf("refused are %d and %d", byPushes, byDeliveries)
		}
		if wait := push(caller(auth.Rate{})); wait != 0 {
			t.Errorf("without a rate: to wait %v", wait)
		}
	})
}
