package redis_test

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/audience"
	"scenecast/engine/cluster"
	"scenecast/engine/enginetest"
	"scenecast/engine/redis"
	"scenecast/engine/tail"
	"scenecast/leaktest"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func logger() *slog.Logger {
	if os.Getenv("REDIS_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// client is how a Redis is reached.
func client(t *testing.T, o redisclient.Options) rueidis.ClientOption {
	t.Helper()
	c, err := redisclient.Option(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSuite runs what every engine must pass on one server, on which each engine has a log of its own.
func TestSuite(t *testing.T) {
	s, logs := redistest.Start(t), 0
	enginetest.Run(t, func(t *testing.T, o enginetest.Options) scenecast.Engine {
		logs++
		b := redis.New(redis.Options{Client: client(t, redisclient.Options{URL: "redis://" + s.Addr}), Tag: fmt.Sprint("log", logs), Logger: logger()})
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
	mu   sync.Mutex
	got  []*scenecast.Push
	gaps []scenecast.GapNotice
}

func (s *sink) Deliver(p *scenecast.Push, report func(scenecast.Tally, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p)
	go report(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, true)
}

func (s *sink) pushes() []*scenecast.Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *sink) ids() (ids []string) {
	for _, p := range s.pushes() {
		ids = append(ids, p.ID)
	}
	return ids
}

func (s *sink) Answer(_ scenecast.Query, report func(scenecast.Reply)) {
	report(scenecast.Reply{Tally: scenecast.Tally{Nodes: 1}})
}

func (s *sink) Skip(n scenecast.GapNotice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gaps = append(s.gaps, n)
}

func (s *sink) Received([]byte) {}

func push(id string) scenecast.Push {
	return scenecast.Push{ID: id, App: "app", To: audience.Everybody(), Message: scenecast.Message{Data: []byte(`{"a":1}`)}}
}
