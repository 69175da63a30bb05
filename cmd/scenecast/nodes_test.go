package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestPushNotesNodes: an answer that is not that of all nodes is printed as it is, and said to be so.
func TestPushNotesNodes(t *testing.T) {
	var known atomic.Int32
	known.Store(3)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"matched":1,"nodes":2,"nodes_known":%d}`, known.Load())
	}))
	defer s.Close()
	for _, note := range []string{"2 of 3 nodes have answered", ""} {
		out, errs, code := run(t, "", []string{"SCENECAST_URL=" + s.URL}, "push", "--api-key", "k", "--to", "*", "1")
		if code != 0 || !strings.HasPrefix(out, `{"matched":1,"nodes":2`) || !strings.Contains(errs, note) || note == "" && errs != "" {
			t.Errorf("exit %d, %s%s; want a note %q", code, out, errs, note)
		}
		known.Store(2)
	}
}
