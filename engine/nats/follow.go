package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"scenecast/language"
)

// follower reads the log in order. What JetStream stores is republished, which is fast and can be lost; so a jump in the numbers, and
// every quiet quarter of a second, has it read on from the log itself.
type follower struct {
	*Backend
	next    uint64 // sequence number that is read next
	epoch   epoch  // in force
	adopted bool   // the beginning of the epoch was not there to be read
	seen    uint64 // the highest number that was handed on
	isLive  bool
	created string
	doubt   bool // the log may not have any more what was read of it
	hidden  bool // records have been passed over whose numbers this node had for others; their pages are to be told

	recent [recentEntries]mark // of what was read last, by sequence number
}

// mark is what is remembered of an entry: enough to find out whether the log has still the same one at its place.
type mark struct{ seq, hash, number uint64 }

const recentEntries = 4096

// quiet is how long nothing must come before the follower reads on by itself.
const quiet = 250 * time.Millisecond

func newFollower(b *Backend) *follower { return &follower{Backend: b, next: 1} }

func (f *follower) run() {
	for f.ctx.Err() == nil && !f.isLive {
		if err := f.readAtStart(); err != nil && f.ctx.Err() == nil {
			f.log.Debug("engine: the log is not read yet", "err", err)
			f.waitsFor(language.Errorf("waiting for the log to be read: %w", err))
			f.pause(50 * time.Millisecond)
		}
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case m := <-f.live:
			f.hear(m)
		case <-f.wake:
			f.verify()
		case s := <-f.states:
			f.compare(s, false)
			continue // it is no sign that records come by themselves
		case <-timer.C:
			_ = f.readOn()
		}
		timer.Reset(quiet)
	}
}

func (f *follower) pause(d time.Duration) {
	select {
	case <-f.ctx.Done():
	case <-time.After(d):
	}
}

// readAtStart reads what is in the log, up to what its leader has.
func (f *follower) readAtStart() error {
	ctx, cancel := context.WithTimeout(f.ctx, time.Second)
	state, err := f.streamInfo(ctx)
	cancel()
	if err != nil {
		return err
	}
	for f.next <= state.Last {
		before := f.next
		if err := f.readOn(); err != nil {
			return err
		}
		if f.next == before && state.First <= state.Last {
			return language.NewError("a replica is behind the leader")
		}
		if f.next == before {
			return f.passEmpty(state)
		}
	}
	f.nowLive(state)
	return nil
}

// nowLive notes that everything has been read that was in the log at the start.
func (f *follower) nowLive(state streamState) {
	f.standing.told(state)
	f.isLive = true
	f.waitsFor(nil)
	f.hasRead.Store(true)
	f.on.Live()
}

// passEmpty goes to the end of a log in which everything that was not read has become too old. Its epoch may have become so as well; then
// another node tells it, or a new one begins.
func (f *follower) passEmpty(state streamState) error {
	if f.epoch.id == 0 {
		ctx, cancel := context.WithTimeout(f.ctx, 5*time.Second)
		defer cancel()
		e, err := f.askOthers(ctx)
		switch {
		case err != nil:
			return f.beginAlone(ctx) // which is read then
		case e.id == 0:
			return language.NewError("the other node does not tell the log's epoch")
		}
		f.begin(e, state.Last+e.base, state.Last+e.base, true)
	}
	f.next = state.Last + 1
	f.standing.read.Store(state.Last)
	f.nowLive(state)
	return nil
}

// hear takes a record that was just stored.
func (f *follower) hear(msg *nats.Msg) {
	seq, ok := sequence(msg)
	switch {
	case !ok:
		return
	case seq < f.next:
		if m := f.recent[seq%recentEntries]; m.seq == seq && m.hash != hash(msg.Data) {
			f.doubt = true
			f.look()
		}
		return
	case seq > f.next:
		if f.readOn() != nil || seq != f.next {
			return
		}
	}
	f.take(seq, msg.Data)
}

// batch is how many entries one request reads.
const batch = 1000

// readOn reads from the log itself whatever follows.
func (f *follower) readOn() error {
	for f.ctx.Err() == nil {
		n, err := f.readBatch()
		if err != nil || n == 0 {
			return err
		}
	}
	return f.ctx.Err()
}

// readBatch reads some entries, from whichever replica answers.
func (f *follower) readBatch() (n int, err error) {
	return f.getBatch(f.next, func(m *nats.Msg, seq uint64) {
		if seq < f.next {
			return
		}
		f.take(seq, m.Data)
		if f.isLive {
			f.standing.readOn.Add(1)
		}
	})
}

// getBatch reads some entries from a sequence number on, and says how many came.
func (b *Backend) getBatch(from uint64, take func(m *nats.Msg, seq uint64)) (n int, err error) {
	inbox := b.conn.NewInbox()
	sub, err := b.conn.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	_ = sub.SetPendingLimits(-1, -1)
	request := fmt.Sprintf(`{"seq":%d,"batch":%d,"max_bytes":%d}`, from, batch, 16<<20)
	if err := b.conn.PublishRequest("$JS.API.DIRECT.GET."+b.stream, inbox, []byte(request)); err != nil {
		return 0, err
	}
	for {
		m, err := sub.NextMsg(2 * time.Second)
		if err != nil {
			return n, err
		}
		seq, ok := sequence(m)
		if !ok || len(m.Data) == 0 {
			if status := m.Header.Get("Status"); status != "204" && status != "404" {
				return n, language.Errorf("read the log: %s %s", status, m.Header.Get("Description"))
			}
			return n, nil
		}
		take(m, seq)
		n++
	}
}

