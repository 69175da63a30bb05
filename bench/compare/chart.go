package main

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"text/template"
)

//go:embed chart.svg
var chartSVG string

var chart = template.Must(template.New("chart.svg").Parse(chartSVG))

// The chart's measures, in pixels.
const (
	chartWidth = 900
	chartTop   = 80 // of the first panel
	chartLeft  = 190
	barsWidth  = 500 // of the longest bar
	barHeight  = 20  // with the space below it
	panelSpace = 44  // of the title, and the space above it
)

// panel is a row of the report, drawn.
type panel struct {
	Title string
	Y     int
	Bars  []bar
}

// bar is a server's figure: a line over it reaches from the lowest to the highest round.
type bar struct {
	Name, Value, Color, Why string
	Y, Text, Middle         int
	Width, Low, High, After float64
}

// Chart draws the report as an SVG image.
func (r *Report) Chart(to io.Writer) error {
	y := chartTop
	var panels []panel
	for _, row := range r.Rows {
		y += panelSpace
		p := panel{Title: html.EscapeString(fmt.Sprintf("%s, %s", row.Title, row.Unit)), Y: y - 10}
		longest := 0.0
		for _, c := range row.Cells {
			longest = max(longest, slices.Max(c.Rounds))
		}
		for _, s := range r.Servers {
			p.Bars = append(p.Bars, newBar(&row, &s, longest, y))
			y += barHeight
		}
		panels = append(panels, p)
	}
	rounds := fmt.Sprintf("%s; %s; medians of %d rounds, thin lines from the lowest to the highest", r.Date.Format("2006-01-02"), r.Cores, r.Rounds)
	return chart.Execute(to, map[string]any{
		"Width": chartWidth, "Height": y + 20, "Left": chartLeft, "Machine": html.EscapeString(r.Machine), "Rounds": html.EscapeString(rounds), "Panels": panels,
	})
}

// newBar draws a server's figure at this height; longest is what the longest bar stands for.
func newBar(row *Row, s *Server, longest float64, y int) bar {
	b := bar{Name: html.EscapeString(s.Title), Color: "#9aa7b4", Y: y, Text: y + 12, Middle: y + 7}
	switch {
	case s.Name == peerScenecast:
		b.Color = "#0b6bcb"
	case strings.HasPrefix(s.Name, peerFloor):
		b.Color = "#d5dbe1"
	}
	c, measured := row.Cells[s.Name]
	switch {
	case measured:
		at := func(figure float64) float64 { return chartLeft + barsWidth*figure/longest }
		b.Value = strings.TrimSuffix(fmt.Sprintf("%s %s (%s)", digits(c.Median), row.Unit, ratio(c.Ratio)), " ()")
		b.Low, b.High = at(slices.Min(c.Rounds)), at(slices.Max(c.Rounds))
		b.Width, b.After = at(c.Median)-chartLeft, b.High
	case s.Missing != "":
		b.Why = "missing"
	case s.Fault != "":
		b.Why = "made mistakes"
	default:
		b.Why = "–"
	}
	return b
}
