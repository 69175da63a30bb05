package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Summary is how many findings there are of each status.
type Summary struct {
	OK       int `json:"ok"`
	Warnings int `json:"warnings"`
	Failures int `json:"failures"`
	Skipped  int `json:"skipped"`
}

// Summarize counts findings.
func Summarize(findings []Finding) (s Summary) {
	for _, f := range findings {
		switch f.Status {
		case OK:
			s.OK++
		case Warning:
			s.Warnings++
		case Failure:
			s.Failures++
		case Skipped:
			s.Skipped++
		}
	}
	return s
}

// WriteText writes findings for people: a line for each, and one for what to do.
func WriteText(w io.Writer, findings []Finding) error {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Check))
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%-8s %-*s %s\n", f.Status, width, f.Check, printable(f.Found))
		if f.Do != "" {
			fmt.Fprintf(&b, "%*s do: %s\n", 8+1+width, "", f.Do)
		}
	}
	s := Summarize(findings)
	fmt.Fprintf(&b, "%d ok, %d warnings, %d failures, %d skipped\n", s.OK, s.Warnings, s.Failures, s.Skipped)
	_, err := io.WriteString(w, b.String())
	return err
}

// printable is a text without what moves a terminal's cursor: servers that were asked may have written it.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, text)
}

// WriteJSON writes findings for programs: {"findings": […], "summary": {…}}.
func WriteJSON(w io.Writer, findings []Finding) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Findings []Finding `json:"findings"`
		Summary  Summary   `json:"summary"`
	}{findings, Summarize(findings)})
}
