package scenecast_test

import (
	"cmp"
	"math"
	"regexp"
	"testing"

	"scenecast"
)

func TestConnIDString(t *testing.T) {
	socketID := regexp.MustCompile(`^\d+\.\d+$`) // Pusher's rule, which its libraries check
	for _, c := range []struct {
		id   scenecast.ConnID
		want string
	}{
		{scenecast.ConnID{}, "0.0"},
		{scenecast.ConnID{Node: 7, Seq: 1}, "7.1"},
		{scenecast.ConnID{Node: 1 << 53, Seq: math.MaxUint64}, "9007199254740992.18446744073709551615"},
	} {
		if got := c.id.String(); got != c.want || !socketID.MatchString(got) {
			t.Errorf("%#v is printed %s, want %s, of the form %v", c.id, got, c.want, socketID)
		}
	}
}

func TestParseConnID(t *testing.T) {
	for _, text := range []string{"0.0", "7.1", "9007199254740992.18446744073709551615"} {
		id, err := scenecast.ParseConnID(text)
		if err != nil || id.String() != text {
			t.Errorf("%s: %v, %v", text, id, err)
		}
	}
	for _, text := range []string{"", "7", "7.", ".1", "07.1", "7.01", "7.1.1", "-7.1", "7.18446744073709551616", "a.b", " 7.1"} {
		if id, err := scenecast.ParseConnID(text); err == nil {
			t.Errorf("%q is taken for %v", text, id)
		}
	}
	ids := []scenecast.ConnID{{Node: 1, Seq: 2}, {Node: 1, Seq: 10}, {Node: 2, Seq: 1}}
	for i := range ids {
		for j := range ids {
			if got := ids[i].Compare(ids[j]); got != cmp.Compare(i, j) {
				t.Errorf("%v compared with %v is %d", ids[i], ids[j], got)
			}
		}
	}
}

// TestNodeID: an ID is exact in a float64, uses the bits that it has, and is not drawn twice.
func TestNodeID(t *testing.T) {
	seen := make(map[scenecast.NodeID]bool)
	var bits scenecast.NodeID
	for range 200 {
		id := scenecast.NewNodeID()
		if id > 1<<53 || scenecast.NodeID(float64(id)) != id {
			t.Errorf("the node ID %d is not exact in a float64", id)
		}
		if seen[id] {
			t.Errorf("the node ID %d was drawn twice", id)
		}
		seen[id] = true
		bits |= id
	}
	if bits != 1<<53-1 {
		t.Errorf("200 node IDs never set the bits %b of 53", ^bits&(1<<53-1))
	}
}

func TestPosition(t *testing.T) {
	for _, c := range []struct {
		p    scenecast.Position
		want string
	}{
		{scenecast.Position{}, "0-0"},
		{scenecast.Position{Epoch: 35, Seq: 17}, "z-17"},
		{scenecast.Position{Epoch: 36, Seq: 1}, "10-1"},
		{scenecast.Position{Epoch: math.MaxUint64, Seq: math.MaxUint64}, "3w5e11264sgsf-18446744073709551615"},
	} {
		if got := c.p.String(); got != c.want {
			t.Errorf("%#v is printed %s, want %s", c.p, got, c.want)
		}
		if got, err := scenecast.ParsePosition(c.want); got != c.p || err != nil {
			t.Errorf("ParsePosition(%q) = %#v, %v, want %#v", c.want, got, err, c.p)
		}
	}
}

// TestParsePositionRefuses: one position has one spelling.
func TestParsePositionRefuses(t *testing.T) {
	for _, s := range []string{
		"", "-", "1", "1-", "-1", "1-1-1", "1--1", "+1-1", "1-+1", "01-1", "1-01", "Z-1", "1-a", "é-1", " 1-1", "1-1\n", "1_0-1",
		"3w5e11264sgsg-1", "1-18446744073709551616",
	} {
		if p, err := scenecast.ParsePosition(s); err == nil || p != (scenecast.Position{}) {
			t.Errorf("ParsePosition(%q) = %v, %v, want the zero position and an error", s, p, err)
		}
	}
}

// FuzzParsePosition: what parses prints itself.
func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"0-0", "k3x9a-17", "z-", "3w5e11264sgsf-18446744073709551615", "1-1-1", "+1-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := scenecast.ParsePosition(s); err == nil && p.String() != s {
			t.Errorf("ParsePosition(%q) prints %q", s, p)
		}
	})
}

// TestNewEpoch: two logs share none, and none is 0, which is no position's.
func TestNewEpoch(t *testing.T) {
	seen := make(map[scenecast.Position]bool)
	for range 200 {
		p := scenecast.NewEpoch()
		if p.Epoch == 0 || p.Epoch >= 1<<53 || p.Seq != 0 || seen[p] {
			t.Errorf("the epoch %v is none, or was drawn twice", p)
		}
		seen[p] = true
	}
}

func TestTallyAdd(t *testing.T) {
	sum := scenecast.Tally{Matched: 1, Queued: 2, Dropped: 3, Written: 4, Acked: 5, TimedOut: 6, Nodes: 7}
	sum.Add(scenecast.Tally{Matched: 10, Queued: 20, Dropped: 30, Written: 40, Acked: 50, TimedOut: -5, Nodes: 70})
	sum.Add(scenecast.Tally{})
	if want := (scenecast.Tally{Matched: 11, Queued: 22, Dropped: 33, Written: 44, Acked: 55, TimedOut: 1, Nodes: 77}); sum != want {
		t.Errorf("the sum is %+v, want %+v", sum, want)
	}
}
