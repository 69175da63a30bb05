package memory_test

import (
	"testing"

	"scenecast"
	"scenecast/engine/enginetest"
	"scenecast/engine/memory"
	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func newEngine(_ *testing.T, o enginetest.Options) scenecast.Engine {
	return memory.New(memory.Options{
		MaxBytes:          o.MaxBytes,
		MaxCount:          o.MaxCount,
		MaxAge:            o.MaxAge,
		IdempotencyWindow: o.IdempotencyWindow,
	})
}

func TestSuite(t *testing.T) {
	enginetest.Run(t, newEngine)
	enginetest.RunTimes(t, newEngine)
}
