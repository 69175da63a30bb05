package load

import (
	"net/netip"
	"runtime"
	"slices"
	"testing"
)

func TestAudience(t *testing.T) {
	p := people{run: "abc", pages: 10, few: 4}
	for _, c := range []struct {
		text string
		want crowd
		err  string
	}{
		{"*", p.all(), ""},
		{`run == "abc"`, p.all(), ""},
		{`{"page":"home"}`, crowd{0, 4, 8}, ""},
		{`page == "home" && !(user == "abc-4")`, crowd{0, 8}, ""},
		{`{"group":"abc-2"}`, crowd{8, 9}, ""},
		{`locale == "en" || page == "list"`, crowd{1, 3, 5, 7, 9}, ""},
		{`plan == "pro"`, nil, `--to plan == "pro": the pages of bench have no label "plan"; they have run, page, group, user and locale`},
		{`page == "home" && !has(@id)`, nil, `--to page == "home" && !has(@id): the pages of bench have no label "@id"; they have run, page, group, user and locale`},
		{`page == "x"`, nil, `--to page == "x": no page of bench is in this audience`},
		{`page =`, nil, ""},
		{``, nil, ""},
	} {
		to, got, err := p.audience(c.text)
		if !slices.Equal(got, c.want) || c.err != "" && text(err) != c.err || (err == nil) != (c.want != nil) || (to == nil) != (c.want == nil) {
			t.Errorf("%s: got %s, %v, %v, want %v, %s", c.text, to, got, err, c.want, c.err)
		}
	}
}

// TestScenarios: what they aim at is what their expressions say.
func TestScenarios(t *testing.T) {
	p := people{run: "abc", pages: 250, few: 100}
	plan, err := scenarios(&Options{Pipeline: 8}, p)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range plan {
		names = append(names, s.name.String())
		for i := range 20 {
			to, got := s.aim(i)
			if _, want, err := p.audience(string(to.JSON)); err != nil || !slices.Equal(got, want) || len(got) != s.size {
				t.Errorf("%s, push %d to %s: got %v, want %v, %v", s.name, i, to, got, want, err)
			}
		}
		if s.pushes%s.pipeline != 0 {
			t.Errorf("%s: %d pushes are no whole bursts", s.name, s.pushes)
		}
	}
	want := []string{"everybody", "everybody, 8 at a time", "100 of 250", "100 of 250, 8 at a time", "one page", "one page, 8 at a time"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestCrowdRank(t *testing.T) {
	for _, c := range []struct {
		crowd crowd
		page  int32
		want  int // -1: not in it
	}{
		{nil, 0, -1}, {crowd{5}, 5, 0}, {crowd{5}, 4, -1}, {crowd{5}, 6, -1},
		{crowd{5, 6, 7}, 7, 2}, {crowd{5, 7, 9}, 7, 1}, {crowd{5, 7, 9}, 9, 2}, {crowd{5, 7, 9}, 6, -1}, {crowd{5, 7, 9}, 10, -1},
	} {
		got, ok := c.crowd.rank(c.page)
		if ok != (c.want >= 0) || ok && got != c.want {
			t.Errorf("%d in %d: got %d, %t, want %d", c.page, []int32(c.crowd), got, ok, c.want)
		}
	}
}

func TestSources(t *testing.T) {
	for _, c := range []struct {
		pages  int
		target string
		page   int
		want   string
	}{
		{10_000, "127.0.0.1", 9_999, "invalid IP"},
		{10_001, "127.0.0.1", 9_999, "127.0.0.1"},
		{10_001, "127.0.0.1", 10_000, "127.0.0.2"},
		{1 << 24, "127.0.0.1", 1<<24 - 1, "127.0.6.142"},
		{100_000, "192.0.2.1", 99_999, "invalid IP"},
		{100_000, "::1", 99_999, "invalid IP"},
	} {
		if runtime.GOOS != "linux" {
			c.want = "invalid IP"
		}
		if got := newSources(c.pages, netip.MustParseAddr(c.target)).of(c.page).String(); got != c.want {
			t.Errorf("page %d of %d to %s: got %s, want %s", c.page, c.pages, c.target, got, c.want)
		}
	}
}

func TestMedian(t *testing.T) {
	round := func(n float64) Round {
		return Round{PerSecond: n, Latency: Latency{P99: -n, Max: n}, CPUOfPush: &CPU{n, 1}, CPUOfDelivery: &CPU{1, n}}
	}
	for _, c := range []struct {
		rounds []Round
		want   float64
		max    float64
	}{
		{[]Round{round(3)}, 3, 3},
		{[]Round{round(9), round(1), round(2)}, 2, 9},
		{[]Round{round(4), round(1), round(2), round(9)}, 3, 9},
	} {
		m := median(c.rounds)
		if m.PerSecond != c.want || m.Latency.P99 != -c.want || m.Latency.Max != c.max || *m.CPUOfPush != (CPU{c.want, 1}) || *m.CPUOfDelivery != (CPU{1, c.want}) {
			t.Errorf("%d rounds: got %+v, want %v", len(c.rounds), m, c.want)
		}
	}
}
