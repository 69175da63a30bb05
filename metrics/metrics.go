// Package metrics is what Prometheus is told of a server, in its text format. Nothing is counted here: figures that the parts
// of the server keep anyway are read when somebody asks.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Sources say how the figures stand. Each is called for every answer, from any goroutine.
type Sources struct {
	Version         string
	Connections     func() map[string]int // by app
	Pushes          func() int64
	Deliveries      func() (queued, dropped int64)
	FramesDropped   func() int64
	FramesCoalesced func() int64
	Endings         func() map[string]int64 // by cause
	TurnedAway      func() int64
	Refused         func() map[string]int64 // pages, by reason
	CallsRefused    func() map[string]int64 // by reason
}

// metric is one that the server has; docs/operations.md explains each, and a test holds it to this table.
type metric struct {
	name  string
	help  string
	kind  prometheus.ValueType
	label string // that tells its series apart; empty: there is only one
	read  func(Sources) map[string]float64
}

var metrics = []metric{
	{"scenecast_build_info", "Always 1; the label says which version runs.", prometheus.GaugeValue, "version",
		func(s Sources) map[string]float64 { return map[string]float64{s.Version: 1} }},
	{"scenecast_connections", "Pages that are connected, those included whose connection is being closed.", prometheus.GaugeValue, "app",
		func(s Sources) map[string]float64 { return floats(s.Connections()) }},
	{"scenecast_pushes_total", "Pushes that were delivered to whoever they match.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { return one(s.Pushes()) }},
	{"scenecast_deliveries_total", "Pages that a push matched, by what became of it.", prometheus.CounterValue, "outcome",
		func(s Sources) map[string]float64 {
			queued, dropped := s.Deliveries()
			return map[string]float64{"queued": float64(queued), "dropped": float64(dropped)}
		}},
	{"scenecast_frames_dropped_total", "Frames that outboxes have lost: for want of room, or with a page that went away.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { return one(s.FramesDropped()) }},
	{"scenecast_frames_coalesced_total", "Frames in whose place a newer one of the same key has gone out.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { return one(s.FramesCoalesced()) }},
	{"scenecast_endings_total", "Connections that have ended, by cause.", prometheus.CounterValue, "cause",
		func(s Sources) map[string]float64 { return floats(s.Endings()) }},
	{"scenecast_visitors_turned_away_total", "Connections that were closed, or refused as pages, because file descriptors had run out.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { return one(s.TurnedAway()) }},
	{"scenecast_refused_total", "Pages that were refused, by the kind of what was wrong.", prometheus.CounterValue, "reason",
		func(s Sources) map[string]float64 { return floats(s.Refused()) }},
	{"scenecast_calls_refused_total", "Calls of backends that were refused, by the kind of what was wrong.", prometheus.CounterValue, "reason",
		func(s Sources) map[string]float64 { return floats(s.CallsRefused()) }},
}

// Handler answers with the figures, and with those of the Go runtime and of the process.
func Handler(s Sources) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector implements prometheus.Collector.
type collector struct {
	sources Sources
	descs   []*prometheus.Desc // as in metrics
}

func newCollector(s Sources) *collector {
	c := &collector{sources: s}
	for _, m := range metrics {
		var labels []string
		if m.label != "" {
			labels = []string{m.label}
		}
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(values chan<- prometheus.Metric) {
	for i, m := range metrics {
		for label, value := range m.read(c.sources) {
			var labels []string
			if m.label != "" {
				labels = []string{label}
			}
			values <- prometheus.MustNewConstMetric(c.descs[i], m.kind, value, labels...)
		}
	}
}

// one is the value of a metric without a label.
func one(value int64) map[string]float64 { return map[string]float64{"": float64(value)} }

func floats[N int | int64](values map[string]N) map[string]float64 {
	f := make(map[string]float64, len(values))
	for label, value := range values {
		f[label] = float64(value)
	}
	return f
}
