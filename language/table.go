package language

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Width is how many columns of a terminal a text takes: Chinese characters and the punctuation that goes with them take two (UAX #11).
func Width(text string) int {
	width := utf8.RuneCountInString(text)
	for _, r := range text {
		if isWide(r) {
			width++
		}
	}
	return width
}

func isWide(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r <= 0x303e || r >= 0xff01 && r <= 0xff60
}

// Words are several words, separated by "|" in English and in the catalogue, in a language: the heads of a table.
func Words(id string, tag Tag) []string { return strings.Split(translate(tag, id), "|") }

// Table is a text in columns for a terminal, two apart. The zero value is empty, and aligns its cells at the left. It may not be used
// concurrently.
type Table struct {
	Right bool // cells are aligned at the right
	rows  [][]string
}

// Row adds a row. One may have fewer cells than others.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

// Write writes the rows, each on a line.
func (t *Table) Write(to io.Writer) error {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(cell))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-Width(cell))
			switch {
			case t.Right:
				b.WriteString("  " + space + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + space + "  ")
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(to, b.String())
	return err
}
