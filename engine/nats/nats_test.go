package nats_test

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/engine/cluster"
	"scenecast/engine/enginetest"
	"scenecast/engine/nats"
	"scenecast/engine/tail"
	"scenecast/freeport"
)

func logger() *slog.Logger {
	if os.Getenv("NATS_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// TestSuite runs what every engine must pass on a single embedded node.
func TestSuite(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, o enginetest.Options) scenecast.Engine {
		b, err := nats.New(nats.Options{Embedded: nats.Embedded{Dir: t.TempDir()}, Logger: logger()})
		if err != nil {
			t.Fatal(err)
		}
		return cluster.New(b, cluster.Options{
			ID:     scenecast.NewNodeID(),
			Logger: logger(),
			Tail:   tail.Options{MaxBytes: o.MaxBytes, MaxCount: o.MaxCount, MaxAge: o.MaxAge},
			Keys:   tail.KeyOptions{Window: o.IdempotencyWindow},
		})
	})
}

// sink is a node without connections.
type sink struct {
	mu  sync.Mutex
	got []string
}

func (s *sink) Deliver(p *scenecast.Push, report func(scenecast.Tally, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p.ID)
	go report(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, true)
}

func (s *sink) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *sink) Answer(_ scenecast.Query, report func(scenecast.Reply)) {
	s.mu.Lock()
	n := len(s.got)
	s.mu.Unlock()
	report(scenecast.Reply{Tally: scenecast.Tally{Matched: n, Nodes: 1}})
}

func (s *sink) Skip(scenecast.GapNotice) {}
func (s *sink) Received([]byte)          {}

func push(id string) scenecast.Push {
	return scenecast.Push{ID: id, App: "app", To: audience.Everybody(), Message: scenecast.Message{Data: []byte(`{"a":1}`)}}
}

// TestThreeNodes: three processes' engines, embedded, find each other and carry each other's pushes.
func TestThreeNodes(t *testing.T) {
	addrs := freeport.Addrs(t, 3)
	begun := time.Now()
	engines := make([]*cluster.Engine, 3)
	sinks := make([]*sink, 3)
	var starting sync.WaitGroup
	for i := range engines {
		var peers []string
		for j, a := range addrs {
			if j != i {
				peers = append(peers, a)
			}
		}
		b, err := nats.New(nats.Options{
			Embedded: nats.Embedded{Dir: t.TempDir(), Node: fmt.Sprint("n", i), Listen: addrs[i], Peers: peers, Secret: "between nodes"},
			Logger:   logger(),
		})
		if err != nil {
			t.Fatal(err)
		}
		engines[i] = cluster.New(b, cluster.Options{
			ID: scenecast.NewNodeID(), Name: fmt.Sprint("n", i), Logger: logger(),
			AnswerTimeout: 10 * time.Second, UnavailableAfter: 20 * time.Second, ForgetAfter: time.Minute, // a machine that is busy is not a node that hangs
		})
		sinks[i] = new(sink)
		starting.Go(func() {
			if err := engines[i].Start(t.Context(), sinks[i]); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	t.Logf("started in %v", time.Since(begun))
	if t.Failed() {
		return
	}
	var publishing sync.WaitGroup
	for i := range 300 {
		publishing.Go(func() {
			got, err := enginetest.PublishAgain(t.Context(), engines[i%3], push(fmt.Sprint(i)))
			if err != nil || got.Tally.Nodes != 3 || got.Known != 3 {
				t.Errorf("push %d: %+v, %v", i, got, err)
			}
		})
	}
	publishing.Wait()
	first := sinks[0].ids()
	for i, s := range sinks {
		if got := s.ids(); len(got) != 300 || !slices.Equal(got, first) {
			t.Errorf("node %d got %d pushes, in another order than node 0", i, len(got))
		}
	}
	for _, e := range engines {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
