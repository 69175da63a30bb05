package server

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/problem"
)

// TestForwardedQueries: what is asked of the old process comes to the new one as it was asked.
func TestForwardedQueries(t *testing.T) {
	for _, want := range []scenecast.Query{
		{App: "shop", Scenes: &scenecast.Scenes{By: []string{"page", "order"}, Limit: 200}},
		{App: "default", Stats: &scenecast.Stats{All: true, UpTo: 1 << 40, Steps: 180}},
		{App: "shop", Values: &scenecast.Values{Key: "page"}},
		{App: "shop", Keys: &scenecast.Keys{}},
		{App: "shop", Endings: &scenecast.Endings{Page: "p1", Identity: "@42"}},
		{App: "shop", List: &scenecast.List{After: scenecast.ConnID{Node: 7, Seq: 1}, Limit: 101, Detail: true}},
		{App: "shop", List: &scenecast.List{Limit: 101, From: netip.MustParsePrefix("2001:db8::/32")}},
	} {
		want.To = audience.Everybody()
		b, err := encodeQuery(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeQuery(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s comes as %+v (%v), want %+v", b, got, err, want)
		}
	}
}

// TestForwardedErrors: what the new process says of a call that the old one finishes is what its client is told.
func TestForwardedErrors(t *testing.T) {
	for _, want := range []error{
		scenecast.ErrUnavailable, scenecast.ErrUncertain, scenecast.ErrKeyReused,
		problem.New(problem.InsufficientStorage, "Redis takes no writes"),
		problem.New(problem.TooLarge, "the message has too many bytes").At("message").DecidedBy("http.max_body"),
	} {
		got, err := decodeAnswer((&answer{id: 7, err: want}).encode())
		if err != nil || got.id != 7 || got.err == nil || got.err.Error() != want.Error() || problem.Of(got.err).Kind != problem.Of(want).Kind {
			t.Errorf("%v comes as %v (%v)", want, got.err, err)
		}
		var p *problem.Problem
		if !errors.As(want, &p) && !errors.Is(got.err, want) {
			t.Errorf("%v comes as another error: %v", want, got.err)
		}
	}
}
