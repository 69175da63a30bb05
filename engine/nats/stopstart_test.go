package nats_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"scenecast/engine/nats"
	"scenecast/freeport"
)

// TestStopWhileEmbeddedStarts: when a start has been given up nothing starts any more that writes in the directory, which is then free for another
// process.
func TestStopWhileEmbeddedStarts(t *testing.T) {
	addrs := freeport.Addrs(t, 3)
	for i := range 20 {
		dir := filepath.Join(t.TempDir(), "node")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i)*time.Millisecond/2) // somewhere on its way; it comes to no end without the others
		e := newEngine(t, nats.Options{Embedded: nats.Embedded{Dir: dir, Node: "n0", Listen: addrs[0], Peers: addrs[1:], Secret: "between-the-nodes"}})
		err := e.Start(ctx, nil)
		cancel()
		if err == nil {
			t.Fatal("a node has started without the others")
		}
		_ = e.Close()
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if strings.Contains(string(stacks), "server.(*Server).Start(") {
			t.Errorf("given up after %d ms, the server starts still", i*i/2)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("given up after %d ms: %v", i*i/2, err)
		}
	}
}
