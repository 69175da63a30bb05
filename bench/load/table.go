package load

import (
	"fmt"
	"io"
	"time"

	"scenecast/language"
)

// Print writes the report for people, in a language.
func (r *Report) Print(to io.Writer, tag language.Tag) {
	language.Println(to, tag, "%d pages at %s, %s wire, messages of %d bytes, medians of %d rounds", r.Pages, r.URL, r.Protocol, r.Size, r.Rounds)
	if c := r.Connect; c != nil {
		if c.CPU == nil {
			language.Println(to, tag, "connected in %.1f s, %.0f pages/s", c.Seconds, c.PagesPerSecond)
		} else {
			language.Println(to, tag, "connected in %.1f s, %.0f pages/s; the server took %.0f µs of CPU (%.0f user + %.0f system) and %.0f bytes of memory per page",
				c.Seconds, c.PagesPerSecond, c.CPU.Total(), c.CPU.User, c.CPU.System, *c.MemoryPerPage)
		}
	}
	if len(r.Scenes) > 0 {
		fmt.Fprintln(to)
		r.printScenarios(to, tag)
	}
	if r.Foreign > 0 {
		fmt.Fprintln(to)
		language.Println(to, tag, "%d messages came from others than this bench", r.Foreign)
	}
	fmt.Fprintln(to)
	switch {
	case r.Complete:
		fmt.Fprintln(to, r.Faults.In(tag))
	case !r.Faults.Any():
		language.Println(to, tag, "the run ended early; no mistake was found until then")
	default:
		language.Println(to, tag, "the run ended early; until then: %s", &r.Faults)
	}
	for _, e := range r.Faults.Examples {
		fmt.Fprintf(to, "  %s\n", e.In(tag))
	}
}

func (r *Report) printScenarios(to io.Writer, tag language.Tag) {
	table := language.Table{Right: true}
	watched := r.Scenes[0].Median.CPUOfPush != nil
	head := language.Words("to|deliveries/s|p50|p90|p99|p99.9|max", tag)
	if watched {
		head = append(head, language.Words("CPU/delivery|user + system|CPU/push|user + system", tag)...)
	}
	table.Row(head...)
	for _, s := range r.Scenes {
		m := s.Median
		cells := []string{s.Name.In(tag), fmt.Sprintf("%.0f", m.PerSecond)}
		for _, µs := range []float64{m.Latency.P50, m.Latency.P90, m.Latency.P99, m.Latency.P999, m.Latency.Max} {
			cells = append(cells, Short(µs))
		}
		if watched {
			d, p := m.CPUOfDelivery, m.CPUOfPush
			cells = append(cells, fmt.Sprintf("%.0f ns", d.Total()), fmt.Sprintf("%.0f + %.0f", d.User, d.System),
				fmt.Sprintf("%.0f µs", p.Total()), fmt.Sprintf("%.0f + %.0f", p.User, p.System))
		}
		table.Row(cells...)
	}
	_ = table.Write(to) // as the lines around it
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
func (f *Faults) String() string { return f.In(language.English) }

// In tells in a line what went wrong, in a language.
func (f *Faults) In(tag language.Tag) string {
	if !f.Any() {
		return language.Textf("every message came once to every page of its audience, and to no other").In(tag)
	}
	var parts []error
	count := func(n int, text language.Text) {
		if n > 0 {
			parts = append(parts, language.Errorf("%s", text))
		}
	}
	count(f.Missing, language.Textf("%d deliveries missing", f.Missing))
	count(f.Doubled, language.Textf("%d doubled", f.Doubled))
	count(f.Misdelivered, language.Textf("%d misdelivered", f.Misdelivered))
	count(f.Damaged, language.Textf("%d damaged", f.Damaged))
	count(f.WrongAnswers, language.Textf("%d answers wrong", f.WrongAnswers))
	count(f.Closed, language.Textf("%d pages closed by the server", f.Closed))
	return language.Error(language.Join(", ", parts), tag)
}
