package load

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// median of the rounds, figure by figure; the maximum is that of all.
func median(rounds []Round) Round {
	of := func(figure func(*Round) float64) float64 {
		all := make([]float64, len(rounds))
		for i := range rounds {
			all[i] = figure(&rounds[i])
		}
		slices.Sort(all)
		half := len(all) / 2
		if len(all)%2 == 0 {
			return (all[half-1] + all[half]) / 2
		}
		return all[half]
	}
	m := Round{
		Seconds:      of(func(r *Round) float64 { return r.Seconds }),
		Deliveries:   rounds[0].Deliveries,
		PerSecond:    of(func(r *Round) float64 { return r.PerSecond }),
		PushesPerSec: of(func(r *Round) float64 { return r.PushesPerSec }),
		Latency: Latency{
			P50:  of(func(r *Round) float64 { return r.Latency.P50 }),
			P90:  of(func(r *Round) float64 { return r.Latency.P90 }),
			P99:  of(func(r *Round) float64 { return r.Latency.P99 }),
			P999: of(func(r *Round) float64 { return r.Latency.P999 }),
		},
	}
	for _, r := range rounds {
		m.Latency.Max = max(m.Latency.Max, r.Latency.Max)
	}
	if rounds[0].CPUOfPush != nil {
		m.CPUOfPush = &CPU{of(func(r *Round) float64 { return r.CPUOfPush.User }), of(func(r *Round) float64 { return r.CPUOfPush.System })}
		m.CPUOfDelivery = &CPU{of(func(r *Round) float64 { return r.CPUOfDelivery.User }), of(func(r *Round) float64 { return r.CPUOfDelivery.System })}
	}
	return m
}

// LatencyOf reads the percentiles.
func LatencyOf(h *hdrhistogram.Histogram) Latency {
	at := func(percentile float64) float64 { return float64(h.ValueAtPercentile(percentile)) }
	return Latency{P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(h.Max())}
}

// each is the CPU time divided by a number, in a unit.
func (c CPUTime) each(number int, unit time.Duration) *CPU {
	share := func(d time.Duration) float64 { return float64(d) / float64(unit) / float64(number) }
	return &CPU{User: share(c.User), System: share(c.System)}
}
