package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/engine/memory"
	"scenecast/problem"
	"scenecast/push"
)

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
