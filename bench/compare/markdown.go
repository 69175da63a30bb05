package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// heads are the rows as heads of columns.
var heads = map[string]string{
	"fanout": "fan-out: CPU ns per delivery", "pipelined": "8 pushes at a time: CPU ns per delivery",
	"chosen": "100 chosen: CPU µs per push", "growth": "100 of many / of a tenth", "memory": "idle B per page",
	"connect": "connect: CPU µs", "one": "p99 to one page, ms", "stalled": "p99 beside 100 that never read",
}

// cited is what uWebSockets cost beside a floor in C like this one, in an earlier measurement on such a machine.
const cited = "uWebSockets (C++) is not to be had as a package, so it is not in the table. Measured beside a C floor like this one, on " +
	"another day on such a machine, it cost 1.2 × the floor per delivery in the fan-out, 0.74-0.79 × the coalescing floor with pushes at a " +
	"time, 1.1 × the floor for 100 chosen, 1.1 × to connect, and 505 B per page."

// Markdown writes the report for docs/performance.md. The best figure of each column is bold, the floors aside.
func (r *Report) Markdown(to io.Writer) {
	fmt.Fprintf(to, "Measured on %s: %s; %s; %s pages, for \"idle\" and \"100 of many\" %s; medians of %d rounds, in which all\nservers took turns.\n",
		r.Date.Format("2006-01-02"), r.Machine, r.Cores, thousands(r.Pages), thousands(r.Many), r.Rounds)
	fmt.Fprint(to, "In parentheses: how many times the C floor's figure of the same round, and of the coalescing floor's where pushes come at a time.\n\n")
	fmt.Fprint(to, "| |")
	for _, row := range r.Rows {
		fmt.Fprintf(to, " %s |", heads[row.ID])
	}
	fmt.Fprintf(to, "\n|---|%s\n", strings.Repeat("---|", len(r.Rows)))
	for _, s := range r.Servers {
		fmt.Fprintf(to, "| %s |", s.label())
		for _, row := range r.Rows {
			fmt.Fprintf(to, " %s |", row.markdown(s.Name))
		}
		fmt.Fprintln(to)
	}
	fmt.Fprintf(to, "\nSpread of the rounds around the median, half of the servers below it: %s.\n", r.noise())
	for _, s := range r.Servers {
		for _, remark := range s.remarks() {
			fmt.Fprintf(to, "%s.\n", remark)
		}
	}
	fmt.Fprintf(to, "%s\n", cited)
}

// remarks are what is to be said of a server besides its figures.
func (s *Server) remarks() []string {
	var all []string
	for _, r := range [][2]string{{"is missing", s.Missing}, {"made mistakes", s.Fault}, {"is to be read with care", s.Note}} {
		if r[1] != "" {
			all = append(all, fmt.Sprintf("%s %s: %s", s.Title, r[0], r[1]))
		}
	}
	return all
}

// label is a server's name and version.
func (s *Server) label() string {
	if s.Version == "" {
		return s.Title
	}
	return s.Title + ", " + s.Version
}

// markdown is a cell.
func (r *Row) markdown(server string) string {
	c, measured := r.Cells[server]
	if !measured {
		return "–"
	}
	text := digits(c.Median)
	if server == r.best() {
		text = "**" + text + "**"
	}
	if c.Ratio > 0 {
		text += " (" + digits(c.Ratio) + ")"
	}
	return text
}

// best is the server with the lowest figure, the floors aside: they are no servers that anybody would use.
func (r *Row) best() string {
	var names []string
	for name := range maps.Keys(r.Cells) {
		if name != peerFloor && name != peerCoalescing {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.MinFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Cells[a].Median, r.Cells[b].Median), cmp.Compare(a, b))
	})
}

// noise is how far apart the rounds of a row are, for a server in the middle.
func (r *Report) noise() string {
	var parts []string
	for _, row := range r.Rows {
		var spreads []float64
		for _, c := range row.Cells {
			spreads = append(spreads, c.Spread)
		}
		if len(spreads) > 0 {
			parts = append(parts, fmt.Sprintf("%s ±%.0f %%", row.ID, median(spreads)*50))
		}
	}
	return strings.Join(parts, ", ")
}
