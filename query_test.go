package scenecast_test

import (
	"reflect"
	"testing"

	"scenecast"
)

// TestReplies add up, and their lists stay in order.
func TestReplies(t *testing.T) {
	connection := func(node scenecast.NodeID, seq uint64) scenecast.Connection {
		return scenecast.Connection{ID: scenecast.ConnID{Node: node, Seq: seq}}
	}
	count := func(node scenecast.NodeID, n int) []scenecast.NodeCount {
		return []scenecast.NodeCount{{Node: node, Matched: n}}
	}
	sum := scenecast.Reply{}
	sum.Add(scenecast.Reply{
		Tally: scenecast.Tally{Matched: 2, Nodes: 1}, ByNode: count(2, 2), Changed: 1,
		Connections: []scenecast.Connection{connection(2, 1), connection(2, 9)},
		Values:      map[string]int{"home": 1, "list": 2},
	})
	sum.Add(scenecast.Reply{
		Tally: scenecast.Tally{Matched: 1, Nodes: 1}, ByNode: count(1, 1), Changed: 1,
		Connections: []scenecast.Connection{connection(1, 5)},
		Values:      map[string]int{"home": 3},
	})
	sum.Add(scenecast.Reply{})
	want := scenecast.Reply{
		Tally: scenecast.Tally{Matched: 3, Nodes: 2}, ByNode: append(count(2, 2), count(1, 1)...), Changed: 2,
		Connections: []scenecast.Connection{connection(1, 5), connection(2, 1), connection(2, 9)},
		Values:      map[string]int{"home": 4, "list": 2},
	}
	if !reflect.DeepEqual(sum, want) {
		t.Errorf("%+v, want %+v", sum, want)
	}
}
