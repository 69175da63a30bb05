package index

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"scenecast/audience"
	"scenecast/label"
)

// set reads labels written as `page=home tag=a`.
func set(text string) label.Set {
	var labels []label.Label
	for pair := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(pair, "=")
		labels = append(labels, label.Label{Key: key, Value: value})
	}
	return label.New(labels...)
}

func sorted(members []uint32) string {
	slices.Sort(members)
	return fmt.Sprint(members)
}

func TestSelect(t *testing.T) {
	x := New()
	for member, labels := range []string{
		"page=home plan=pro user=1",
		"page=home plan=free user=2",
		"page=list plan=pro user=1 tag=a tag=b",
		"",
		"page=back tag=b long=" + strings.Repeat("long", 100),
	} {
		x.Join(uint32(member), set(labels))
	}
	for _, c := range []struct{ to, want string }{
		{`*`, "[0 1 2 3 4]"},
		{`page == "home"`, "[0 1]"},
		{`page == "hom"`, "[]"},
		{`pag == "home"`, "[]"},
		{`home == "page"`, "[]"},
		{`page != "home"`, "[2 3 4]"},
		{`user == "1"`, "[0 2]"},
		{`page in ["home", "list", "home", "none"]`, "[0 1 2]"},
		{`tag in ["a", "b"]`, "[2 4]"},
		{`has(tag)`, "[2 4]"},
		{`has(nothing)`, "[]"},
		{`!has(nothing)`, "[0 1 2 3 4]"},
		{`!(has(page) || has(nothing))`, "[3]"},
		{`long.startsWith("longlong")`, "[4]"},
		{`long.startsWith("ong")`, "[]"},
		{`page.startsWith("")`, "[0 1 2 4]"},
		{`page == "home" && plan == "pro"`, "[0]"},
		{`page == "home" && plan != "pro"`, "[1]"},
		{`plan == "pro" && (tag == "a" || tag == "b" || user == "2")`, "[2]"},
		{`user == "1" && tag == "b" && has(page)`, "[2]"},
		{`page == "home" || tag == "b" || user == "1"`, "[0 1 2 4]"},
		{`!(page == "home" || tag == "b" || user == "1")`, "[3]"},
		{`!!(page == "home")`, "[0 1]"},
		{`page == "none" && !has(none)`, "[]"},
	} {
		to := parse(t, c.to)
		if got := sorted(x.Select(to, nil)); got != c.want {
			t.Errorf("Select(%s) = %s, want %s", c.to, got, c.want)
		}
		if got, want := x.Count(to), len(x.Select(to, nil)); got != want {
			t.Errorf("Count(%s) = %d, want %d", c.to, got, want)
		}
	}
	if got := x.Select(audience.Expr{}, nil); len(got) != 0 || x.Count(audience.Expr{}) != 0 {
		t.Errorf("the zero expression selects %v", got)
	}
	checkStructure(t, x)
}

func TestEmpty(t *testing.T) {
	x := New()
	for _, to := range []string{`*`, `a == "b"`, `a in ["b", "c"]`, `!(a == "b")`, `has(a)`, `!has(a) && !has(b)`, `!has(a) || has(b)`} {
		if got, n := x.Select(parse(t, to), nil), x.Count(parse(t, to)); len(got) != 0 || n != 0 {
			t.Errorf("Select(%s) = %v and Count %d, of nobody", to, got, n)
		}
	}
	for value := range x.Values("a") {
		t.Errorf("a has the value %q", value)
	}
	if x.Len() != 0 || x.Contains(0) || x.Contains(1<<32-1) {
		t.Error("there is somebody")
	}
}

// TestIteratorsStop: a loop over an iterator may end early.
func TestIteratorsStop(t *testing.T) {
	x := New()
	for member := range uint32(3) {
		x.Join(member, set(fmt.Sprint("n=", member)))
	}
	for member := range x.All() {
		if member != 0 {
			t.Errorf("All() goes on to %d", member)
		}
		break
	}
	n := 0
	for range x.Values("n") {
		n++
		break
	}
	next, stop := iter.Pull(x.All())
	next()
	stop()
	if n != 1 {
		t.Errorf("Values was %d values, after a break", n)
	}
}

// TestRelabel changes a label, and looks at the others: they stay at their places in the postings.
func TestRelabel(t *testing.T) {
	x := New()
	for member := range uint32(100) {
		x.Join(member, set("all=1 page=home"))
	}
	x.Relabel(50, set("all=1 page=back new=1"))
	x.Relabel(51, set("page=home"))
	x.Relabel(52, set(""))
	x.Relabel(52, set(""))
	x.Relabel(53, set("page=home all=1"))
	for _, c := range []struct {
		to   string
		want int
	}{{`all == "1"`, 98}, {`page == "home"`, 98}, {`page == "back" && has(new)`, 1}, {`!has(page)`, 1}, {`*`, 100}} {
		if got := x.Count(parse(t, c.to)); got != c.want {
			t.Errorf("Count(%s) = %d, want %d", c.to, got, c.want)
		}
	}
	if got := x.Labels(50); !got.Equal(set("all=1 page=back new=1")) {
		t.Errorf("Labels(50) = %v", got)
	}
	checkStructure(t, x)
}

