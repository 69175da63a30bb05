package tail

import (
	"context"
	"errors"
	"sync"
	"testing"

	"scenecast"
	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestProgress: tallies add up, everybody who waits is let go once, and the answer stays what it was when it was done.
func TestProgress(t *testing.T) {
	p := new(Progress)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.WaitQueued(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("before any report: %v", err)
	}
	var waiting sync.WaitGroup
	for range 5 {
		waiting.Go(func() {
			if err := p.WaitQueued(t.Context()); err != nil {
				t.Error(err)
			}
		})
		waiting.Go(func() {
			if got, err := p.Wait(t.Context()); err != nil || got != (scenecast.Tally{Matched: 3, Acked: 1, Nodes: 2}) {
				t.Errorf("waited: %+v, %v", got, err)
			}
		})
	}
	if !p.Add(scenecast.Tally{Matched: 2, Nodes: 1}, false) || p.Add(scenecast.Tally{Matched: 1, Nodes: 1}, false) {
		t.Error("the first report is not told as such")
	}
	if got, err := p.Wait(ended); !errors.Is(err, context.Canceled) || got != (scenecast.Tally{Matched: 3, Nodes: 2}) {
		t.Errorf("whoever gives up: %+v, %v", got, err)
	}
	p.Add(scenecast.Tally{Acked: 1}, true)
	waiting.Wait()
	p.Add(scenecast.Tally{Acked: 1}, true)
	if got, _ := p.Wait(t.Context()); got.Acked != 1 {
		t.Errorf("the answer has become %+v", got)
	}
	if got, done := p.SoFar(); got.Acked != 2 || !done {
		t.Errorf("so far: %+v, %v", got, done)
	}
}

// TestProgressConcurrently: nothing that is reported is lost, whoever waits meanwhile.
func TestProgressConcurrently(t *testing.T) {
	p := new(Progress)
	var firsts, all sync.WaitGroup
	count := make(chan bool, 64)
	for range 64 {
		firsts.Go(func() { count <- p.Add(scenecast.Tally{Queued: 1}, false) })
		all.Go(func() { _, _ = p.Wait(t.Context()) })
	}
	firsts.Wait()
	close(count)
	first := 0
	for was := range count {
		if was {
			first++
		}
	}
	p.Add(scenecast.Tally{}, true)
	all.Wait()
	if got, _ := p.SoFar(); first != 1 || got.Queued != 64 {
		t.Errorf("%d were the first, and %d are counted", first, got.Queued)
	}
}
