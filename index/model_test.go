package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"scenecast/audience"
	"scenecast/label"
)

// model is an index as anybody would write it first: it asks every member.
type model map[uint32]label.Set

func (m model) selects(to audience.Expr) (members []uint32) {
	for member, labels := range m {
		if to.Match(labels) {
			members = append(members, member)
		}
	}
	slices.Sort(members)
	return members
}

func (m model) values(key string) map[string]int {
	values := make(map[string]int)
	for _, labels := range m {
		for _, v := range labels.Values(key) {
			values[v]++
		}
	}
	return values
}

// source is where the choices of a random stream come from: a generator, or the fuzzer's bytes, after which all are 0.
type source interface{ IntN(n int) int }

// spread is how many values each key of a stream has: from ones that most members share to ones that hardly two do.
var spread = map[string]int{"page": 2, "plan": 4, "locale": 20, "order": 300, "user": 100000}

var spreadKeys = slices.Sorted(maps.Keys(spread))

func randomLabel(s source) label.Label {
	key := spreadKeys[s.IntN(len(spreadKeys))]
	v := s.IntN(spread[key])
	switch {
	case key == "order" && v%7 == 0:
		return label.Label{Key: key, Value: strings.Repeat("long", v) + fmt.Sprint(v)}
	case key == "locale" && v == 0:
		return label.Label{Key: key}
	case key == "user" && v%8 == 0:
		return label.Label{Key: fmt.Sprint("key", v), Value: "x"} // a key of its own
	}
	return label.Label{Key: key, Value: fmt.Sprint(v)}
}

func randomSet(s source) label.Set {
	n := s.IntN(8)
	if n == 7 {
		n += s.IntN(20)
	}
	labels := make([]label.Label, n)
	for i := range labels {
		labels[i] = randomLabel(s)
	}
	return label.New(labels...)
}

// randomAudience is an expression's text.
func randomAudience(s source, depth int) string {
	l := randomLabel(s)
	ops := 9
	if depth == 0 {
		ops = 5
	}
	switch s.IntN(ops) {
	case 0, 1:
		return fmt.Sprintf("%s == %q", l.Key, l.Value)
	case 2:
		return fmt.Sprintf("%s in [%q, %q, %q]", l.Key, l.Value, randomLabel(s).Value, randomLabel(s).Value)
	case 3:
		return fmt.Sprintf("has(%s)", l.Key)
	case 4:
		return fmt.Sprintf("%s.startsWith(%q)", l.Key, l.Value[:min(len(l.Value), s.IntN(3))])
	case 5:
		return "!(" + randomAudience(s, depth-1) + ")"
	}
	operands := make([]string, 2+s.IntN(3))
	for i := range operands {
		operands[i] = randomAudience(s, depth-1)
	}
	return "(" + strings.Join(operands, []string{" && ", " || "}[s.IntN(2)]) + ")"
}

// pair is an index and the model of what should be in it.
type pair struct {
	*Index
	model
	dst []uint32
}

func newPair() *pair { return &pair{Index: New(), model: make(model)} }

func (p *pair) join(member uint32, labels label.Set) {
	p.Join(member, labels)
	p.model[member] = labels
}

// step does one operation to both, and complains if they differ by it.
func (p *pair) step(t *testing.T, s source, members int) {
	t.Helper()
	member := uint32(s.IntN(members))
	_, there := p.model[member]
	switch op := s.IntN(16); {
	case op == 0:
		p.checkSelect(t, randomAudience(s, s.IntN(5)))
	case op == 1:
		p.checkValues(t, randomLabel(s).Key)
	case op == 2 && there:
		p.checkLabels(t, member)
	case !there:
		p.join(member, randomSet(s))
	case op < 9:
		p.Index.Leave(member)
		delete(p.model, member)
	default:
		labels := p.model[member]
		if op < 12 {
			labels = randomSet(s)
		} else {
			l := randomLabel(s)
			labels = labels.With(l.Key, l.Value)
		}
		p.Relabel(member, labels)
		p.model[member] = labels
	}
}

func (p *pair) checkSelect(t *testing.T, text string) {
	t.Helper()
	to, err := audience.Parse(text)
	if err != nil {
		return // over a limit
	}
	want := p.model.selects(to)
	p.dst = p.Select(to, append(p.dst[:0], 4711))
	if p.dst[0] != 4711 {
		t.Fatalf("Select(%s) wrote over what was in dst", to)
	}
	got := p.dst[1:]
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("of %d members, Select(%s)\n\t= %v, want\n\t  %v", len(p.model), to, got, want)
	}
	if got := p.Count(to); got != len(want) {
		t.Fatalf("of %d members, Count(%s) = %d, want %d", len(p.model), to, got, len(want))
	}
}

func (p *pair) checkValues(t *testing.T, key string) {
	t.Helper()
	got := make(map[string]int)
	for value, n := range p.Index.Values(key) {
		if _, twice := got[value]; twice {
			t.Fatalf("Values(%s) has %q twice", key, value)
		}
		got[value] = n
	}
	want := p.model.values(key)
	if !maps.Equal(got, want) {
		t.Fatalf("Values(%s) = %v, want %v", key, got, want)
	}
	if n := p.Distinct(key); n != len(want) {
		t.Fatalf("Distinct(%s) = %d, want %d", key, n, len(want))
	}
}

func (p *pair) checkLabels(t *testing.T, member uint32) {
	t.Helper()
	if got, want := p.Labels(member), p.model[member]; !got.Equal(want) {
		t.Fatalf("Labels(%d) = %v, want %v", member, got, want)
	}
}

// checkAll compares everything that can be asked.
func (p *pair) checkAll(t *testing.T) {
	t.Helper()
	if got, want := slices.Collect(p.All()), slices.Sorted(maps.Keys(p.model)); !slices.Equal(got, want) {
		t.Fatalf("the members are %v, want %v", got, want)
	}
	if p.Len() != len(p.model) {
		t.Fatalf("Len() = %d, want %d", p.Len(), len(p.model))
	}
	for member := range p.model {
		p.checkLabels(t, member)
	}
	for _, key := range spreadKeys {
		p.checkValues(t, key)
		p.checkSelect(t, "has("+key+")")
	}
	p.checkSelect(t, "*")
	checkStructure(t, p.Index)
}

func (p *pair) leaveAll() {
	for member := range p.model {
		p.Index.Leave(member)
		delete(p.model, member)
	}
}

// TestModel lets random streams run over an index and over the model. The number of members goes up and down, so that
// postings change their form in both directions, and ids, blocks and members come back.
func TestModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			p := newPair()
			for _, members := range []int{3, 40, 3000, 200, 5000, 10} {
				for range 3000 {
					p.step(t, random, members)
				}
				p.checkAll(t)
			}
			p.leaveAll()
			p.checkAll(t)
		})
	}
}
