package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
	"scenecast/registry"
)

// TestMasterIsReplaced: a replica is promoted, by real Sentinels, when the master is killed, and again when one hangs that goes on later.
// The hash is each time what is connected by then: also of what changed while there was no master.
func TestMasterIsReplaced(t *testing.T) {
	w := redistest.StartWatched(t, 1)
	var sentinels []string
	for _, s := range w.Sentinels {
		sentinels = append(sentinels, s.Addr)
	}
	watched := func(o *registry.Options) {
		o.Connect = func() (rueidis.Client, error) {
			return redisclient.New(redisclient.Options{URL: "redis://" + strings.Join(sentinels, ","), SentinelMaster: w.Name, Timeout: 300 * time.Millisecond})
		}
	}
	a, b := start(t, "", 1, watched), start(t, "", 2, watched)
	change := func() {
		for i := range 20 {
			m := a.join(page("home"))
			switch b.join(page("home")); i % 3 {
			case 0:
				a.leave(m)
			case 1:
				a.relabel(m, page("list"))
			}
		}
	}
	// promoted waits until the Sentinels name another master, and the hash there is right.
	promoted := func(old *redistest.Server) {
		t.Helper()
		eventually(t, "another master", func() bool { return w.Master() != old })
		settles(t, w.Master().Client(), a, b)
	}
	change()
	first := w.Master()
	settles(t, first.Client(), a, b)

	first.Kill()
	change()
	promoted(first)
	change()
	first.Restart()
	w.AwaitReplicas()
	settles(t, w.Master().Client(), a, b)

	second := w.Master()
	second.Stop()
	change()
	eventually(t, "another master", func() bool { return w.Master() != second })
	second.Continue()
	change()
	promoted(second)
	w.AwaitReplicas() // the old one has become a replica
	change()
	settles(t, w.Master().Client(), a, b)
	a.stop(t)
	b.stop(t)
	settles(t, w.Master().Client())
}
