package server

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/handover"
	"scenecast/hub"
	"scenecast/language"
	"scenecast/presence"
	"scenecast/revocation"
	"scenecast/socket"
)

// How long pages stand still at most before this process goes on with them: so long, and so much longer for each, and for what waits for them.
const (
	frozenPerPage = 50 * time.Microsecond
	frozenPerMiB  = 20 * time.Millisecond
	takenWithin   = time.Second // for the other process to take what it has said it is ready for
	quietWithin   = time.Second // for what is under way to end, while pages go on
)

var frozenWithin = time.Second // tests have more, because they run beside others'

// patience is how long pages may stand still.
func (o *outgoing) patience() time.Duration {
	waiting := 0
	for _, loop := range o.server.loops {
		waiting += loop.OutboxBytes()
	}
	return frozenWithin + time.Duration(o.server.Connections())*frozenPerPage + time.Duration(waiting>>20)*frozenPerMiB
}

// outgoingLoop is a loop that is held.
type outgoingLoop struct {
	*socket.Held
	out    *outgoing
	number int
	shard  *hub.Shard
	moved  []scenecast.Slot // pages that were sent

	pages, visitors       handover.Encoder // that wait to be sent …
	pageFiles, visitFiles []int
	visited               int
}

// frozen stops the pages, gives them to the other process, and drops them here. With an error, they go on here.
func (o *outgoing) frozen(ctx context.Context) (err error) {
	s := o.server
	if err := o.engine.Quiesce(ctx, quietWithin); err != nil {
		o.engine.Resume()
		return err
	}
	faultPoint("old.quiet")
	o.frozenAt = time.Now()
	deadline := o.frozenAt.Add(o.patience())
	o.conn.SetDeadline(deadline)
	thaw, err := o.hold()
	if err != nil {
		o.engine.Resume()
		return err
	}
	s.hooks.feed.Pause()
	paused := s.presence.Pause()
	o.engine.Hold()
	defer func() {
		o.still = time.Since(o.frozenAt)
		if err == nil {
			return
		}
		if o.files {
			for _, l := range o.loops {
				l.Share()
			}
		}
		o.engine.Resume()
		paused.Resume()
		s.hooks.feed.Resume()
		thaw()
		err = &failedHandover{err, o.still}
	}()
	if err := o.settle(ctx, paused, deadline); err != nil {
		return err
	}
	faultPoint("old.frozen")
	if err := o.rest(paused); err != nil {
		return err
	}
	faultPoint("old.shared")
	o.files = true
	if err := o.inParallel((*outgoingLoop).send); err != nil {
		return err
	}
	faultPoint("old.pages")
	if err := o.giveToken(ctx); err != nil {
		return err
	}
	faultPoint("old.taken")
	o.release(paused)
	return nil
}

// hold holds all loops.
func (o *outgoing) hold() (thaw func(), err error) {
	thaw = func() {
		for _, l := range o.loops {
			l.Thaw()
		}
	}
	for i, loop := range o.server.loops {
		held, err := loop.Hold()
		if err != nil {
			thaw()
			return nil, err
		}
		o.loops = append(o.loops, &outgoingLoop{Held: held, out: o, number: i, shard: o.server.hub.Shard(i)})
	}
	return thaw, nil
}

// settlePause is between two looks whether everything has been done.
const settlePause = 200 * time.Microsecond

// settle waits until everything has been done that was under way, and then has the loops do nothing.
func (o *outgoing) settle(ctx context.Context, paused *presence.Paused, deadline time.Time) error {
	for {
		o.server.hub.Settle()
		if !paused.Batch() {
			continue // what it has posted to the loops is to be done
		}
		for _, l := range o.loops {
			l.Freeze()
		}
		if paused.Batch() && o.engine.IsIdle() { // nothing has come in between
			return ctx.Err()
		}
		for _, l := range o.loops {
			l.Unfreeze()
		}
		if time.Now().After(deadline) {
			return language.NewError("what was under way has not ended in time")
		}
		time.Sleep(settlePause) // for what goes to other nodes
	}
}

// rest sends what is left of the log, and what is no page's.
func (o *outgoing) rest(paused *presence.Paused) error {
	s := o.server
	for part := o.copy.Pushes(); part != nil; part = o.copy.Pushes() {
		if err := o.conn.Send(handover.KindLog, part); err != nil {
			return err
		}
	}
	for part := o.copy.Keys(true); part != nil; part = o.copy.Keys(true) {
		if err := o.conn.Send(handover.KindKeys, part); err != nil {
			return err
		}
	}
	if err := o.lasting(s.hub.Lasting(func(number int, task func()) { o.loops[number].Do(task) })); err != nil {
		return err
	}
	revoked, err := revocation.Save(s.revocations.Revocations)
	if err != nil {
		return err
	}
	fed, err := s.hooks.feed.Export()
	if err != nil {
		return err
	}
	var e handover.Encoder
	var open []uint64
	e.Record(fieldHub, func(e *handover.Encoder) { open = s.hub.Export(e) })
	e.Record(fieldLog, func(e *handover.Encoder) { o.copy.Rest(e, open) })
	e.Record(fieldPresence, paused.Export)
	e.Bytes(fieldRevocations, revoked)
	e.Time(fieldFrozenAt, o.frozenAt)
	if fed != nil {
		e.Bytes(fieldFeed, fed)
	}
	return o.conn.Send(handover.KindShared, e.Encoded())
}

