package churn

import (
	"fmt"
	"io"
	"slices"

	"scenecast/bench/load"
	"scenecast/language"
)

// Report is what a run has found. What could not be measured is missing in it.
type Report struct {
	Run      string          `json:"run"` // the run's name, which is in labels and messages
	Pages    int             `json:"pages"`
	Leave    int             `json:"churn_per_second"`
	Resume   bool            `json:"resume"`
	Size     int             `json:"message_bytes"`
	Seconds  float64         `json:"seconds"`           // of the pushes
	Pushes   int             `json:"pushes"`            // that were taken
	PerSec   float64         `json:"pushes_per_second"` // of those
	Left     int             `json:"left"`              // pages that left
	Resumed  int             `json:"resumed"`           // connections of pages that came back with a position
	All      Node            `json:"all"`               // of all nodes together
	Nodes    []Node          `json:"nodes"`
	Complete bool            `json:"complete"` // nothing ended the run early
	Faults   Faults          `json:"faults"`
	Reasons  []language.Text `json:"lost_connections,omitempty"` // the first of them, in words
}

// Node is what was seen at one address.
type Node struct {
	URL            string       `json:"url,omitempty"`
	Connections    int          `json:"connections"`      // that pages opened
	Lost           int          `json:"lost_connections"` // that ended, or were refused, otherwise than by the page
	Pushes         int          `json:"pushes"`
	FailedCalls    int          `json:"failed_calls"` // which were made again
	Deliveries     int          `json:"deliveries"`
	PerSecond      float64      `json:"deliveries_per_second"`
	CaughtUp       int          `json:"caught_up"` // of the deliveries, pushes that were made while the page was away; they are in no latency
	Latency        load.Latency `json:"latency_us"`
	CPUPerDelivery *float64     `json:"cpu_ns_per_delivery,omitempty"` // all that the node did meanwhile, pushes and connections too
}

// Print writes the report for people, in a language.
func (r *Report) Print(to io.Writer, tag language.Tag) {
	what := language.Textf("%d pages at %d addresses, native wire, %.0f pushes/s of %d bytes to all of them for %.1f s", r.Pages, len(r.Nodes), r.PerSec, r.Size, r.Seconds).In(tag)
	switch {
	case r.Leave > 0 && r.Resume:
		what += language.Textf("; %d left (%d/s) and came back with their positions", r.Left, r.Leave).In(tag)
	case r.Leave > 0:
		what += language.Textf("; %d left (%d/s), and others came", r.Left, r.Leave).In(tag)
	}
	if r.Resumed > 0 {
		what += language.Textf("; %d connections resumed", r.Resumed).In(tag)
	}
	fmt.Fprintf(to, "%s\n\n", what)
	table := language.Table{Right: true}
	head := language.Words("at|pushes|failed calls|connections|lost|deliveries|deliveries/s|caught up|p50|p99|max", tag)
	watched := slices.ContainsFunc(r.Nodes, func(n Node) bool { return n.CPUPerDelivery != nil })
	if watched {
		head = append(head, language.Textf("CPU/delivery").In(tag))
	}
	table.Row(head...)
	line := func(name string, n *Node) {
		cells := []string{name, fmt.Sprint(n.Pushes), fmt.Sprint(n.FailedCalls), fmt.Sprint(n.Connections), fmt.Sprint(n.Lost), fmt.Sprint(n.Deliveries),
			fmt.Sprintf("%.0f", n.PerSecond), fmt.Sprint(n.CaughtUp), load.Short(n.Latency.P50), load.Short(n.Latency.P99), load.Short(n.Latency.Max)}
		switch {
		case n.CPUPerDelivery != nil:
			cells = append(cells, fmt.Sprintf("%.0f ns", *n.CPUPerDelivery))
		case watched:
			cells = append(cells, "–")
		}
		table.Row(cells...)
	}
	for i := range r.Nodes {
		line(r.Nodes[i].URL, &r.Nodes[i])
	}
	if len(r.Nodes) > 1 {
		line(language.Textf("all").In(tag), &r.All)
	}
	_ = table.Write(to) // as the lines around it
	for _, reason := range r.Reasons {
		language.Println(to, tag, "  a connection was lost: %s", reason)
	}
	fmt.Fprintln(to)
	if r.Complete {
		fmt.Fprintln(to, r.Faults.In(tag))
	} else {
		language.Println(to, tag, "the run ended early; until then: %s", &r.Faults)
	}
	for _, e := range r.Faults.Examples {
		fmt.Fprintf(to, "  %s\n", e.In(tag))
	}
}

// String tells in a line what went wrong.
func (f *Faults) String() string { return f.In(language.English) }

// In tells in a line what went wrong, in a language.
func (f *Faults) In(tag language.Tag) string {
	if !f.Any() {
		return language.Textf("nothing was lost, doubled or out of order, and no page was told of a gap").In(tag)
	}
	return language.Textf("%d deliveries lost, %d doubled, %d out of order, %d gaps, %d damaged, %d pushes not taken, %d pages not connected at the end",
		f.Lost, f.Doubled, f.OutOfOrder, f.Gaps, f.Damaged, f.NotTaken, f.Stranded).In(tag)
}
