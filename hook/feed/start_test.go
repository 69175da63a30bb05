package feed_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hook/feed"
)

// TestEngineIsNotAskedBeforeItHasStarted: a server that takes long to start has a feed before it has all that the engine asks it for.
func TestEngineIsNotAskedBeforeItHasStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		f := feed.New(feed.Options{
			Nodes:     func() []scenecast.NodeID { asked++; return nil },
			Broadcast: func([]byte) {},
			Logger:    slog.New(slog.DiscardHandler),
			Keep:      time.Minute, MaxEvents: 1, MaxBytes: 1 << 10,
		})
		defer f.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if asked != 0 {
			t.Errorf("asked %d times before the start", asked)
		}
		f.Start()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if asked == 0 {
			t.Error("not asked after the start")
		}
	})
}
