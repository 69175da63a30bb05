package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"scenecast/freeport"
)

// TestTop shows the pages of the debug port, and says what is wrong.
func TestTop(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other/debug/top" {
			http.NotFound(w, r)
			return
		}
		if r.URL.Path != "/debug/top" || r.URL.Query().Get("every") != "2s" {
			http.Error(w, "every: it is no time", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "first\n\fsecond\n\f")
	}))
	defer s.Close()
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		cmd := newTop()
		cmd.SetArgs(args)
		cmd.SetOut(&out)
		cmd.SetErr(io.Discard)
		cmd.SilenceUsage = true // as its root has it
		err := cmd.ExecuteContext(context.Background())
		return out.String(), err
	}
	if out, err := run("--url", s.URL, "--once"); out != "first\n" || err != nil {
		t.Errorf("once: %q %v", out, err)
	}
	if out, err := run("--url", s.URL); out != clearScreen+"first\n"+clearScreen+"second\n" || !errors.Is(err, io.EOF) {
		t.Errorf("until the server ends: %q %v", out, err)
	}
	free := "http://" + freeport.Addrs(t, 1)[0]
	for _, c := range []struct{ args, want string }{
		{"--url " + s.URL + " --every 3s", "400 Bad Request: every: it is no time"},
		{"--url " + s.URL + "/other", "is no debug port, which debug.listen opens: it answers 404"},
		{"--url " + free, "nothing listens at " + free + "; the address is from --url"},
		{"--url 127.0.0.1:6060", "no address such as http://127.0.0.1:6060"},
		{"--config testdata/none.yaml", "none.yaml"},
	} {
		if out, err := run(strings.Fields(c.args)...); err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%s: %q %v, want %s", c.args, out, err, c.want)
		}
	}
}