// take takes the next entry there is. Those between it and the last one the log has dropped.
func (f *follower) take(seq uint64, data []byte) {
	dropped := seq > f.next
	f.next = seq + 1
	f.standing.read.Store(seq)
	e, err := parseEntry(seq, data)
	if err != nil {
		f.log.Error("engine: an entry of the log cannot be read", "sequence", seq, "err", err)
		return
	}
	f.recent[seq%recentEntries] = mark{seq, e.hash, e.number()}
	switch {
	case e.kind == kindEpoch:
		f.hidden = f.hidden || e.loss
		f.begin(e.epoch, e.number(), e.previousEnd, false)
	case f.epoch.id == 0 || f.adopted && e.epoch.id != f.epoch.id && e.epoch.base > f.epoch.base:
		f.begin(e.epoch, e.number()-1, e.number()-1, true) // its beginning has been dropped
	case e.epoch != f.epoch:
		return // it was appended to an epoch that had ended: its origin appends it again
	}
	if dropped {
		f.on.Missed(e.number() - 1)
	}
	if e.kind == kindEpoch {
		return
	}
	if e.number() <= f.seen {
		f.hidden = true
		return
	}
	f.seen = e.number()
	f.reached.note(f.seen)
	f.on.Record(e.number(), e.record)
}

// begin has an epoch be in force.
func (f *follower) begin(e epoch, number, previousEnd uint64, adopted bool) {
	f.epoch, f.adopted = e, adopted
	f.mu.Lock()
	f.force = e
	f.mu.Unlock()
	f.on.Epoch(e.id, number, previousEnd)
	f.seen = max(f.seen, number)
	f.reached.note(f.seen)
	if f.hidden {
		f.hidden = false
		f.on.Missed(number)
	}
}

// verify finds out, after the connection was lost, whether the log still has what this node has read, and then reads on.
func (f *follower) verify() {
	ctx, cancel := context.WithTimeout(f.ctx, time.Second)
	defer cancel()
	state, err := f.streamInfo(ctx)
	if errors.Is(err, errNoStream) {
		f.log.Error("engine: the log was deleted, and is made anew", "stream", f.stream)
		if err = f.prepareStream(ctx); err == nil {
			state, err = f.streamInfo(ctx) // it may be there after all: a server that has just started does not know at once
		}
	}
	if err != nil {
		f.pause(50 * time.Millisecond)
		f.look()
		return
	}
	f.compare(state, true)
	_ = f.readOn()
}

// compare finds how the log stands relative to what this node has read of it. A log that has lost its end begins an epoch, so that no two
// pushes have one position.
func (f *follower) compare(s streamState, fresh bool) {
	if f.created != s.Created {
		f.doubt = f.doubt || f.created != "" // somebody has deleted the log, and somebody has made it anew
		f.created = s.Created
	}
	last := f.next - 1
	switch {
	case last == 0 || s.Last >= last && f.stillHas(last):
		f.doubt = false
		f.state(nil)
		return
	case !fresh: // it may be older than what was read since
		f.look()
		return
	}
	agreed := f.agreed(min(last, s.Last))
	err := language.Errorf("the log has lost its end: it was read up to %d, and stands at %d", last, s.Last)
	f.state(err)
	f.log.Error("engine: "+err.Error(), "agreed", agreed.seq)
	ctx, cancel := context.WithTimeout(f.ctx, 2*time.Second)
	defer cancel()
	if err := f.beginEpoch(ctx, kindEpoch, s.Last, agreed.number, f.seen); err != nil {
		f.log.Info("engine: another node was faster in beginning the log anew, or it cannot be reached", "err", err)
		f.pause(50 * time.Millisecond)
		f.look()
		return
	}
	f.next = agreed.seq + 1
	f.doubt = false
	f.standing.read.Store(agreed.seq)
	if f.readOn() == nil {
		f.state(nil)
	}
}

// stillHas reports whether the log has at this place what this node has read there. It is asked only after something was wrong.
func (f *follower) stillHas(seq uint64) bool {
	f.mu.Lock()
	wrong := f.down != nil || f.doubt
	f.mu.Unlock()
	m := f.recent[seq%recentEntries]
	if !wrong || m.seq != seq {
		return true
	}
	ctx, cancel := context.WithTimeout(f.ctx, time.Second)
	defer cancel()
	e, err := f.getEntry(ctx, fmt.Sprintf(`{"seq":%d}`, seq))
	return err != nil || e.hash == m.hash // what cannot be read says nothing
}

// agreed is the newest entry up to a place that the log still has as this node has read it.
func (f *follower) agreed(upTo uint64) mark {
	ctx, cancel := context.WithTimeout(f.ctx, 3*time.Second)
	defer cancel()
	for seq := upTo; seq > 0 && upTo-seq < recentEntries && ctx.Err() == nil; seq-- {
		m := f.recent[seq%recentEntries]
		if m.seq != seq {
			break
		}
		e, err := f.getEntry(ctx, fmt.Sprintf(`{"seq":%d}`, seq))
		if err == nil && e.hash == m.hash {
			return m
		}
	}
	return mark{}
}