// TestForms takes a label over the borders between its forms, in both directions, and looks at the form at each size.
func TestForms(t *testing.T) {
	const members = 64 * 100
	form := func(x *Index) string {
		l := &x.labels
		p := &l.items.item(l.find(l.hash("a", "b"), "a", "b")).posting
		switch {
		case p.count == 1:
			return "one"
		case x.postings.bitset(p) != nil:
			return "bits"
		}
		return "list"
	}
	x := New()
	for member := range uint32(members) {
		x.Join(member, set(""))
	}
	order := rand.New(rand.NewPCG(1, 1)).Perm(members)
	for i, member := range order[:300] {
		x.Relabel(uint32(member), set("a=b"))
		want := "list"
		if i == 0 {
			want = "one"
		} else if i+1 > 200 {
			want = "bits" // more than two to the word
		}
		if form(x) != want {
			t.Fatalf("with %d of %d members the label is %s, want %s", i+1, members, form(x), want)
		}
	}
	checkStructure(t, x)
	for i := 299; i > 0; i-- {
		x.Relabel(uint32(order[i]), set(""))
		want := "bits"
		if i == 1 {
			want = "one"
		} else if i < 100 {
			want = "list" // less than one to the word
		}
		if form(x) != want {
			t.Fatalf("with %d of %d members the label is %s, want %s", i, members, form(x), want)
		}
		if i%50 == 1 {
			checkStructure(t, x)
		}
	}
	if got := x.Select(parse(t, `a == "b"`), nil); len(got) != 1 || got[0] != uint32(order[0]) {
		t.Errorf("the last to have it is %v, want %d", got, order[0])
	}
}

// TestGreatestLeaves: when the members with the greatest numbers leave, a bitset that reached up to them becomes shorter.
func TestGreatestLeaves(t *testing.T) {
	const members = 64 * 200
	x := New()
	for member := range uint32(members) {
		x.Join(member, set("a=b"))
	}
	x.Count(parse(t, `!has(a) || a == "c"`))
	if len(x.scratch.bitsets) == 0 {
		t.Error("there is no scratch memory after a count")
	}
	for member := uint32(members - 1); member >= 64; member-- {
		x.Leave(member)
	}
	x.Leave(3)
	if words := len(x.members.live); words > memberPage/wordBits {
		t.Errorf("%d words for 64 members", words)
	}
	if words := len(x.postings.bitsets[0]); words > 2*memberPage/wordBits {
		t.Errorf("the label's bitset has %d words for 63 members", words)
	}
	if n := len(x.scratch.bitsets); n != 0 {
		t.Errorf("%d scratch bitsets for many more members are kept", n)
	}
	if got := x.Count(parse(t, `a == "b"`)); got != 63 {
		t.Errorf("%d members are left, want 63", got)
	}
	checkStructure(t, x)
}

// TestSparseBitset: a bitset that has become sparse, because many have joined without the label, is one until the label
// changes, and is right until then and after.
func TestSparseBitset(t *testing.T) {
	x := New()
	for member := range uint32(10) {
		x.Join(member, set("tag=a tag=b"))
	}
	for member := uint32(10); member < 64*100; member++ {
		x.Join(member, set(""))
	}
	for _, more := range []uint32{7000, 7001} {
		if got, want := x.Count(parse(t, `has(tag)`)), x.Len()-64*100+10; got != want {
			t.Errorf("%d members have the tag, want %d", got, want)
		}
		x.Join(more, set("tag=a"))
		checkStructure(t, x)
	}
	if n := len(x.postings.spare); n != 1 {
		t.Errorf("%d bitsets have become lists, want that of the label that changed", n)
	}
}

// TestPanics: an owner that is wrong about who is there is told so.
func TestPanics(t *testing.T) {
	for name, wrong := range map[string]func(*Index){
		"Join":    func(x *Index) { x.Join(1, set("a=c")) },
		"Relabel": func(x *Index) { x.Relabel(2, set("a=c")) },
		"Leave":   func(x *Index) { x.Leave(1 << 31) },
		"Labels":  func(x *Index) { x.Labels(0) },
	} {
		x := New()
		x.Join(1, set("a=b"))
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of the wrong member does not panic", name)
				}
			}()
			wrong(x)
		}()
		if x.Len() != 1 || !x.Labels(1).Equal(set("a=b")) {
			t.Errorf("%s of the wrong member has changed the index", name)
		}
		checkStructure(t, x)
	}
}

func parse(t testing.TB, text string) audience.Expr {
	t.Helper()
	to, err := audience.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return to
}
