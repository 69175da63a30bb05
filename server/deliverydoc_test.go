package server_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// heldBy is a test that docs/delivery.md names, and where it is.
var heldBy = regexp.MustCompile("\\[`([^`]+)`\\]\\(([^)]+)\\)")

// TestDeliveryDocument: every promise of docs/delivery.md names tests, and they exist. Those of an engine's suite are functions
// of enginetest, and those of the page script have a text for a name.
func TestDeliveryDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(text), "\n## ")
	promises := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| **") {
			continue
		}
		promises++
		tests := heldBy.FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("held by no test: %s", line)
		}
		checkHeld(t, tests)
	}
	if promises < 12 {
		t.Errorf("found only %d promises: this test does not read the document any more", promises)
	}
}

// checkHeld checks that tests which a document names exist.
func checkHeld(t *testing.T, tests [][]string) {
	t.Helper()
	for _, test := range tests {
		source, err := os.ReadFile(filepath.Join("../docs", test[2]))
		declared := "func " + test[1] + "("
		switch filepath.Ext(test[2]) {
		case ".ts":
			declared = `test("` + test[1] + `"`
		case ".js", ".mjs":
			declared = `it("` + test[1] + `"`
		}
		if err != nil || !strings.Contains(string(source), declared) {
			t.Errorf("%s: no test %q (%v)", test[2], test[1], err)
		}
	}
}

// TestClusterDocument: every row of what happens when something fails (docs/cluster.md) names tests, and they exist, as do those that the
// rest of the document names.
func TestClusterDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, heading := range []string{"\n## What happens when\n", "\n## On Redis\n", "\n## What happens when, on Redis\n"} {
		_, section, _ := strings.Cut(string(text), heading)
		section, _, _ = strings.Cut(section, "\n## ")
		isTest := false // the table at hand says what shows each row
		for line := range strings.Lines(section) {
			switch {
			case strings.HasPrefix(line, "|-"):
				continue
			case !strings.HasPrefix(line, "| "):
				isTest = false
				continue
			case strings.HasSuffix(line, "| shown by |\n"):
				isTest = true
				continue
			case !isTest:
				continue
			}
			rows++
			if !heldBy.MatchString(line) || strings.Contains(line, "no test yet") {
				t.Errorf("shown by nothing: %s", line)
			}
		}
	}
	checkHeld(t, heldBy.FindAllStringSubmatch(string(text), -1))
	if rows < 35 {
		t.Errorf("found only %d rows: this test does not read the document any more", rows)
	}
}

// TestPusherDocument: every feature of docs/pusher.md names tests, and they exist.
func TestPusherDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/pusher.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Features, and what shows each\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| feature") {
			continue
		}
		rows++
		tests := heldBy.FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("held by no test: %s", line)
		}
		checkHeld(t, tests)
	}
	if rows < 20 {
		t.Errorf("found only %d features: this test does not read the document any more", rows)
	}
}
