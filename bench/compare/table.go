package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Print writes the report for people.
func (r *Report) Print(to io.Writer) {
	fmt.Fprintf(to, "%s\n%s; medians of %d rounds\n\n", r.Machine, r.Cores, r.Rounds)
	for _, row := range r.Rows {
		fmt.Fprintln(to, row.Title)
		w := tabwriter.NewWriter(to, 20, 0, 2, ' ', tabwriter.AlignRight)
		for _, s := range r.Servers {
			c, measured := row.Cells[s.Name]
			if !measured {
				fmt.Fprintf(w, "%s\t–\t\t\t\n", s.Name)
				continue
			}
			fmt.Fprintf(w, "%s\t%s %s\t%s\t±%.0f %%\t\n", s.Name, digits(c.Median), row.Unit, ratio(c.Ratio), c.Spread*50)
		}
		_ = w.Flush()
		fmt.Fprintln(to)
	}
	for _, s := range r.Servers {
		for _, remark := range s.remarks() {
			fmt.Fprintln(to, remark)
		}
	}
}

// digits writes a figure with three digits or so.
func digits(f float64) string {
	switch {
	case f >= 99.95:
		return thousands(int(f + 0.5))
	case f >= 9.995:
		return strconv.FormatFloat(f, 'f', 1, 64)
	default:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
}

// ratio writes how many times the base a figure is.
func ratio(f float64) string {
	if f == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%.2f ×", f))
}
