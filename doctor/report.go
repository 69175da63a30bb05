package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"scenecast/language"
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

// In is the status in words, in a language.
func (s Status) In(tag language.Tag) string {
	switch s {
	case OK:
		return language.Textf("ok").In(tag)
	case Warning:
		return language.Textf("warning").In(tag)
	case Failure:
		return language.Textf("failure").In(tag)
	default:
		return language.Textf("skipped").In(tag)
	}
}

// WriteText writes findings for people, in a language: a line for each, and one for what to do.
func WriteText(w io.Writer, findings []Finding, tag language.Tag) error {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Check))
	}
	var b strings.Builder
	for _, f := range findings {
		status := f.Status.In(tag)
		fmt.Fprintf(&b, "%s%*s %-*s %s\n", status, 8-language.Width(status), "", width, f.Check, printable(f.Found.In(tag)))
		if !f.Do.IsZero() {
			fmt.Fprintf(&b, "%*s %s\n", 8+1+width, "", language.Textf("do: %s", f.Do).In(tag))
		}
	}
	s := Summarize(findings)
	fmt.Fprintln(&b, language.Textf("%d ok, %d warnings, %d failures, %d skipped", s.OK, s.Warnings, s.Failures, s.Skipped).In(tag))
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

// WriteJSON writes findings for programs, in English: {"findings": […], "summary": {…}}.
func WriteJSON(w io.Writer, findings []Finding) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Findings []Finding `json:"findings"`
		Summary  Summary   `json:"summary"`
	}{findings, Summarize(findings)})
}
