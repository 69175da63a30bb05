package socket

import (
	"sync"
	"time"
	"unsafe"

	"scenecast"
	"scenecast/websocket"
)

// inbound is what has come from a page and is not handled yet: an incomplete message, and bytes that are not decoded.
type inbound struct {
	decoder websocket.Decoder
	rest    []byte  // not decoded: the page has sent more frames than one round takes
	since   instant // when what is incomplete began

	// Of the budget, guarded by its lock.
	slot   scenecast.Slot
	held   int      // bytes that are counted
	older  *inbound // of those that are counted, oldest first
	newer  *inbound
	linked bool
}

// inboundOverhead is what an inbound costs beside the bytes that it holds.
const inboundOverhead = int(unsafe.Sizeof(inbound{}))

// feed has the decoder handle at most so many frames.
func (in *inbound) feed(data []byte, to websocket.Receiver, most int, now instant) (rest []byte, err error) {
	if !in.decoder.Incomplete() {
		in.since = now
	}
	ended := in.decoder.Ended()
	rest, err = in.decoder.FeedFrames(data, to, most)
	if in.decoder.Ended() != ended {
		in.since = now
	}
	return rest, err
}

// deadline is when the message that is incomplete must be whole; false: there is none.
func (in *inbound) deadline(timeout time.Duration) (at instant, ok bool) {
	return in.since.add(timeout), in.decoder.Incomplete()
}

// inboundBudget counts what all inbounds of a loop hold together. When that is too much, the pages are closed whose messages have
// been incomplete for longest: those of others are whole in a moment.
type inboundBudget struct {
	mu       sync.Mutex // readers of sockets with goroutines count, too
	limit    int        // bytes
	total    int
	oldest   *inbound
	newest   *inbound
	evicting bool // a task that closes pages is posted
}

// count has an inbound hold so many bytes; 0: it holds nothing any more. True: all of them hold too much, and evict
// must be called.
func (b *inboundBudget) count(in *inbound, slot scenecast.Slot, held int) (over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += held - in.held
	in.held, in.slot = held, slot
	switch {
	case held > 0 && !in.linked:
		in.older, in.linked = b.newest, true
		if b.newest != nil {
			b.newest.newer = in
		} else {
			b.oldest = in
		}
		b.newest = in
	case held == 0 && in.linked:
		b.unlink(in)
	}
	over = b.total > b.limit && !b.evicting
	b.evicting = b.evicting || over
	return over
}

// unlink, with mu held, takes an inbound out of the list.
func (b *inboundBudget) unlink(in *inbound) {
	if in.older != nil {
		in.older.newer = in.newer
	} else {
		b.oldest = in.newer
	}
	if in.newer != nil {
		in.newer.older = in.older
	} else {
		b.newest = in.older
	}
	in.older, in.newer, in.linked = nil, nil, false
}

// evict takes the oldest inbound out as long as all of them hold too much. What it holds counts no more: its page is to be closed.
func (b *inboundBudget) evict() (slot scenecast.Slot, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.oldest
	if b.total <= b.limit || in == nil {
		b.evicting = false
		return slot, false
	}
	b.total -= in.held
	in.held = 0
	b.unlink(in)
	return in.slot, true
}

// countInbound counts what a page's inbound holds, and closes pages if all of them hold too much.
func (l *Loop) countInbound(in *inbound, slot scenecast.Slot, held int) {
	if l.inbound.count(in, slot, held) {
		l.post(l.evictInbound)
	}
}

// messageTimeout is the ending of a page whose message has been incomplete for too long.
func messageTimeout(o *Options) scenecast.Ending {
	return scenecast.EndingBy(scenecast.CauseMessageTimeout, "a message was not whole within "+o.MessageTimeout.String())
}

// evictInbound closes the pages whose messages have been incomplete for longest.
func (l *Loop) evictInbound() {
	for {
		slot, ok := l.inbound.evict()
		if !ok {
			return
		}
		if b := l.slots.backendOf(slot); b != nil {
			b.fail(slot.Index, scenecast.EndingBy(scenecast.CauseInboundBudget, "too many messages are incomplete"))
		}
	}
}
