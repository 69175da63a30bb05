package main

import (
	"strings"
	"testing"
)

func TestParentIn(t *testing.T) {
	for _, c := range []struct {
		stat string
		want int
		err  string
	}{
		{"7 (nginx) S 5 7 7 0", 5, ""},
		{"7 (a) b (c 1) S 5 7 7 0", 5, ""},
		{"7 nginx S 5", 0, "stat names no parent"},
		{"7 (nginx) S", 0, "stat names no parent"},
		{"7 (nginx) S x", 0, "invalid syntax"},
	} {
		got, err := parentIn(c.stat)
		check(t, c.stat, got, c.want, err, c.err)
	}
}

func TestPssIn(t *testing.T) {
	for _, c := range []struct {
		rollup string
		want   int
		err    string
	}{
		{"5646-7ffd ---p 0 [rollup]\nRss:  2212 kB\nPss:   735 kB\nPss_Dirty:  148 kB\n", 735 << 10, ""},
		{"Rss:  2212 kB\n", 0, "smaps_rollup has no Pss"},
		{"Pss:  x kB\n", 0, "smaps_rollup has a strange line"},
		{"Pss:  -1 kB\n", 0, "smaps_rollup has a strange line"},
	} {
		got, err := pssIn(c.rollup)
		check(t, c.rollup, got, c.want, err, c.err)
	}
}

func check[T comparable](t *testing.T, input string, got, want T, err error, wantErr string) {
	t.Helper()
	if got != want || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
		t.Errorf("%q: got %v, %v, want %v, %s", input, got, err, want, wantErr)
	}
}
