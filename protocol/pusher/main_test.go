package pusher

import (
	"testing"

	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
