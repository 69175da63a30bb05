package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"scenecast/bench/load"
)

// phaseOf is one with these latencies of pages, in ms.
func phaseOf(latencies ...int) (p phase) {
	p.page, p.answer, p.Load = load.NewHistogram(), load.NewHistogram(), "1.5"
	for _, ms := range latencies {
		load.Record(p.page, time.Duration(ms)*time.Millisecond)
		load.Record(p.answer, time.Duration(ms)*time.Millisecond)
	}
	return p
}

func TestTable(t *testing.T) {
	blocks := []block{ // ratios of p99: 2, 2 (of 1 and 4), and 8
		{[2]phase{phaseOf(10), phaseOf(10)}, [2]phase{phaseOf(20), phaseOf(20)}},
		{[2]phase{phaseOf(10), phaseOf(10)}, [2]phase{phaseOf(10), phaseOf(40)}},
		{[2]phase{phaseOf(10, 1), phaseOf(10)}, [2]phase{phaseOf(80), phaseOf(80, 1)}},
	}
	blocks[0].with[0].Server, blocks[0].without[1].Lost = 0.3, 7
	got := table([]string{"feed"}, map[string][]block{"feed": blocks})
	_, row, _ := strings.Cut(got, "|---|\n")
	const want = "| feed | 2.00 × | 10.01 → 80.06 | 8.00 (2.00 to 8.00) | 2.00 (2.00 to 5.00) | 8.00 (2.00 to 8.00) | 0.0, +0.0 (+0.0 to +7.5) | 0.0, +0.00 | 0.00 → 0.00 | 0.0, 0.0, 0 | 7, 0 | 1.5 to 1.5 |\n"
	if row != want {
		t.Errorf("got  %swant %s", row, want)
	}
}

func TestQuantile(t *testing.T) {
	c := newCounts([]block{
		{[2]phase{phaseOf(1, 2), phaseOf(3)}, [2]phase{phaseOf(1), phaseOf(1000)}},
		{[2]phase{phaseOf(4), phaseOf(5)}, [2]phase{phaseOf(7), phaseOf(8)}},
	}, func(p *phase) *hdrhistogram.Histogram { return p.page })
	for _, q := range []struct {
		kind    int
		chosen  []int
		percent float64
		want    float64 // ms
	}{
		{0, nil, 50, 3}, {0, nil, 100, 5}, {0, []int{0}, 100, 3}, {0, []int{1, 1}, 50, 4}, {1, nil, 99, 1000}, {1, []int{1}, 1, 7},
	} {
		if got := c.quantile(q.kind, q.chosen, q.percent) / 1000; math.Abs(got-q.want) > q.want/500 {
			t.Errorf("%+v: got %v ms", q, got)
		}
	}
}

func TestRoundsIn(t *testing.T) {
	const text = `# HELP scenecast_loop_round_seconds x
scenecast_loop_round_seconds_bucket{loop="0",le="0.0001"} 5
scenecast_loop_round_seconds_bucket{loop="0",le="0.001"} 8
scenecast_loop_round_seconds_bucket{loop="0",le="+Inf"} 10
scenecast_loop_round_seconds_sum{loop="0"} 0.5
scenecast_loop_round_seconds_count{loop="0"} 10
scenecast_loop_round_seconds_bucket{loop="1",le="0.001"} 4
scenecast_loop_round_seconds_sum{loop="1"} 0.25
scenecast_loop_round_seconds_count{loop="1"} 5
`
	if got, err := roundsIn(strings.NewReader(text)); err != nil || got != (rounds{0.75, 3}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, text := range []string{"", "scenecast_loop_round_seconds_sum x\n"} {
		if _, err := roundsIn(strings.NewReader(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
