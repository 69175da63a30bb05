package load

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes the report for people.
func (r *Report) Print(to io.Writer) {
	fmt.Fprintf(to, "%d pages at %s, %s wire, messages of %d bytes, medians of %d rounds\n", r.Pages, r.URL, r.Protocol, r.Size, r.Rounds)
	if c := r.Connect; c != nil {
		fmt.Fprintf(to, "connected in %.1f s, %.0f pages/s", c.Seconds, c.PagesPerSecond)
		if c.CPU != nil {
			fmt.Fprintf(to, "; the server took %.0f µs of CPU (%.0f user + %.0f system) and %.0f bytes of memory per page",
				c.CPU.Total(), c.CPU.User, c.CPU.System, *c.MemoryPerPage)
		}
		fmt.Fprintln(to)
	}
	if len(r.Scenes) > 0 {
		fmt.Fprintln(to)
		r.printScenarios(to)
	}
	if r.Foreign > 0 {
		fmt.Fprintf(to, "\n%d messages came from others than this bench\n", r.Foreign)
	}
	fmt.Fprintln(to)
	switch {
	case r.Complete:
	case !r.Faults.Any():
		fmt.Fprintln(to, "the run ended early; no mistake was found until then")
		return
	default:
		fmt.Fprint(to, "the run ended early; until then: ")
	}
	fmt.Fprintln(to, &r.Faults)
	for _, e := range r.Faults.Examples {
		fmt.Fprintf(to, "  %s\n", e)
	}
}

func (r *Report) printScenarios(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	watched := r.Scenes[0].Median.CPUOfPush != nil
	row := func(cells ...string) { fmt.Fprint(w, strings.Join(cells, "\t")+"\t\n") }
	head := []string{"to", "deliveries/s", "p50", "p90", "p99", "p99.9", "max"}
	if watched {
		head = append(head, "CPU/delivery", "user + system", "CPU/push", "user + system")
	}
	row(head...)
	for _, s := range r.Scenes {
		m := s.Median
		cells := []string{s.Name, fmt.Sprintf("%.0f", m.PerSecond)}
		for _, µs := range []float64{m.Latency.P50, m.Latency.P90, m.Latency.P99, m.Latency.P999, m.Latency.Max} {
			cells = append(cells, Short(µs))
		}
		if watched {
			d, p := m.CPUOfDelivery, m.CPUOfPush
			cells = append(cells, fmt.Sprintf("%.0f ns", d.Total()), fmt.Sprintf("%.0f + %.0f", d.User, d.System),
				fmt.Sprintf("%.0f µs", p.Total()), fmt.Sprintf("%.0f + %.0f", p.User, p.System))
		}
		row(cells...)
	}
	_ = w.Flush()
}

// Short is a time with three digits or so.
func Short(µs float64) string {
	d := time.Duration(µs * float64(time.Microsecond))
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}

// String tells in a line what went wrong.
func (f *Faults) String() string {
	if !f.Any() {
		return "every message came once to every page of its audience, and to no other"
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{f.Missing, "deliveries missing"}, {f.Doubled, "doubled"}, {f.Misdelivered, "misdelivered"}, {f.Damaged, "damaged"},
		{f.WrongAnswers, "answers wrong"}, {f.Closed, "pages closed by the server"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}
