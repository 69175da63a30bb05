package event

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
)

// reflected is an event as encoding/json prints it by the tags of its fields.
func reflected(t testing.TB, e Event) string {
	of := eventJSON{ID: e.ID, Type: e.Type, Timestamp: e.At.UTC().Truncate(time.Millisecond), Data: e.Data}
	if e.Trace != nil {
		of.Traceparent = e.Trace.String()
	}
	b, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAppendJSON: each field of Data alone, all together and none are printed as encoding/json does.
func TestAppendJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("", 3600))
	check := func(what string, e Event) {
		t.Helper()
		if got, want := string(e.AppendJSON([]byte("x"))), "x"+reflected(t, e); got != want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		} else if size := e.Size(); size > len(want)-1 || size*4 < len(want) {
			t.Errorf("%s: has at least %d bytes: %s", what, size, got)
		}
	}
	check("nothing", Event{})
	trace, err := scenecast.ParseTraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if err != nil {
		t.Fatal(err)
	}
	var all Data
	for i := range reflect.TypeFor[Data]().NumField() {
		var one Data
		for _, d := range []*Data{&one, &all} {
			switch field := reflect.ValueOf(d).Elem().Field(i); value := field.Addr().Interface().(type) {
			case *string:
				*value = "a<b>&\"\\\u2028é\xff\n"
			case *int:
				*value = -7
			case *int64:
				*value = 1 << 62
			case *scenecast.NodeID:
				*value = 65_535
			case *scenecast.ConnID:
				*value = scenecast.ConnID{Node: 7, Seq: 9}
			case *label.Set:
				*value = label.FromMap(map[string][]string{"page": {"home"}, "tag": {"<b>", "a"}})
			default:
				t.Fatalf("%s is of a type that this test does not know", reflect.TypeFor[Data]().Field(i).Name)
			}
		}
		check(reflect.TypeFor[Data]().Field(i).Name, Event{ID: "1.\"a\"", Type: Gap, At: at, Data: one})
	}
	check("all", Event{ID: "1.a", Type: Connected, At: at, Data: all, Trace: &trace})
	check("no milliseconds", Event{At: at.Truncate(time.Second)})
}

// BenchmarkAppendJSON is an event of a page with five labels, as a feed writes it, and by reflection.
func BenchmarkAppendJSON(b *testing.B) {
	e := Event{ID: "1.ABCDEFGHIJKLMNOPQRSTUVWXYZ", Type: Connected, At: time.Now(), Data: Data{
		App: "default", Node: 1, Connection: scenecast.ConnID{Node: 1, Seq: 7},
		Labels: label.FromMap(map[string][]string{"page": {"home"}, "group": {"g17"}, "order": {"1742"}, "@id": {"1-7"}, "@protocol": {"scenecast.v1"}}),
	}}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for buffer := []byte(nil); b.Loop(); {
			buffer = e.AppendJSON(buffer[:0])
		}
	})
	b.Run("reflection", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			reflected(b, e)
		}
	})
}
