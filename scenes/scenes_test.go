package scenes

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scenecast/label"
)

var by = []string{"page", "order"}

// source is where the choices of a random stream come from: a generator, or the fuzzer's bytes, after which all are 0.
type source interface{ IntN(n int) int }

type bytesSource struct{ rest []byte }

func (b *bytesSource) IntN(n int) int {
	if len(b.rest) == 0 {
		return 0
	}
	v := int(b.rest[0]) % n
	b.rest = b.rest[1:]
	return v
}

// draw is a scene of up to so many.
func draw(s source, distinct int) label.Set {
	var labels []label.Label
	switch s.IntN(8) {
	case 0:
	case 1:
		labels = append(labels, label.Label{Key: "order", Value: fmt.Sprint(s.IntN(distinct))})
	case 2:
		labels = append(labels, label.Label{Key: "page", Value: strings.Repeat("\x00\x01", s.IntN(3))})
	default:
		labels = append(labels, label.Label{Key: "page", Value: "home"}, label.Label{Key: "order", Value: fmt.Sprint(s.IntN(1 + s.IntN(distinct)))})
	}
	return label.New(labels...)
}

// checkCounts compares what some nodes count, each with some tables, with maps.
func checkCounts(t *testing.T, s source, adds, distinct, room, limit int) {
	t.Helper()
	want := make(map[string]int)
	labels := make(map[string]label.Set)
	var total *Counts
	exact := true
	nodes := 1 + s.IntN(3)
	for range nodes {
		var tables []*Table
		for n := 1 + s.IntN(3); n > 0; n-- {
			table := NewTable(1)
			if room > 0 {
				table.maxScenes = room
			}
			for range s.IntN(adds + 1) {
				scene := draw(s, distinct)
				name := nameOf(by, scene)
				if got := labelsOf(by, name); !got.Equal(scene) {
					t.Fatalf("%v is named %q, which is %v", scene, name, got)
				}
				n := 1 + s.IntN(3)
				table.Add([]byte(name), n)
				want[name] += n
				labels[name] = scene
			}
			exact = exact && table.over == 0
			tables = append(tables, table)
		}
		counts := Merge(by, limit, tables)
		if s.IntN(3) == 0 {
			counts.Fit(s.IntN(1000))
		}
		if len(counts.Scenes) > limit {
			t.Fatalf("%d scenes are listed, of at most %d", len(counts.Scenes), limit)
		}
		if exact && slices.ContainsFunc(counts.Scenes, func(s Scene) bool { return s.More > 0 }) {
			t.Fatalf("a node had room, and is not sure: %+v", counts)
		}
		b, err := json.Marshal(counts)
		if err != nil {
			t.Fatal(err)
		}
		arrived := new(Counts)
		if err := json.Unmarshal(b, arrived); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(arrived); string(again) != string(b) {
			t.Fatalf("%s comes as %s", b, again)
		}
		if total == nil {
			total = arrived
		} else {
			total.Add(arrived)
		}
	}
	sum, listed := 0, make(map[string]bool)
	for _, scene := range total.Scenes {
		name := nameOf(by, scene.Labels)
		if listed[name] {
			t.Fatalf("%v is listed twice", scene.Labels)
		}
		listed[name] = true
		if n := want[name]; n < scene.Matched || n > scene.Matched+scene.More {
			t.Fatalf("%v has %d, and %d to %d are told", scene.Labels, n, scene.Matched, scene.Matched+scene.More)
		}
	}
	for name, n := range want {
		sum += n
		if !listed[name] && n > total.Unlisted {
			t.Fatalf("%v has %d, is not listed, and those that are not have at most %d", labels[name], n, total.Unlisted)
		}
	}
	if total.Counted != sum {
		t.Fatalf("counted are %d, want %d", total.Counted, sum)
	}
	n, estimated := total.Distinct()
	if estimated && total.Unlisted == 0 || estimated && exact && nodes == 1 || !estimated && n != len(want) {
		t.Fatalf("%d scenes (estimated: %v), want %d; the largest that is not listed has %d", n, estimated, len(want), total.Unlisted)
	}
	largest := total.Largest(limit)
	if len(largest) != min(limit, len(total.Scenes)) || !slices.IsSortedFunc(largest, func(a, b Scene) int { return b.Matched - a.Matched }) {
		t.Fatalf("the largest of %d are %+v", len(total.Scenes), largest)
	}
}

