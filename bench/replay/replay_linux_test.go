package main

import (
	"bytes"
	"os"
	"regexp"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	beCrowd()
	os.Exit(m.Run())
}

// TestReplay measures a little, of the real program.
func TestReplay(t *testing.T) {
	var out bytes.Buffer
	s := setup{pages: 10, returning: 10, missed: 300, size: 128, rate: 100, within: 200 * time.Millisecond, rounds: 2}
	if err := run(t.Context(), s, "", &out); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`\nmedians: \d+, \d+ and \d+ µs; `).MatchString(out.String()) {
		t.Errorf("printed %s", &out)
	}
}
