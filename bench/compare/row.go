package main

import "fmt"

// The visits: each opens its pages at a server that has just begun, measures some rows, and ends the server.
const (
	visitPages   = "pages"   // --pages pages
	visitMany    = "many"    // --many pages
	visitTenth   = "tenth"   // a tenth of --many
	visitStalled = "stalled" // a few pages, of which some stop reading
)

// row is what is measured of each server.
type row struct {
	id     string // on the command line
	unit   string
	base   string   // the peer that ratios are formed with; empty for what is a ratio itself
	visits []string // that it takes
}

// The rows. Ratios of the pipelined row are formed with the floor that coalesces, since that is what can be had there.
var rows = []row{
	{"fanout", "ns", peerFloor, []string{visitPages}},
	{"pipelined", "ns", peerCoalescing, []string{visitPages}},
	{"chosen", "µs", peerFloor, []string{visitPages}},
	{"growth", "×", "", []string{visitMany, visitTenth}},
	{"memory", "B", peerFloor, []string{visitMany}},
	{"connect", "µs", peerFloor, []string{visitPages}},
	{"one", "ms", peerFloor, []string{visitPages}},
	{"stalled", "×", "", []string{visitStalled}},
}

// title says what the figure is.
func (r row) title(s sizes) string {
	switch r.id {
	case "fanout":
		return fmt.Sprintf("fan-out to %s pages, one push after the other: CPU per delivery", thousands(s.pages))
	case "pipelined":
		return fmt.Sprintf("%d pushes to %s pages at a time: CPU per delivery", pipeline, thousands(s.pages))
	case "chosen":
		return fmt.Sprintf("%d of %s pages, chosen by a label: CPU per push, HTTP call included", few, thousands(s.pages))
	case "growth":
		return fmt.Sprintf("the same choice of %d out of %s / out of %s pages", few, thousands(s.many), thousands(s.many/10))
	case "memory":
		return fmt.Sprintf("idle memory per page, 5 labels each, %s pages", thousands(s.many))
	case "connect":
		return "connect, upgrade and 5 labels: CPU per page"
	case "one":
		return fmt.Sprintf("a push to one page among %s, %s a second: p99, call to frame received", thousands(s.pages), thousands(rate))
	default:
		return fmt.Sprintf("p99 of healthy pages while %d others never read / before", fullEffort.stalled)
	}
}

// thousands writes 10,000.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// sizes are the numbers of pages.
type sizes struct{ pages, many int }
