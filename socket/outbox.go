package socket

import "slices"

// outbox is what waits for one page: whole frames, of the first of which the kernel may have taken a part. Where frames are
// dropped, a gap notice takes their place.
type outbox struct {
	frames  []waiting
	first   int    // of frames: what is before it has been sent
	sent    int    // bytes of the first frame that have been sent
	bytes   int    // of the frames, sent ones left out, whole ones counted whole
	slot    uint32 // the index that the frames were sent to
	dropped int    // frames dropped that the page does not know of yet; they were before frames[first], or behind it if sent > 0

	acked  uint32 // bytes that the page's kernel had acknowledged at the last look; of sockets without goroutines
	opened uint32 // … and when the page was opened: see secondsOf

	onWritten []func() // to be posted when nothing waits any more

	counted int // bytes of it that the budget counts

	lost []waiting // frames that have left unsent; Loop.releaseLost takes them from here
}

// len is how many frames wait.
func (o *outbox) len() int { return len(o.frames) - o.first }

// push appends a frame. There is room: see fits.
func (o *outbox) push(w waiting) {
	if n := o.growth(); n > 0 {
		frames := make([]waiting, o.len(), cap(o.frames)+n)
		copy(frames, o.frames[o.first:])
		o.frames, o.first = frames, 0
	} else if len(o.frames) == cap(o.frames) {
		n := copy(o.frames, o.frames[o.first:])
		clear(o.frames[n:])
		o.frames, o.first = o.frames[:n], 0
	}
	o.frames = append(o.frames, w)
	o.bytes += w.size()
}

// minFrames is how many frames an outbox has room for at first, and keeps room for.
const minFrames = 8

// growth is how many frames longer the array becomes if one more is pushed. Where a good part of it is free at its beginning, the
// frames move there.
func (o *outbox) growth() int {
	if len(o.frames) < cap(o.frames) || o.first > cap(o.frames)/4 {
		return 0
	}
	return max(minFrames, cap(o.frames)/4)
}

// shrink gives the array of an empty outbox back if it is large.
func (o *outbox) shrink() {
	if o.len() == 0 && cap(o.frames) > minFrames {
		o.frames, o.first = nil, 0
	}
}

// pop takes the first frame out.
func (o *outbox) pop() waiting {
	w := o.frames[o.first]
	o.frames[o.first] = waiting{}
	o.first++
	o.bytes -= w.size()
	o.sent = 0
	return w
}

// droppable is where the first frame is of which nothing has been sent.
func (o *outbox) droppable() int {
	if o.sent > 0 {
		return o.first + 1
	}
	return o.first
}

// drop takes out a frame of which nothing has been sent. Superseded ones leave no gap.
func (o *outbox) drop(i int) waiting {
	w := o.frames[i]
	copy(o.frames[o.first+1:i+1], o.frames[o.first:i]) // the few before it move up, not the many behind it
	o.frames[o.first] = waiting{}
	o.first++
	o.bytes -= w.size()
	return w
}

// superseded is where the frame is that the one with this key takes the place of; -1 if there is none.
func (o *outbox) superseded(key string) int {
	if key == "" {
		return -1
	}
	for i := o.droppable(); i < len(o.frames); i++ {
		if o.frames[i].frame.Coalesce == key {
			return i
		}
	}
	return -1
}

// limits bound an outbox.
type limits struct{ bytes, frames int }

func (o *outbox) fits(n int, l limits) bool { return o.bytes+n <= l.bytes && o.len()+1 <= l.frames }

// dropOldest drops what has waited longest. False: there is nothing that could be dropped.
func (o *outbox) dropOldest() bool {
	i := o.droppable()
	if i == len(o.frames) {
		return false
	}
	w := o.drop(i)
	if w.kind == gapNotice {
		o.dropped += int(w.missing) // it was not sent yet
		return true
	}
	o.dropped++
	o.lost = append(o.lost, w)
	return true
}

// skip drops a frame that was to come behind all others.
func (o *outbox) skip(encode func(dropped int) []byte) {
	if o.len() == 0 {
		o.dropped++
		return
	}
	n := 1
	last := &o.frames[len(o.frames)-1]
	again := last.kind == gapNotice && len(o.frames) > o.droppable()
	if again {
		n += int(last.missing)
	}
	data := encode(n)
	if data == nil {
		return
	}
	w := newGapNotice(data, n)
	if again {
		o.bytes += w.size() - last.size()
		*last = w
	} else {
		o.push(w)
	}
}

// needsGapNotice reports whether a gap notice is to be sent next.
func (o *outbox) needsGapNotice() bool { return o.dropped > 0 && o.sent == 0 }

// pushGapNotice puts this notice in the place of what was dropped; nil: the protocol has none.
func (o *outbox) pushGapNotice(data []byte) {
	w := newGapNotice(data, o.dropped)
	o.dropped = 0
	if data == nil {
		return
	}
	if o.first == 0 {
		o.frames = slices.Insert(o.frames, 0, w)
	} else {
		o.first--
		o.frames[o.first] = w
	}
	o.bytes += w.size()
}

// clear takes out everything of which nothing has been sent; it is lost.
func (o *outbox) clear() {
	for _, w := range o.frames[o.droppable():] {
		o.bytes -= w.size()
		if w.kind != gapNotice {
			o.lost = append(o.lost, w)
		}
	}
	clear(o.frames[o.droppable():])
	o.frames = o.frames[:o.droppable()]
}
