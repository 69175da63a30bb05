package load

import (
	"errors"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// TestSession publishes round by round, in every manner.
func TestSession(t *testing.T) {
	s := newFake(t, "none", 0, httptest.NewServer)
	o := small(t, s)
	o.Stalling = 4
	session, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	check := func(m Manner, deliveries int) {
		t.Helper()
		r, err := session.Round(t.Context(), m)
		if err != nil || r.Deliveries != deliveries {
			t.Errorf("%+v: got %d deliveries, %v, want %d", m, r.Deliveries, err, deliveries)
		}
		if err := session.Settle(t.Context()); err != nil {
			t.Error(err)
		}
	}
	check(Manner{To: Everybody, Pushes: 2}, 40)
	check(Manner{To: Everybody, Pushes: 7, Pipeline: 4}, 160)
	check(Manner{To: Few, Pushes: 3}, 12)
	check(Manner{To: One, Pushes: 10, Rate: 1000}, 10)
	if _, err := session.Round(t.Context(), Manner{To: "all"}); !strings.Contains(text(err), "--to all: ") {
		t.Errorf("a strange audience: got %v", err)
	}
	if err := session.Stall(); runtime.GOOS != "linux" {
		if !strings.Contains(text(err), "on Linux alone") {
			t.Errorf("stalling: got %v", err)
		}
		return
	} else if err != nil {
		t.Fatal(err)
	}
	check(Manner{To: Everybody, Pushes: 2}, 32)
}

// TestSessionFaults: whatever went wrong is the error of the round, or of the one that settles.
func TestSessionFaults(t *testing.T) {
	session, err := Open(t.Context(), small(t, newFake(t, "double", 1, httptest.NewServer)))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	_, err = session.Round(t.Context(), Manner{To: Everybody, Pushes: 2})
	if err == nil {
		err = session.Settle(t.Context())
	}
	if !errors.Is(err, ErrFaults) || !strings.Contains(text(err), "1 doubled (page") {
		t.Errorf("got %v", err)
	}
	o := small(t, newFake(t, "none", 0, httptest.NewServer))
	o.Stalling = 20
	if _, err := Open(t.Context(), o); text(err) != "20 pages that stop reading: of 20, one at least goes on" {
		t.Errorf("everybody stalls: got %v", err)
	}
}
