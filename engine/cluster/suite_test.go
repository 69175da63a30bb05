package cluster

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/engine/enginetest"
	"scenecast/engine/tail"
	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestSuite runs what every engine must pass on a single node.
func TestSuite(t *testing.T) {
	logs := uint64(0)
	newEngine := func(_ *testing.T, o enginetest.Options) scenecast.Engine {
		logs++
		return New(newFakeLog(logs, faults{}).backend(), Options{
			ID:     scenecast.NewNodeID(),
			Logger: slog.New(slog.DiscardHandler),
			Tail:   tail.Options{MaxBytes: o.MaxBytes, MaxCount: o.MaxCount, MaxAge: o.MaxAge},
			Keys:   tail.KeyOptions{Window: o.IdempotencyWindow},
		})
	}
	enginetest.Run(t, newEngine)
	enginetest.RunTimes(t, newEngine)
}

// TestClusterSuite runs what every engine of several nodes must pass, over a log whose nodes hear of records at different times.
func TestClusterSuite(t *testing.T) {
	enginetest.RunCluster(t, func(_ *testing.T, n int, forgetAfter time.Duration) (c enginetest.Cluster) {
		log := newFakeLog(1, faults{delay: 2 * time.Millisecond})
		backends, engines := make([]*fakeBackend, n), make([]*Engine, n)
		make := func(i int) scenecast.Engine {
			backends[i] = log.backend()
			engines[i] = New(backends[i], Options{
				ID: scenecast.NewNodeID(), ForgetAfter: forgetAfter, BeatEvery: 200 * time.Millisecond, Now: enginetest.Clock(i), Logger: slog.New(slog.DiscardHandler),
				AnswerTimeout: 3 * time.Second, UnavailableAfter: 10 * time.Second, // a machine that is busy is not a node that hangs
			})
			return engines[i]
		}
		for i := range n {
			c.Engines = append(c.Engines, make(i))
		}
		c.Kill = func(i int) {
			backends[i].set(func() { backends[i].cut = true })
			_ = engines[i].Close()
		}
		c.Restart = make
		c.Network = func(i int) enginetest.Network { return fakeNetwork{backends[i]} }
		c.Delay = func(i int) func() {
			backends[i].set(func() { backends[i].behind = true })
			return func() { backends[i].set(func() { backends[i].behind = false }) }
		}
		return c
	})
}

// TestRestartsOfOneNode: a node that comes back again and again, each time as another one, is known as one.
func TestRestartsOfOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{})
		defer c.close()
		for range 30 {
			if err := c.engines[len(c.engines)-1].Close(); err != nil {
				t.Error(err)
			}
			c.engines = c.engines[:len(c.engines)-1]
			c.add()
			p, err := c.engines[0].Submit(pushOf("x"))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Wait(t.Context()); err != nil || got.Tally.Nodes != 3 || got.Known != 3 {
				t.Fatalf("%+v, %v", got, err)
			}
		}
	})
}

// fakeNetwork is a node's way to the log and to the others.
type fakeNetwork struct{ b *fakeBackend }

// Cut implements enginetest.Network.
func (n fakeNetwork) Cut(cut bool) { n.b.set(func() { n.b.cut = cut }) }

// Stall implements enginetest.Network.
func (n fakeNetwork) Stall(stalled bool) { n.b.set(func() { n.b.stalled = stalled }) }

// Delay implements enginetest.Network.
func (n fakeNetwork) Delay(d time.Duration) { n.b.set(func() { n.b.delay = d }) }
