package main

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRun: pages join by the clock, each push reaches its group and its receipts are in, and what is asked about is measured.
func TestRun(t *testing.T) {
	in, ask := io.Pipe()
	told, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(t.Context(), options{pages: 200, joins: 50, rate: 20}, "", in, out)
		_ = out.CloseWithError(err)
		ended <- err
	}()
	answers := json.NewDecoder(told)
	var began ready
	if err := answers.Decode(&began); err != nil {
		t.Fatal(err)
	}
	var r report
	for range 2 {
		if _, err := io.WriteString(ask, "1s "+strconv.Itoa(os.Getpid())+"\n"); err != nil {
			t.Fatal(err)
		}
		if err := answers.Decode(&r); err != nil {
			t.Fatal(err)
		}
	}
	if r.Joined == 0 || r.Lost != 0 || r.Pushes == 0 || r.Failed != 0 || r.Deliveries < 50*r.Pushes || r.Deliveries > 110*r.Pushes {
		t.Errorf("a server without faults is measured as %+v", r)
	}
	if r.Page.P99 <= 0 || r.Answer.P99 <= 0 || len(r.Watched) != 1 || began.PID == 0 || !strings.HasPrefix(began.URL, "http://127.0.0.1:") {
		t.Errorf("measured: %+v at %+v", r, began)
	}
	_ = ask.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestMeasureRefuses(t *testing.T) {
	for _, line := range []string{"", "soon", "-1s", "1s me"} {
		if _, err := measure(t.Context(), nil, nil, line); err == nil {
			t.Errorf("%q is measured", line)
		}
	}
}

// TestRunReplay: a comparison runs to its end, and the control has made no calls.
func TestRunReplay(t *testing.T) {
	var out strings.Builder
	o := replayOptions{blocks: 1, phase: 250 * time.Millisecond, screens: "nothing,feed"}
	if err := runReplay(t.Context(), options{pages: 200, joins: 50, rate: 20}, o, "", &out); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(out.String(), "\n")
	if len(rows) != 7 || !strings.HasPrefix(rows[4], "| nothing |") || !strings.Contains(rows[4], "| 0.0, 0.0, 0 |") ||
		!strings.HasPrefix(rows[5], "| feed |") {
		t.Errorf("got\n%s", &out)
	}
	for _, o := range []replayOptions{{blocks: 1, phase: 1, screens: "moon"}, {blocks: 0, phase: 1, screens: "now"}, {blocks: 1, screens: "now"}} {
		if runReplay(t.Context(), options{pages: 200, rate: 1}, o, "", &out) == nil {
			t.Errorf("%+v is run", o)
		}
	}
}
