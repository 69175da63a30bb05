package memory_test

import (
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/enginetest"
	"scenecast/engine/memory"
	"scenecast/presence/presencetest"
)

// TestPresenceModel: one node, of which nothing is left when it dies.
func TestPresenceModel(t *testing.T) {
	presencetest.Run(t, func(t *testing.T, _ int, _ time.Duration) enginetest.Cluster {
		e := memory.New(memory.Options{})
		return enginetest.Cluster{
			Engines: []scenecast.Engine{e},
			ID:      func(int) scenecast.NodeID { return 1 },
			Kill: func(int) {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			},
			Restart: func(int) scenecast.Engine {
				e = memory.New(memory.Options{})
				return e
			},
		}
	}, 1)
}
