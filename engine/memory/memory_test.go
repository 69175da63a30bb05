package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"scenecast"
	"scenecast/engine/enginetest"
	"scenecast/engine/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	enginetest.Run(t, func(_ *testing.T, sink scenecast.Sink) scenecast.Engine { return memory.New(sink, memory.Options{}) })
}
