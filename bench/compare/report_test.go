package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fixed is a report with everything in it: a peer that wins a row, one that is missing, one with a fault.
func fixed() *Report {
	row := func(id, base string, rounds map[string][]float64) Row {
		for _, r := range rows {
			if r.id == id {
				return Row{ID: id, Title: r.title(sizes{10_000, 19_000}), Unit: r.unit, Base: base, Cells: cells(base, rounds)}
			}
		}
		panic(id)
	}
	return &Report{
		Date: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), Machine: "a <machine>", Cores: "server on core 0, client on core 1",
		Rounds: 3, Pages: 10_000, Many: 19_000,
		Servers: []Server{
			{Name: "scenecast", Title: "Scenecast", Version: "v1", Note: "its memory holds garbage"}, {Name: "floor", Title: "C floor"},
			{Name: "ws", Title: "ws (Node)", Version: "8"}, {Name: "nchan", Title: "Nchan", Missing: "nginx is not installed"},
			{Name: "gorilla", Title: "gorilla", Fault: "many: 3 deliveries missing"},
		},
		Rows: []Row{
			row("fanout", "floor", map[string][]float64{"floor": {8000, 10_000, 9000}, "scenecast": {8400, 11_000, 9000}, "ws": {16_000, 12_000, 18_000}}),
			row("memory", "floor", map[string][]float64{"floor": {200, 200, 200}, "scenecast": {7000, 7000, 7000}, "ws": {6000, 6100, 5900}}),
			row("stalled", "", map[string][]float64{"ws": {1.25, 1.5, 1.125}}),
		},
	}
}

func TestMarkdown(t *testing.T) {
	const want = `Measured on 2026-11-24: a <machine>; server on core 0, client on core 1; 10,000 pages, for "idle" and "100 of many" 19,000; medians of 3 rounds, in which all
servers took turns.
In parentheses: how many times the C floor's figure of the same round, and of the coalescing floor's where pushes come at a time.

| | fan-out: CPU ns per delivery | idle B per page | p99 beside 100 that never read |
|---|---|---|---|
| Scenecast, v1 | **9,000** (1.05) | 7,000 (35.0) | – |
| C floor | 9,000 (1.00) | 200 (1.00) | – |
| ws (Node), 8 | 16,000 (2.00) | **6,000** (30.0) | **1.25** |
| Nchan | – | – | – |
| gorilla | – | – | – |

Spread of the rounds around the median, half of the servers below it: fanout ±14 %, memory ±0 %, stalled ±15 %.
Scenecast is to be read with care: its memory holds garbage.
Nchan is missing: nginx is not installed.
gorilla made mistakes: many: 3 deliveries missing.
`
	var got bytes.Buffer
	fixed().Markdown(&got)
	if got.String() != want+cited+"\n" {
		t.Errorf("got\n%s", &got)
	}
}

func TestPrint(t *testing.T) {
	var got bytes.Buffer
	fixed().Print(&got)
	for _, want := range []string{"scenecast            9,000 ns              1.05 ×               ±14 %", "ws              1.25 ×                                   ±15 %", "nchan                   –", "Nchan is missing: nginx is not installed"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %q in\n%s", want, &got)
		}
	}
}

// TestChart: the image is well-formed, and has the figures in it.
func TestChart(t *testing.T) {
	var got bytes.Buffer
	if err := fixed().Chart(&got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		">9,000 ns (1.05 ×)</text>", ">1.25 ×</text>", "a &lt;machine&gt;", ">missing</text>", ">made mistakes</text>", ">–</text>",
		`width="250" height="14" rx="2" fill="#0b6bcb"`, // 9,000 of 18,000, the highest round
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %s in\n%s", want, &got)
		}
	}
	for d := xml.NewDecoder(&got); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	o := outputs{json: filepath.Join(dir, "a"), svg: filepath.Join(dir, "b"), markdown: filepath.Join(dir, "c")}
	if err := o.write(fixed()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": `"base": "floor"`, "b": "<svg ", "c": "| Scenecast, v1 |"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: got %v, %s", name, err, text)
		}
	}
	o = outputs{json: filepath.Join(dir, "none", "a")}
	if err := o.write(fixed()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--servers scenecast,ape", "--servers ape: there are scenecast, floor, floor-coalescing, nchan, ws, socketio, centrifuge, gorilla"},
		{"--rows all", "--rows all: there are fanout, pipelined, chosen, growth, memory, connect, one, stalled"},
		{"--binary /tmp/scenecast", "it looks like before=/tmp/scenecast"},
		{"--rounds 0", "--rounds 0: it takes one at least"},
		{"--pages 50", "--pages 50: it takes 100 at least, which is a group"},
		{"--many 500", "--many 500: it takes 1,000 at least, since a tenth of them is a group"},
		{"ws", `there are no arguments: "ws"`},
	} {
		if err := run(t.Context(), strings.Fields(c.args), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.args, err, c.want)
		}
	}
}

func TestDigits(t *testing.T) {
	for figure, want := range map[float64]string{0.5: "0.50", 9.994: "9.99", 12.34: "12.3", 99.94: "99.9", 620.4: "620", 999.9: "1,000", 12345: "12,345", 1234567: "1,234,567"} {
		if got := digits(figure); got != want {
			t.Errorf("%v: got %s, want %s", figure, got, want)
		}
	}
}