func TestCounts(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		checkCounts(t, r, 200, 1+r.IntN(200), r.IntN(2)*(1+r.IntN(30)), 1+r.IntN(50))
	}
}

func FuzzCounts(f *testing.F) {
	f.Add([]byte("\x02\x02\x7f"+strings.Repeat("\x05\x09\x03\x01", 100)), byte(9), byte(3), byte(2))
	f.Add([]byte{}, byte(1), byte(0), byte(1))
	f.Fuzz(func(t *testing.T, choices []byte, distinct, room, limit byte) {
		checkCounts(t, &bytesSource{choices}, 250, 1+int(distinct), int(room), 1+int(limit))
	})
}

// TestSketch: how many scenes there are is told to within four times the standard error, also when nodes have the same ones.
func TestSketch(t *testing.T) {
	for _, n := range []int{0, 1, 10, 500, 2_000, 2_600, 5_000, 200_000} {
		a, b := NewSketch(), NewSketch()
		for i := range n {
			name := nameOf(by, label.New(label.Label{Key: "order", Value: fmt.Sprint(i)}))
			if i%3 != 0 {
				a.Add(name)
			}
			if i%3 != 1 {
				b.Add(name)
			}
		}
		a.Merge(b)
		a.Merge(Sketch("of another version"))
		if got := a.Estimate(); math.Abs(float64(got-n)) > 4*0.0325*float64(n) {
			t.Errorf("%d scenes are estimated as %d", n, got)
		}
	}
}

// maxMessage is what a NATS server takes that nobody has told otherwise.
const maxMessage = 1 << 20

// TestLongNames: what a node tells others is bounded in bytes, and what is left out is bounded too; a table is as well.
func TestLongNames(t *testing.T) {
	table := NewTable(1)
	name := func(i int) []byte {
		return AppendNone(AppendValue(nil, []byte(fmt.Sprintf("%0256d", i))))
	}
	const n = 70_000
	for i := range n {
		table.Add(name(i), 1)
	}
	table.Add(name(7), 4)
	if table.bytes > maxBytes || table.over == 0 || table.over+len(table.byName) != n {
		t.Errorf("%d scenes of %d bytes, and %d connections of others", len(table.byName), table.bytes, table.over)
	}
	counts := Merge(by, 2000, []*Table{table})
	counts.Fit(maxMessage / 2)
	b, err := json.Marshal(counts)
	if err != nil || len(b) > maxMessage || counts.Counted != n+4 || counts.Scenes[0].Matched != 5 || counts.Unlisted != table.over {
		t.Errorf("%d bytes, %d counted, the largest has %d, one that is not listed %d of %d at most (%v)", len(b), counts.Counted, counts.Scenes[0].Matched, counts.Unlisted, table.over, err)
	}
	if table.Fits(30_000) || !table.Fits(10_000) {
		t.Error("what surely fits is not known")
	}
}

// TestLongLabels: what a node tells others is bounded as it is sent: with the keys, which names lack, and with what JSON escapes.
func TestLongLabels(t *testing.T) {
	keys := make([]string, MaxKeys)
	for i := range keys {
		keys[i] = strings.Repeat(string(rune('a'+i)), 64)
	}
	table := NewTable(1)
	for i := range 3000 {
		value := strings.NewReplacer("0", "<", "1", ">", "2", "&").Replace(fmt.Sprintf("%018s", strconv.FormatInt(int64(i), 3)))
		var name []byte
		for range keys {
			name = AppendValue(name, []byte(value))
		}
		table.Add(name, 1+i%2)
	}
	counts := Merge(keys, 2000, []*Table{table})
	counts.Fit(maxMessage / 2)
	b, err := json.Marshal(counts)
	if err != nil || len(b) > maxMessage || len(counts.Scenes) < 100 || counts.Counted != 4500 || counts.Scenes[0].Matched != 2 || counts.Unlisted == 0 {
		t.Errorf("%d scenes in %d bytes, %d counted, one that is not listed has %d at most (%v)", len(counts.Scenes), len(b), counts.Counted, counts.Unlisted, err)
	}
}
