package main

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is what a comparison has found.
type Report struct {
	Date    time.Time `json:"date"`
	Machine string    `json:"machine"`
	Cores   string    `json:"cores"` // where server and client ran
	Rounds  int       `json:"rounds"`
	Pages   int       `json:"pages"`
	Many    int       `json:"many_pages"` // of the rows memory and growth
	Servers []Server  `json:"servers"`
	Rows    []Row     `json:"rows"`
}

// Server is a peer, and what became of it.
type Server struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Version string `json:"version,omitempty"`
	Missing string `json:"missing,omitempty"` // why it is not to be had
	Fault   string `json:"fault,omitempty"`   // what it did wrong; then it has no figures for the rows of that visit
	Note    string `json:"note,omitempty"`
}

// Row is one kind of figure.
type Row struct {
	ID    string          `json:"id"`
	Title string          `json:"title"`
	Unit  string          `json:"unit"`
	Base  string          `json:"base"`  // the server that ratios are formed with; may be empty
	Cells map[string]Cell `json:"cells"` // by the server's name
}

// Cell is a server's figure.
type Cell struct {
	Median float64   `json:"median"`
	Ratio  float64   `json:"ratio,omitempty"` // to the base: the median of the rounds' ratios; 0 where there is none
	Spread float64   `json:"spread"`          // between the lowest and the highest round, as a part of the median
	Rounds []float64 `json:"rounds"`
}

// cells forms medians and ratios of the rounds of each server.
func cells(base string, rounds map[string][]float64) map[string]Cell {
	all := make(map[string]Cell)
	for name, figures := range rounds {
		c := Cell{Median: median(figures), Rounds: figures}
		c.Spread = (slices.Max(figures) - slices.Min(figures)) / c.Median
		var ratios []float64
		for i, f := range figures {
			if i < len(rounds[base]) {
				ratios = append(ratios, f/rounds[base][i])
			}
		}
		if len(ratios) > 0 {
			c.Ratio = median(ratios)
		}
		all[name] = c
	}
	return all
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	half := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[half-1] + sorted[half]) / 2
	}
	return sorted[half]
}

// machine describes the machine in a line.
func machine() string {
	parts := []string{field("/proc/cpuinfo", "model name", ":"), field("/etc/os-release", "PRETTY_NAME", "=")}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		parts = append(parts, "Linux "+strings.TrimSpace(string(release)))
	}
	return strings.Join(append(parts, runtime.Version()), ", ")
}

// field is the value of the first line with this key; "?" where there is none.
func field(path, key, separator string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "?"
	}
	for line := range strings.Lines(string(text)) {
		if k, v, found := strings.Cut(line, separator); found && strings.TrimSpace(k) == key {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return "?"
}
