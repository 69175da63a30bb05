package client_test

import (
	"errors"
	"testing"

	"scenecast"
	"scenecast/client"
)

// TestDrain: a node is emptied and taken back by a program, and its page comes back by itself.
func TestDrain(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url)
	b.Key = operatorKey
	p := run(t, client.PageOptions{URL: url})
	expectTold[client.Welcome](p)
	if d, err := b.Draining(t.Context()); err != nil || d.State != "serving" || d.Connections != 1 || !d.Since.IsZero() {
		t.Errorf("before: %+v, %v", d, err)
	}
	d, err := b.Drain(t.Context(), client.DrainRequest{Delay: "0s", Within: "1s"})
	if err != nil || d.Before != 1 || d.Until.Sub(d.From).String() != "1s" {
		t.Errorf("begun: %+v, %v", d, err)
	}
	var told *client.Error
	if err := expectTold[error](p); !errors.As(err, &told) || told.Code != scenecast.CloseShuttingDown {
		t.Errorf("the page was told %v", err)
	}
	if d, err := b.Undrain(t.Context()); err != nil || d.State != "serving" {
		t.Errorf("taken back: %+v, %v", d, err)
	}
	p.welcomed()
}
