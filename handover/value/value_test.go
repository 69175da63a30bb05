package value_test

import (
	"reflect"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/handover"
	"scenecast/handover/value"
)

var field = handover.Required(1)

// TestPushes: a push that has gone over is what it was, with every field that a push has.
func TestPushes(t *testing.T) {
	to, err := audience.Parse(`page == "home" && !(order in ["7", "8"] || @user.startsWith("ä"))`)
	if err != nil {
		t.Fatal(err)
	}
	want := scenecast.Push{
		ID: "id", App: "app", Position: scenecast.Position{Epoch: 7, Seq: 1 << 40}, At: time.Unix(0, 1_700_000_000_000_000_001), To: to,
		Message: scenecast.Message{Event: "shipped", User: "ann", Data: []byte(`{"n": 1}`)},
		TTL:     time.Hour, Coalesce: "coalesce", Retain: "retain", Receipt: scenecast.ReceiptAcked, Timeout: time.Second,
		IdempotencyKey: "key", Confinement: `tenant == "7"`,
	}
	for _, of := range []reflect.Value{reflect.ValueOf(want), reflect.ValueOf(want.Message)} {
		for i := range of.NumField() {
			if of.Type().Field(i).Name == "Trace" { // it does not go over: ADR 26
				continue
			}
			if of.Field(i).IsZero() {
				t.Errorf("the test has no %s", of.Type().Field(i).Name)
			}
		}
	}
	var d value.Decoder
	for _, p := range []scenecast.Push{want, {ID: "all", To: audience.Everybody(), At: time.Unix(0, 1)}} {
		var e handover.Encoder
		e.Record(field, func(e *handover.Encoder) { value.EncodePush(e, &p) })
		var got *scenecast.Push
		if err := handover.Decode(e.Encoded(), func(_ handover.Field, v *handover.Value) bool { got = d.Push(v); return true }); err != nil {
			t.Fatal(err)
		}
		if got.To.String() != p.To.String() {
			t.Errorf("to %v, want %v", got.To, p.To)
		}
		got.To, p.To = audience.Expr{}, audience.Expr{}
		if !reflect.DeepEqual(*got, p) {
			t.Errorf("got  %+v\nwant %+v", *got, p)
		}
	}
}

// TestTallies: as TestPushes.
func TestTallies(t *testing.T) {
	want := scenecast.Tally{Matched: 1, Queued: 2, Dropped: 3, Written: 4, Acked: 5, TimedOut: 6, Nodes: 7}
	if of := reflect.ValueOf(want); of.NumField() != 7 {
		t.Errorf("a tally has %d fields", of.NumField())
	}
	var e handover.Encoder
	value.Tally(&e, field, want)
	var got scenecast.Tally
	if err := handover.Decode(e.Encoded(), func(_ handover.Field, v *handover.Value) bool { got = value.DecodeTally(v); return true }); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
