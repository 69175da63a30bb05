// Package metrics is what Prometheus is told of a server, in its text format. Nothing is counted here: figures that the parts
// of the server keep anyway are read when somebody asks.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
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
	Limited         func() map[string]int64 // by the rate that was exceeded
	CallsRefused    func() map[string]int64 // by reason
	PageRequests    func() map[string]int64 // requests of pages that were refused, by type
	Engine          func() Engine
	Registry        func() Registry
	Presence        func() Presence
	Hooks           func() map[string]Hook          // by app and name, as in default/orders
	Feed            func() (streams int, cut int64) // of GET /v1/feed
	ConnectHooks    func() map[string]int64         // by outcome
	CallHooks       func() map[string]int64         // by outcome
	SockJS          func() SockJS
	Spans           func() map[string]int64 // by outcome
	AccessLost      func() int64            // lines of the access log
	Handovers       func() (outcomes map[string]int64, still float64)
	Draining        func() bool
}

// Presence are the figures of presence.
type Presence struct {
	Scenes, Members, Watching int
	Missed                    int64
}

// SockJS are the figures of sessions of pages over HTTP requests.
type SockJS struct {
	Sessions  int
	Misrouted int64
}

// Registry are the figures of the registry of connections.
type Registry struct {
	On          bool // otherwise nothing of it is told
	Up          bool
	Connections int
	Rebuilds    int64
}

// Hook are the figures of a hook that is told of events.
type Hook struct {
	Queued                       int
	Delivered, Dropped, Failures int64
}

