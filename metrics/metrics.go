// Package metrics is what Prometheus is told of a server, in its text format. Nothing is counted here: figures that the parts
// of the server keep anyway are read when somebody asks.
package metrics

import (
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"scenecast/histogram"
)

// kind is what a metric is. Of a histogram, kind is none of Prometheus' own values.
type kind = prometheus.ValueType

const (
	counter   kind = prometheus.CounterValue
	gauge     kind = prometheus.GaugeValue
	durations kind = -1 // a histogram, in seconds
)

// metric is one that the server has; docs/metrics.md, whose rows a test makes of these tables, explains each.
type metric struct {
	name   string
	help   string
	kind   kind
	labels []string // that tell its series apart; nil: there is only one
	read   func(f *Figures) []value
}

// value is that of one series.
type value struct {
	labels    []string // their values
	number    float64
	durations histogram.Snapshot // of a histogram, in its place
}

// tables are all metrics.
var tables = [][]metric{pageMetrics, httpMetrics, loopMetrics, engineMetrics, serviceMetrics}

// Handler answers with the figures, and with those of the Go runtime and of the process. Read is called once for each answer, from any
// goroutine.
func Handler(read func() Figures) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(read), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		families, err := registry.Gather()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
		w.Header().Set("Content-Type", string(format))
		e := expfmt.NewEncoder(w, format)
		for _, family := range families {
			if e.Encode(family) != nil {
				return // the client has gone
			}
		}
		if c, ok := e.(expfmt.Closer); ok {
			_ = c.Close()
		}
	})
}

// collector implements prometheus.Collector.
type collector struct {
	read    func() Figures
	metrics []metric
	descs   []*prometheus.Desc // as in metrics
}

func newCollector(read func() Figures) *collector {
	c := &collector{read: read, metrics: slices.Concat(tables...)}
	for _, m := range c.metrics {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, m.labels, nil))
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
	figures := c.read()
	for i, m := range c.metrics {
		for _, v := range m.read(&figures) {
			if m.kind != durations {
				values <- prometheus.MustNewConstMetric(c.descs[i], m.kind, v.number, v.labels...)
				continue
			}
			buckets, n := make(map[float64]uint64), uint64(0)
			for i, bound := range v.durations.Bounds {
				n += uint64(v.durations.Counts[i])
				buckets[bound.Seconds()] = n
			}
			values <- prometheus.MustNewConstHistogram(c.descs[i], uint64(v.durations.Count()), v.durations.Sum.Seconds(), buckets, v.labels...)
		}
	}
}

// one is the value of a metric without labels.
func one[N int | int64 | uint64 | float64](n N) []value { return []value{{number: float64(n)}} }

// oneIf is 1 or 0.
func oneIf(yes bool) []value {
	if yes {
		return one(1)
	}
	return one(0)
}

// by is the values of a metric with a label.
func by[N int | int64 | float64](values map[string]N) []value {
	list := make([]value, 0, len(values))
	for _, label := range slices.Sorted(maps.Keys(values)) {
		list = append(list, value{labels: []string{label}, number: float64(values[label])})
	}
	return list
}

// durationsBy is the values of a histogram with a label.
func durationsBy(values map[string]histogram.Snapshot) []value {
	list := make([]value, 0, len(values))
	for _, label := range slices.Sorted(maps.Keys(values)) {
		list = append(list, value{labels: []string{label}, durations: values[label]})
	}
	return list
}
