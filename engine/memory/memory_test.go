package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"scenecast"
	"scenecast/engine/enginetest"
	"scenecast/engine/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