// Engine are an engine's figures.
type Engine struct {
	Nodes, LateNodes int

	// Shared says that nodes share a log; otherwise what follows is not told.
	Shared                             bool
	LagRecords                         uint64
	LagSeconds                         float64
	Leads                              bool
	Replicas, InSync                   int
	Appended, AppendedAgain, ReadOn    int64 // records
	PushesUnavailable, PushesUncertain int64
	TalliesLate                        int64
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
	{"scenecast_spans_total", "Spans of sampled traces, by what became of them.", prometheus.CounterValue, "outcome",
		func(s Sources) map[string]float64 { return floats(s.Spans()) }},
	{"scenecast_access_log_lost_total", "Lines of the access log that were lost, because its disk was too slow or full.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { return one(s.AccessLost()) }},
	{"scenecast_endings_total", "Connections that have ended, by cause.", prometheus.CounterValue, "cause",
		func(s Sources) map[string]float64 { return floats(s.Endings()) }},
	{"scenecast_visitors_turned_away_total", "Connections that were closed, or refused as pages, because file descriptors had run out.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { return one(s.TurnedAway()) }},
	{"scenecast_refused_total", "Pages that were refused, by the kind of what was wrong.", prometheus.CounterValue, "reason",
		func(s Sources) map[string]float64 { return floats(s.Refused()) }},
	{"scenecast_calls_refused_total", "Calls of backends that were refused, by the kind of what was wrong.", prometheus.CounterValue, "reason",
		func(s Sources) map[string]float64 { return floats(s.CallsRefused()) }},
	{"scenecast_page_requests_refused_total", "Messages of connected pages that were refused and answered with an error, by type.", prometheus.CounterValue, "type",
		func(s Sources) map[string]float64 { return floats(s.PageRequests()) }},
	{"scenecast_rate_limited_total", "What was refused because it came too fast, by the rate that it exceeded; pages that were closed for their messages are among the endings.", prometheus.CounterValue, "limit",
		func(s Sources) map[string]float64 { return floats(s.Limited()) }},
	{"scenecast_engine_nodes", "Nodes of the cluster: those that are known, and of these those that do not answer in time.", prometheus.GaugeValue, "state",
		func(s Sources) map[string]float64 {
			e := s.Engine()
			return map[string]float64{"known": float64(e.Nodes), "late": float64(e.LateNodes)}
		}},
	{"scenecast_engine_lag_records", "Records of the log that this node has not read.", prometheus.GaugeValue, "",
		shared(func(e Engine) float64 { return float64(e.LagRecords) })},
	{"scenecast_engine_lag_seconds", "How long this node has been behind the log, or without an answer of its leader.", prometheus.GaugeValue, "",
		shared(func(e Engine) float64 { return e.LagSeconds })},
	{"scenecast_engine_leader", "1 where this process leads the log, otherwise 0.", prometheus.GaugeValue, "",
		shared(func(e Engine) float64 { return oneIf(e.Leads) })},
	{"scenecast_engine_replicas", "Copies of the log: those that there are to be, and those that have everything.", prometheus.GaugeValue, "state",
		func(s Sources) map[string]float64 {
			e := s.Engine()
			if !e.Shared {
				return nil
			}
			return map[string]float64{"wanted": float64(e.Replicas), "in_sync": float64(e.InSync)}
		}},
	{"scenecast_engine_records_appended_total", "Records of this node that the log has taken.", prometheus.CounterValue, "",
		shared(func(e Engine) float64 { return float64(e.Appended) })},
	{"scenecast_engine_records_appended_again_total", "Attempts to append a record once more: an earlier one had failed, or the log had lost it.", prometheus.CounterValue, "",
		shared(func(e Engine) float64 { return float64(e.AppendedAgain) })},
	{"scenecast_engine_records_read_on_total", "Records that this node read from the log by itself, because it had not heard of them.", prometheus.CounterValue, "",
		shared(func(e Engine) float64 { return float64(e.ReadOn) })},
	{"scenecast_engine_pushes_failed_total", "Pushes that were refused while the engine was out of order, and those of which it was not known in time whether they are published.", prometheus.CounterValue, "kind",
		func(s Sources) map[string]float64 {
			e := s.Engine()
			if !e.Shared {
				return nil
			}
			return map[string]float64{"unavailable": float64(e.PushesUnavailable), "uncertain": float64(e.PushesUncertain)}
		}},
	{"scenecast_engine_tallies_late_total", "Answers of nodes about pushes that came when nobody waited for them any more.", prometheus.CounterValue, "",
		shared(func(e Engine) float64 { return float64(e.TalliesLate) })},
	{"scenecast_registry_up", "1 where Redis has this node's connections, but for those that are on their way; 0 while it is away.", prometheus.GaugeValue, "",
		registered(func(r Registry) float64 { return oneIf(r.Up) })},
	{"scenecast_registry_connections", "Connections of this node that Redis has, or is to have.", prometheus.GaugeValue, "",
		registered(func(r Registry) float64 { return float64(r.Connections) })},
	{"scenecast_registry_rebuilds_total", "How often this node's connections were written to Redis anew, because it was away or had lost some.", prometheus.CounterValue, "",
		registered(func(r Registry) float64 { return float64(r.Rebuilds) })},
	{"scenecast_presence_scenes", "Scenes in which anybody is, over all nodes.", prometheus.GaugeValue, "",
		present(func(p Presence) float64 { return float64(p.Scenes) })},
	{"scenecast_presence_members", "Members of these scenes.", prometheus.GaugeValue, "",
		present(func(p Presence) float64 { return float64(p.Members) })},
	{"scenecast_presence_watching", "Scenes that pages of this node watch, each counted for each page.", prometheus.GaugeValue, "",
		present(func(p Presence) float64 { return float64(p.Watching) })},
	{"scenecast_presence_missed_total", "How often this node has missed something of another one's members, and has asked for all of them.", prometheus.CounterValue, "",
		present(func(p Presence) float64 { return float64(p.Missed) })},
	{"scenecast_connect_hook_calls_total", "Calls that asked a backend whether a page may come in, by outcome.", prometheus.CounterValue, "outcome",
		func(s Sources) map[string]float64 { return floats(s.ConnectHooks()) }},
	{"scenecast_call_hook_calls_total", "Calls of pages that were passed on to a backend, by outcome.", prometheus.CounterValue, "outcome",
		func(s Sources) map[string]float64 { return floats(s.CallHooks()) }},
	{"scenecast_hook_queue_events", "Events that wait to be delivered to a backend.", prometheus.GaugeValue, "hook",
		hooks(func(h Hook) float64 { return float64(h.Queued) })},
	{"scenecast_hook_delivered_total", "Events that a backend has taken.", prometheus.CounterValue, "hook",
		hooks(func(h Hook) float64 { return float64(h.Delivered) })},
	{"scenecast_hook_dropped_total", "Events that were dropped: too many waited (max_queue), or one for too long (retry_for).", prometheus.CounterValue, "hook",
		hooks(func(h Hook) float64 { return float64(h.Dropped) })},
	{"scenecast_feed_streams", "Streams of GET /v1/feed that are open.", prometheus.GaugeValue, "",
		func(s Sources) map[string]float64 { streams, _ := s.Feed(); return one(int64(streams)) }},
	{"scenecast_feed_cut_total", "Streams of GET /v1/feed that were cut because they were read too slowly.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { _, cut := s.Feed(); return one(cut) }},
	{"scenecast_sockjs_sessions", "Pages that are connected over HTTP requests, as sessions of SockJS.", prometheus.GaugeValue, "",
		func(s Sources) map[string]float64 { return one(int64(s.SockJS().Sessions)) }},
	{"scenecast_sockjs_misrouted_total", "Requests of sessions of this node that came to another one.", prometheus.CounterValue, "",
		func(s Sources) map[string]float64 { return one(s.SockJS().Misrouted) }},
	{"scenecast_draining", "1 while this node is to be emptied of its pages, and takes none or soon will not.", prometheus.GaugeValue, "",
		func(s Sources) map[string]float64 {
			if s.Draining() {
				return one(1)
			}
			return one(0)
		}},
	{"scenecast_handovers_total", "Handovers between processes that this one has taken part in, by how they have ended for it.", prometheus.CounterValue, "outcome",
		func(s Sources) map[string]float64 { outcomes, _ := s.Handovers(); return floats(outcomes) }},
	{"scenecast_handover_still_seconds", "How long pages stood still when this process took them over from another one; 0: it has not.", prometheus.GaugeValue, "",
		func(s Sources) map[string]float64 {
			_, still := s.Handovers()
			return map[string]float64{"": still}
		}},
	{"scenecast_hook_failures_total", "Calls of a backend that failed and were made again.", prometheus.CounterValue, "hook",
		hooks(func(h Hook) float64 { return float64(h.Failures) })},
}

// Handler answers with the figures, and with those of the Go runtime and of the process.
func Handler(s Sources) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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

// shared reads a figure of an engine whose nodes share a log.
func shared(figure func(Engine) float64) func(Sources) map[string]float64 {
	return func(s Sources) map[string]float64 {
		e := s.Engine()
		if !e.Shared {
			return nil
		}
		return map[string]float64{"": figure(e)}
	}
}

// registered reads a figure of a registry that is on.
func present(figure func(Presence) float64) func(Sources) map[string]float64 {
	return func(s Sources) map[string]float64 { return map[string]float64{"": figure(s.Presence())} }
}

func registered(figure func(Registry) float64) func(Sources) map[string]float64 {
	return func(s Sources) map[string]float64 {
		r := s.Registry()
		if !r.On {
			return nil
		}
		return map[string]float64{"": figure(r)}
	}
}

// hooks reads a figure of each hook.
func hooks(figure func(Hook) float64) func(Sources) map[string]float64 {
	return func(s Sources) map[string]float64 {
		all := s.Hooks()
		figures := make(map[string]float64, len(all))
		for name, h := range all {
			figures[name] = figure(h)
		}
		return figures
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
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
