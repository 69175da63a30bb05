package scenecast_test

import (
	"testing"

	"scenecast"
)

// TestWithDone: frames that differ in who wants to know of them share what is expensive to make.
func TestWithDone(t *testing.T) {
	encoded := 0
	encode := func(frame []byte) []byte {
		encoded++
		return append([]byte("deflated "), frame...)
	}
	var told []bool
	f := &scenecast.Frame{Data: []byte("frame"), Coalesce: "key"}
	g := f.WithDone(func(_ uint32, written bool) { told = append(told, written) })
	for _, frame := range []*scenecast.Frame{g, f, g.WithDone(nil)} {
		if got := string(frame.Variant(encode)); got != "deflated frame" || string(frame.Data) != "frame" || frame.Coalesce != "key" {
			t.Errorf("a frame %q with the variant %q and the key %q", frame.Data, got, frame.Coalesce)
		}
	}
	if encoded != 1 {
		t.Errorf("encoded %d times, want once", encoded)
	}
	if g.Done(0, true); f.Done != nil || len(told) != 1 {
		t.Errorf("told %v; the frame itself tells: %v", told, f.Done != nil)
	}
}
