package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/hub"
	"scenecast/revocation"
	"scenecast/socket"
)

// takeToken says that everything is here, and takes the pages when the other process gives them. Who reads the byte of the pipe has them, and
// both see who that is: so however either hangs or dies, one process has all of them. Where the other one has died, nobody but this one has them.
func (t *takeover) takeToken() error {
	t.conn.SetDeadline(time.Now().Add(takeWithin))
	if err := t.conn.Send(handover.KindReady, nil); err != nil {
		return t.ended(err)
	}
	faultPoint("new.ready")
	if _, err := t.expect(handover.KindTake); err != nil {
		if errors.Is(err, errRefused) || !t.conn.HasDied(deathWithin) {
			return fmt.Errorf("handover: %w", err)
		}
		t.server.log.Warn("handover: the other process has died, and this one has everything of it but its calls")
	} else {
		faultPoint("new.take")
		var b [1]byte
		if n, err := unix.Read(t.token, b[:]); n != 1 {
			return fmt.Errorf("handover: the other process has taken its offer back: %w", errors.Join(err, errors.New("no token")))
		}
	}
	t.taken = true
	_ = t.conn.Send(handover.KindTaken, nil) // it may be dead: the pages are here
	_ = unix.Close(t.token)
	t.token = -1
	faultPoint("new.taken")
	return nil
}

// adopt makes everything of the other process this one's. The engine has started, and nothing is served yet.
func (t *takeover) adopt() error {
	s := t.server
	var all []*socket.Held
	for _, loop := range s.loops {
		held, err := loop.Hold()
		if err != nil {
			return err
		}
		held.Freeze()
		all = append(all, held)
	}
	if err := revocation.Restore(s.revocations.Revocations, t.revoked); err != nil {
		s.log.Error("handover: revocations cannot be read, and are not in force", "err", err)
	}
	for seq, p := range t.restoring.Lasting() {
		t.lasting[seq] = p
	}
	if len(t.presence) > 0 {
		if err := s.presence.Restore(t.presence); err != nil {
			s.log.Error("handover: who is in which scene cannot be read, and is found anew", "err", err)
		}
	}
	if err := s.hooks.feed.Restore(t.feed); err != nil {
		s.log.Error("handover: the feed's place cannot be read; its streams at other nodes are told of a gap", "err", err)
	}
	t.imported.Begin()
	var adopting sync.WaitGroup
	for i, held := range all {
		adopting.Go(func() { held.Adopt(t.loops[i].pages, t.loops[i].generations, &adopter{t, i}) })
	}
	adopting.Wait()
	finished := t.finished
	engine, isCluster := s.engine.(*cluster.Engine)
	if isCluster { // which counts what all nodes tell, and tells that
		finished = func(uint64, scenecast.Tally) {}
	}
	t.imported.End(s.engine.(movingEngine).Reporter, finished)
	if isCluster {
		engine.Go()
	}
	for _, held := range all {
		held.Thaw()
	}
	return nil
}

// finished tells the other process what has become of a push whose publisher waits there.
func (t *takeover) finished(seq uint64, tally scenecast.Tally) {
	t.telling.Lock()
	defer t.telling.Unlock()
	t.untold = append(t.untold, finishedPush{seq, tally})
	select {
	case t.tell <- struct{}{}:
	default:
	}
}

// finishedPush is what has become of a push.
type finishedPush struct {
	seq   uint64
	tally scenecast.Tally
}

// tellFinished tells the other process what has become of pushes, until ctx ends. Loops hand that over and do not wait for the other process.
func (t *takeover) tellFinished(ctx context.Context) {
	for {
		select {
		case <-t.tell:
		case <-ctx.Done():
			return
		}
		t.telling.Lock()
		untold := t.untold
		t.untold = nil
		t.telling.Unlock()
		for _, p := range untold {
			var e handover.Encoder
			e.Uint(fieldSeq, p.seq)
			value.Tally(&e, fieldTally, p.tally)
			if t.conn.Send(handover.KindFinished, e.Encoded()) != nil {
				return
			}
		}
	}
}

// adopter is what a loop asks about the slots that it takes over.
type adopter struct {
	t      *takeover
	number int
}

func (a *adopter) member(s scenecast.Slot) *hub.MovedPage { return a.t.loops[a.number].members[s] }

// Adopt implements socket.Adopter.
func (a *adopter) Adopt(s scenecast.Slot) scenecast.Admission {
	m := a.member(s)
	server := a.t.server
	lease := server.adoptOrigin(m.ID(), m.App(), decodeOrigin(m.Origin()), server.loops[a.number].Inspect(s))
	a.t.imported.Adopt(a.number, s, m)
	return scenecast.Admission{Protocol: m.Protocol(), Lease: lease}
}

// Done implements socket.Adopter.
func (a *adopter) Done(s scenecast.Slot, receipts []uint64) func(slot uint32, written bool) {
	return a.t.imported.Done(a.number, s, a.member(s), receipts)
}

// Go implements socket.Adopter.
func (a *adopter) Go(s scenecast.Slot) { a.t.imported.Go(a.number, s, a.member(s)) }

// finish does what may wait until the pages go on.
func (t *takeover) finish(ctx context.Context) {
	s := t.server
	pages := 0
	for i := range t.loops {
		pages += len(t.loops[i].pages)
	}
	still := time.Since(t.frozenAt)
	s.handovers.tookOver(still)
	s.log.Info("handover: this process has the port and the pages", "pages", pages, "still", still, "other_connections", len(t.visitors))
	for i := range t.visitors {
		s.loops[i%len(s.loops)].AdoptVisitors(t.visitors[i : i+1])
	}
	t.closePorts()
	t.loops, t.visitors, t.imported, t.restoring, t.lasting = nil, nil, nil, nil, nil
	s.before = t
	go t.serve(context.WithoutCancel(ctx))
	go func() {
		if closed := s.hub.CloseOutdated(); closed > 0 {
			s.log.Warn("handover: pages were closed whose token or app this configuration does not have", "pages", closed)
		}
		debug.FreeOSMemory() // of what the other process has sent
	}()
}
