package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadme: the arguments that the README gives are read, and its names of servers and rows are known.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^(?:make compare ARGS='(.*?)'|go run \./bench/compare (.*?))(?: +#.*)?$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) != 3 {
		t.Fatalf("the README has the commands %q", lines)
	}
	for _, line := range lines {
		args := strings.Fields(line[1] + line[2])
		if err := run(t.Context(), append(args, "--help"), io.Discard); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: %v", line[0], err)
		}
		known := peers()
		for i := range len(args) - 1 {
			switch args[i] {
			case "--binary":
				name, _, _ := strings.Cut(args[i+1], "=")
				known = append(known, &peer{name: name})
			case "--rows":
				if _, err := choose("rows", args[i+1], rows, func(r row) string { return r.id }); err != nil {
					t.Errorf("%s: %v", line[0], err)
				}
			}
		}
		if i := slices.Index(args, "--servers"); i >= 0 {
			if _, err := choose("servers", args[i+1], known, func(p *peer) string { return p.name }); err != nil {
				t.Errorf("%s: %v", line[0], err)
			}
		}
	}
}
