package hub

import (
	"sync"
	"sync/atomic"

	"scenecast"
)

// outdated is how pages end that Options.Admits does not admit any more.
var outdated = scenecast.EndingBy(scenecast.CauseCredentialRemoved, "the token is not known any more")

// CloseOutdated closes the pages that Options.Admits does not admit any more, and returns how many when it is through. Those that join
// meanwhile are asked about when they join, so that none is left.
func (h *Hub) CloseOutdated() int {
	var closed atomic.Int64
	var shards sync.WaitGroup
	for _, s := range h.shards {
		shards.Add(1)
		walk := outdatedWalk{shard: s, admitted: make(map[admittance]bool), closed: &closed, done: shards.Done}
		if !s.loop.PostBackground(walk.step) {
			shards.Done() // the loop has stopped: it has no connections
		}
	}
	shards.Wait()
	return int(closed.Load())
}

// outdatedWalk goes through the members of one shard, in slices.
type outdatedWalk struct {
	shard    *Shard
	next     uint32 // slot index
	admitted map[admittance]bool
	closed   *atomic.Int64
	done     func()
}

// admittance is what is asked about once for all members that have it in common.
type admittance struct {
	app        *appIndex
	credential scenecast.Credential
}

// How many members a slice looks at, and how many it closes.
const (
	sliceOfWalk    = 512
	sliceOfClosing = sliceOfDisconnect
)

// step does a slice. It reports whether there is more to do.
func (w *outdatedWalk) step() (more bool) {
	s, closings := w.shard, 0
	for end := w.next + sliceOfWalk; w.next < end && closings < sliceOfClosing; w.next++ {
		m := s.members.at(w.next)
		if m == nil {
			w.done()
			return false
		}
		if m.class == 0 || m.is(leaving) || w.admits(m) {
			continue
		}
		s.close(s.slot(w.next), outdated)
		w.closed.Add(1)
		closings++
	}
	return true
}

func (w *outdatedWalk) admits(m *member) bool {
	of := admittance{w.shard.app(m), w.shard.trusts.of(m.trust).credential}
	admitted, asked := w.admitted[of]
	if !asked {
		admitted = w.shard.hub.admits == nil || w.shard.hub.admits(of.app.app, of.credential)
		w.admitted[of] = admitted
	}
	return admitted
}
