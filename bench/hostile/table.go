package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// printRows writes the table, in Markdown that is aligned for reading as it is. The error is of the scenarios that could not be
// measured, and of those that the server did not withstand.
func printRows(to io.Writer, rows []row) error {
	w := tabwriter.NewWriter(to, 0, 0, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintf(w, "| %s\t|\n", strings.Join(cells, "\t| ")) }
	line("attack", "quiet p50", "max", "p50", "p99", "max", "RSS before", "peak", "after", "CPU", "held", "what happened")
	line("---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
	var errs []error
	for _, r := range rows {
		if r.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.name, r.err))
			line(r.name, "", "", "", "", "", "", "", "", "", "", "not measured: "+oneLine(r.err.Error()))
			continue
		}
		held := "yes"
		if r.fault != "" {
			held = "no: " + oneLine(r.fault)
			errs = append(errs, fmt.Errorf("%s: %s", r.name, r.fault))
		}
		line(r.name, short(r.quiet.p50), short(r.quiet.max), short(r.during.p50), short(r.during.p99), short(r.during.max),
			megabytes(r.before), megabytes(r.peak), megabytes(r.after), fmt.Sprintf("%.0f %%", r.cpu*100), held, oneLine(strings.Join(r.said, "; ")))
	}
	return errors.Join(append(errs, w.Flush())...)
}

func oneLine(s string) string { return strings.NewReplacer("\n", " ", "|", "/", "\t", " ").Replace(s) }

func megabytes(bytes int) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }

// short is a time in milliseconds, to two digits behind the point.
func short(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
