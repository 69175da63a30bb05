package scenecast

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestReplyFits: what nodes leave out of their replies so that these are short is bounded in the sum: a value has no more connections than are told,
// and a list has no hole.
func TestReplyFits(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		nodes, room := 1+r.IntN(3), 200+r.IntN(3000)
		want, total, cut := make(map[string]int), Reply{}, false
		var ids []ConnID
		for node := range nodes {
			told := Reply{Values: make(map[string]int)}
			for range r.IntN(100) {
				name := strings.Repeat("<", r.IntN(20)) + fmt.Sprint(r.IntN(200))
				n := 1 + r.IntN(5)
				told.Values[name] += n
				want[name] += n
			}
			for i := range r.IntN(50) {
				id := ConnID{NodeID(node + 1), uint64(i + 1)}
				told.Connections = append(told.Connections, Connection{ID: id})
				ids = append(ids, id)
			}
			told.Fit(room)
			b, err := json.Marshal(told)
			if err != nil || len(b) > 2*room+3000 { // both parts, and the sketch
				t.Fatalf("%d: %d bytes, of about %d (%v)", seed, len(b), room, err)
			}
			cut = cut || told.Left != nil
			var arrived Reply
			if err := json.Unmarshal(b, &arrived); err != nil {
				t.Fatal(err)
			}
			total.Add(arrived)
		}
		var passed Reply // by a process that asks for another one, in a handover
		if b, err := json.Marshal(total); err != nil || json.Unmarshal(b, &passed) != nil || !maps.Equal(passed.More, total.More) ||
			!reflect.DeepEqual(passed.Left, total.Left) || passed.Through != total.Through {
			t.Fatalf("%d: %+v, passed on as %+v (%v)", seed, total, passed, err)
		}
		if (total.Left != nil) != cut || (total.CheckWhole() != nil) != cut {
			t.Fatalf("%d: left out is %+v, of a node: %v", seed, total.Left, cut)
		}
		for name, n := range want {
			told, listed := total.Values[name]
			switch {
			case listed && (n < told || n > told+total.More[name]):
				t.Fatalf("%d: %s has %d, told are %d and %d more", seed, name, n, told, total.More[name])
			case !listed && (total.Left == nil || n > total.Left.Unlisted):
				t.Fatalf("%d: %s has %d, is not listed, and those that are not have at most %+v", seed, name, n, total.Left)
			}
		}
		if n, estimated := total.Distinct(); estimated != cut || !cut && n != len(want) || n < len(want)*8/10 || n > len(want)*12/10 {
			t.Fatalf("%d: %d values (estimated: %v), want %d", seed, n, estimated, len(want))
		}
		slices.SortFunc(ids, ConnID.Compare)
		for i, c := range total.Connections {
			if c.ID != ids[i] {
				t.Fatalf("%d: connection %d is %v, want %v", seed, i, c.ID, ids[i])
			}
		}
		if whole := total.Through == (ConnID{}); whole != (len(total.Connections) == len(ids)) || !whole && total.Connections[len(total.Connections)-1].ID != total.Through {
			t.Fatalf("%d: %d connections of %d, through %v", seed, len(total.Connections), len(ids), total.Through)
		}
	}
}
