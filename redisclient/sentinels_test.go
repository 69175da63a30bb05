package redisclient_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// TestWatchSentinels: of three Sentinels one is named, and hangs when the master is killed. The others, which it has named, are followed.
func TestWatchSentinels(t *testing.T) {
	w := redistest.StartWatched(t, 1)
	o, err := redisclient.Option(redisclient.Options{URL: "redis://" + w.Sentinels[0].Addr, SentinelMaster: w.Name, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	changed := make(chan struct{}, 8)
	s := redisclient.WatchSentinels(o, func() { changed <- struct{}{} })
	defer s.Close()
	if err := s.Await(t.Context()); err != nil || s.Master() != w.Servers[0].Addr {
		t.Fatalf("the master is %s (%v), want %s", s.Master(), err, w.Servers[0].Addr)
	}
	<-changed
	for deadline := time.Now().Add(time.Minute); s.Answering() < len(w.Sentinels); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d Sentinels are found", s.Answering(), len(w.Sentinels))
		}
	}
	w.Sentinels[0].Stop()
	defer w.Sentinels[0].Continue()
	w.Servers[0].Kill()
	select {
	case <-changed:
	case <-time.After(time.Minute):
	}
	if s.Master() != w.Servers[1].Addr {
		t.Errorf("the master is %s, want %s", s.Master(), w.Servers[1].Addr)
	}
}

// TestSentinelsKnowNoMaster: of this name, or do not answer.
func TestSentinelsKnowNoMaster(t *testing.T) {
	w := redistest.StartWatched(t, 0)
	for name, want := range map[string]string{"redis://" + w.Sentinels[0].Addr: "No such master", "redis://127.0.0.1:1": "connection refused"} {
		o, err := redisclient.Option(redisclient.Options{URL: name, SentinelMaster: "other"})
		if err != nil {
			t.Fatal(err)
		}
		s := redisclient.WatchSentinels(o, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := s.Await(ctx); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the master other by the Sentinels at ") {
			t.Errorf("%s: the error is %v, want …%s…", name, err, want)
		}
		cancel()
		s.Close()
	}
}
