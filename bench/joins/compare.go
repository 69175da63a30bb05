package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// table is what was measured, as Markdown. A ratio is that of a phase with a viewer to one without: of each block by itself, told as the median and
// the quartiles, and of all phases together, told with the interval in which it is for 95 of 100 choices of blocks (a bootstrap).
func table(screens []string, blocks map[string][]block) string {
	var s strings.Builder
	s.WriteString("| viewer | call to page: p50, ratio | p99 without → with, ms | p99, ratio of all (95 %) | p99, ratio of a block (quartiles) | call to receipts: p99, ratio of all (95 %) | server, % of a core: without, viewer's (quartiles) | loops, ms a second: without, viewer's | rounds a second over 1 ms: without → with | viewer a second: calls, kB, events | pages lost, pushes failed | load |\n")
	s.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, name := range screens {
		all := blocks[name]
		page := func(p *phase) *hdrhistogram.Histogram { return p.page }
		answer := func(p *phase) *hdrhistogram.Histogram { return p.answer }
		pages, answers := newCounts(all, page), newCounts(all, answer)
		server := func(p *phase) float64 { return 100 * p.Server }
		loops := func(p *phase) float64 { return 1000 * p.loops }
		slow := func(p *phase) float64 { return p.slow }
		more := quartiles(each(all, func(b *block) float64 { return with(b, server) - without(b, server) }))
		fmt.Fprintf(&s, "| %s | %.2f × | %.2f → %.2f | %s | %s | %s | %.1f, %+.1f (%+.1f to %+.1f) | %.1f, %+.2f | %.2f → %.2f | %s | %.0f, %.0f | %s |\n", name,
			quartiles(each(all, func(b *block) float64 { return ratioOf(b, page, 50) }))[1],
			pages.quantile(0, nil, 99)/1000, pages.quantile(1, nil, 99)/1000, pages.interval(99), spread(each(all, func(b *block) float64 { return ratioOf(b, page, 99) })),
			answers.interval(99),
			mean(all, without, server), more[1], more[0], more[2],
			mean(all, without, loops), mean(all, with, loops)-mean(all, without, loops),
			mean(all, without, slow), mean(all, with, slow), viewed(all), total(all, func(p *phase) int64 { return p.Lost }), total(all, func(p *phase) int64 { return p.Failed }), loads(all))
	}
	return s.String()
}

// with and without are a figure's mean in a block's phases of either kind.
func with(b *block, figure func(*phase) float64) float64 {
	return (figure(&b.with[0]) + figure(&b.with[1])) / 2
}

func without(b *block, figure func(*phase) float64) float64 {
	return (figure(&b.without[0]) + figure(&b.without[1])) / 2
}

func each(all []block, of func(*block) float64) (values []float64) {
	for i := range all {
		values = append(values, of(&all[i]))
	}
	return values
}

func mean(all []block, in func(*block, func(*phase) float64) float64, figure func(*phase) float64) float64 {
	sum := 0.
	for i := range all {
		sum += in(&all[i], figure)
	}
	return sum / float64(len(all))
}

// total is a count of all phases.
func total(all []block, of func(*phase) int64) float64 {
	count := func(p *phase) float64 { return float64(of(p)) }
	return 2 * float64(len(all)) * (mean(all, with, count) + mean(all, without, count))
}

// ratioOf is that of a percentile in a block: the geometric mean of both pairs, so that one phase that was disturbed counts half.
func ratioOf(b *block, of func(*phase) *hdrhistogram.Histogram, percent float64) float64 {
	at := func(p *phase) float64 { return float64(of(p).ValueAtQuantile(percent)) }
	return math.Sqrt(at(&b.with[0]) * at(&b.with[1]) / at(&b.without[0]) / at(&b.without[1]))
}

// quartiles are the values below which a quarter, half and three quarters of the values are.
func quartiles(values []float64) (q [3]float64) {
	values = slices.Sorted(slices.Values(values))
	for i := range q {
		at := float64(i+1) / 4 * float64(len(values)-1)
		low := int(at)
		high := min(low+1, len(values)-1)
		q[i] = values[low] + (at-float64(low))*(values[high]-values[low])
	}
	return q
}

func spread(values []float64) string {
	q := quartiles(values)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", q[1], q[0], q[2])
}

// counts are how often each latency was measured: in each block, without a viewer and with one.
type counts struct {
	values []float64 // µs, rising
	blocks [][2][]int64
}

func newCounts(all []block, of func(*phase) *hdrhistogram.Histogram) *counts {
	c := &counts{blocks: make([][2][]int64, len(all))}
	for i := range all {
		for kind, phases := range [][2]phase{all[i].without, all[i].with} {
			sum := hdrhistogram.Import(of(&phases[0]).Export())
			sum.Merge(of(&phases[1]))
			for at, bar := range sum.Distribution() {
				if at == len(c.values) { // the bars of all begin with the same, and end with the largest value
					c.values = append(c.values, float64(bar.To))
				}
				c.blocks[i][kind] = append(c.blocks[i][kind], bar.Count)
			}
		}
	}
	return c
}

// quantile is a percentile without a viewer (0) or with one (1), of these blocks; nil: of all.
func (c *counts) quantile(kind int, chosen []int, percent float64) float64 {
	sum := make([]int64, len(c.values))
	var total int64
	add := func(i int) {
		for at, n := range c.blocks[i][kind] {
			sum[at] += n
			total += n
		}
	}
	if chosen == nil {
		for i := range c.blocks {
			add(i)
		}
	}
	for _, i := range chosen {
		add(i)
	}
	left := int64(math.Ceil(percent / 100 * float64(total)))
	for at, n := range sum {
		if left -= n; left <= 0 {
			return c.values[at]
		}
	}
	return math.NaN()
}

// samples is of how many choices of blocks an interval is made.
const samples = 1000

// interval is the ratio of a percentile of all phases, and the interval in which 95 of 100 ratios are if the blocks are drawn by lot.
func (c *counts) interval(percent float64) string {
	ratio := func(chosen []int) float64 { return c.quantile(1, chosen, percent) / c.quantile(0, chosen, percent) }
	draw := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time, so that a table can be made anew
	chosen, ratios := make([]int, len(c.blocks)), make([]float64, samples)
	for i := range ratios {
		for at := range chosen {
			chosen[at] = draw.IntN(len(c.blocks))
		}
		ratios[i] = ratio(chosen)
	}
	slices.Sort(ratios)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", ratio(nil), ratios[samples*25/1000], ratios[samples*975/1000])
}

// viewed is what the viewer has read, so that one can see that it has.
func viewed(all []block) string {
	figure := func(of func(p *phase) float64) float64 { return mean(all, with, of) }
	return fmt.Sprintf("%.1f, %.1f, %.0f", figure(func(p *phase) float64 { return p.viewer.calls }), figure(func(p *phase) float64 { return p.viewer.kilobytes }),
		figure(func(p *phase) float64 { return p.viewer.events }))
}

// loads are the machine's load averages, the least and the most.
func loads(all []block) string {
	var list []float64
	for _, b := range all {
		for _, p := range []phase{b.without[0], b.without[1], b.with[0], b.with[1]} {
			var n float64
			_, _ = fmt.Sscan(p.Load, &n)
			list = append(list, n)
		}
	}
	return fmt.Sprintf("%.1f to %.1f", slices.Min(list), slices.Max(list))
}
