package server_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

// TestCheckLoops: a loop that hangs is told of while /healthz is answered, and so is the end of all of them.
func TestCheckLoops(t *testing.T) {
	r := start(t, nil, nil)
	if err := r.CheckLoops(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := r.HoldLoop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.CheckLoops(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a loop that hangs: %v", err)
	}
	release()
	if status, body := r.call(http.MethodGet, "/healthz", "", "", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if err := r.CheckLoops(t.Context()); err != nil {
		t.Errorf("when it gets on: %v", err)
	}
	r.end()
	if err := r.CheckLoops(t.Context()); err == nil || err.Error() != "the server has stopped" {
		t.Errorf("when the server has stopped: %v", err)
	}
}
