package main

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
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
