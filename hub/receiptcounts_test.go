package hub_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// account is what a publisher is told.
type account struct {
	t     *testing.T
	mu    sync.Mutex
	tally scenecast.Tally
	done  bool
}

func (a *account) report(t scenecast.Tally, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally.Add(t)
	if done && a.done {
		a.t.Error("done twice")
	}
	a.done = a.done || done
}

// known is what the publisher knows, and whether it has been answered.
func (a *account) known() (scenecast.Tally, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tally, a.done
}

// want compares what the publisher has been answered, and knows since.
func (a *account) want(queued, written, acked, timedOut int) {
	a.t.Helper()
	a.compare(true, scenecast.Tally{Queued: queued, Written: written, Acked: acked, TimedOut: timedOut})
}

// waits wants the publisher to know no more than what is queued.
func (a *account) waits(queued int) {
	a.t.Helper()
	a.compare(false, scenecast.Tally{Queued: queued})
}

// compare wants whoever matched to be queued or dropped.
func (a *account) compare(done bool, want scenecast.Tally) {
	a.t.Helper()
	tally, answered := a.known()
	want.Matched, want.Nodes = want.Queued+want.Dropped, 1
	if tally != want || answered != done {
		a.t.Errorf("done %v, %+v; want %v, %+v", answered, tally, done, want)
	}
}

// asks publishes to everybody and wants a receipt within ten seconds.
func (s *fixture) asks(t *testing.T, receipt scenecast.Receipt) *account {
	a := &account{t: t}
	s.publish(scenecast.Push{To: to("*"), Receipt: receipt, Timeout: 10 * time.Second}, a.report)
	return a
}

// withFixture runs a test in a bubble, on a hub with two shards.
func withFixture(t *testing.T, name string, test func(t *testing.T, s *fixture, a, b *queue)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(2)
			defer s.end()
			test(t, s, s.queues[0], s.queues[1])
		})
	})
}

// known is a page that can be known again.
func known(p scenecast.Protocol, id string) scenecast.Admission {
	a := admit(p, "home")
	a.PageID = id
	return a
}