// What one message of pages has at most.
const (
	pagesAtOnce = 200
	pagesBytes  = 256 << 10
)

// send sends a loop's state and its pages.
func (l *outgoingLoop) send() error {
	var e handover.Encoder
	e.Uint(fieldLoop, uint64(l.number))
	e.Record(fieldGenerations, l.Generations)
	e.Record(fieldShard, func(e *handover.Encoder) { l.Do(func() { l.shard.Export(e) }) })
	if err := l.out.conn.Send(handover.KindLoop, e.Encoded()); err != nil {
		return err
	}
	if err := l.Export(exporter{l}, l.page, l.visitor); err != nil {
		return err
	}
	return errors.Join(l.sendPages(), l.sendVisitors())
}

// exporter is a shard as its loop's sockets are exported with it.
type exporter struct{ loop *outgoingLoop }

// ExportPage implements socket.Exporter.
func (x exporter) ExportPage(s scenecast.Slot, e *handover.Encoder) bool {
	return x.loop.shard.ExportPage(s, e, x.loop.out.server.encodeOrigin)
}

func (l *outgoingLoop) page(s scenecast.Slot, record []byte, fd int) error {
	if l.pages.Len() == 0 {
		l.pages.Uint(fieldLoop, uint64(l.number))
	}
	l.pages.Bytes(fieldItem, record)
	l.pageFiles = append(l.pageFiles, fd)
	l.moved = append(l.moved, s)
	if len(l.pageFiles) < pagesAtOnce && l.pages.Len() < pagesBytes {
		return nil
	}
	return l.sendPages()
}

func (l *outgoingLoop) sendPages() error {
	if len(l.pageFiles) == 0 {
		return nil
	}
	err := l.out.conn.Send(handover.KindPages, l.pages.Encoded(), l.pageFiles...)
	l.pages.Reset()
	l.pageFiles = l.pageFiles[:0]
	return err
}

func (l *outgoingLoop) visitor(record []byte, fd int) error {
	l.visitors.Record(fieldItem, func(e *handover.Encoder) { e.Append(record) })
	l.visitFiles = append(l.visitFiles, fd)
	l.visited++
	if len(l.visitFiles) < pagesAtOnce && l.visitors.Len() < pagesBytes {
		return nil
	}
	return l.sendVisitors()
}

func (l *outgoingLoop) sendVisitors() error {
	if len(l.visitFiles) == 0 {
		return nil
	}
	err := l.out.conn.Send(handover.KindVisitors, l.visitors.Encoded(), l.visitFiles...)
	l.visitors.Reset()
	l.visitFiles = l.visitFiles[:0]
	return err
}

// giveToken says that this was all, and gives the pages when the other process is ready.
func (o *outgoing) giveToken(ctx context.Context) error {
	for _, l := range o.loops {
		o.pages += len(l.moved)
		o.visitors += l.visited
	}
	var e handover.Encoder
	e.Uint(fieldPages, uint64(o.pages))
	e.Uint(fieldVisitors, uint64(o.visitors))
	if err := o.conn.Send(handover.KindEnd, e.Encoded()); err != nil {
		return err
	}
	if err := o.expect(handover.KindReady); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	faultPoint("old.ready")
	if _, err := unix.Write(o.token[1], []byte{1}); err != nil {
		return err
	}
	o.conn.SetDeadline(time.Now().Add(takenWithin))
	err := o.conn.Send(handover.KindTake, nil)
	faultPoint("old.take")
	if err == nil {
		err = o.expect(handover.KindTaken)
	}
	if err == nil {
		return nil
	}
	// The other process may have died, or hang, before it took the byte or behind that: who has it now?
	var b [1]byte
	if n, _ := unix.Read(o.token[0], b[:]); n == 1 {
		return language.Errorf("the offer was taken back: %w", err)
	}
	o.server.log.Error("handover: the other process has taken the pages and is not heard of any more", "err", err)
	return nil
}

// release drops what the other process has.
func (o *outgoing) release(paused *presence.Paused) {
	h, s := o.service, o.server
	h.conn, h.next = o.conn, newSuccessor(o.conn, s.hub, s.log)
	h.next.cluster, _ = s.engine.(*cluster.Engine)
	o.conn.SetDeadline(time.Time{})
	s.hub.ForgetRest()
	_ = o.inParallel(func(l *outgoingLoop) error {
		l.Do(func() { l.shard.Forget(l.moved, h.next.late(l.number)) })
		l.Release(l.moved)
		return nil
	})
	paused.End()
	o.engine.Succeed(h.next)
	go h.next.run()
	for _, l := range o.loops {
		l.Thaw()
	}
}
