package socket

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/websocket"
)

// Moved is a page of another process. Decode makes it.
type Moved struct {
	FD     int
	Member []byte // what the handler has appended
	Slot   scenecast.Slot

	opened    time.Time // zero: it is not known
	deflate   bool
	idle      scenecast.IdlePolicy
	heard     time.Duration
	pinged    time.Duration
	needsPong bool
	idleCheck time.Duration
	early     uint8

	hasOutbox bool
	deadline  time.Duration
	sent      int
	dropped   int
	frames    []movedFrame

	hasInbound bool
	decoder    websocket.Decoder
	rest       []byte
	since      time.Duration
}

// movedFrame is one that waits.
type movedFrame struct {
	frame    *scenecast.Frame
	missing  int
	isGap    bool
	deflated bool
}

// Decoder decodes the pages of one loop, which share frames. Not safe for concurrent use.
type Decoder struct{ frames []*scenecast.Frame }

// maxSlots bounds what a loop that is adopted may have: more are no descriptors.
const maxSlots = 1 << 24

// Page decodes a record of Held.Export. Records come in the order in which they were encoded.
func (d *Decoder) Page(record []byte, fd int) (*Moved, error) {
	m := &Moved{FD: fd}
	err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldMember:
			m.Member = append([]byte(nil), v.Bytes()...)
		case fieldSlotIndex:
			m.Slot.Index = v.Uint32()
		case fieldGeneration:
			m.Slot.Generation = v.Uint32()
		case fieldDeflate:
			m.deflate = v.Bool()
		case fieldOpened:
			m.opened = v.Time()
		case fieldIdleEvery:
			m.idle.CheckEvery = v.Duration()
		case fieldIdle:
			m.idle.Allowed = v.Duration()
		case fieldHeard:
			m.heard = value.DecodeAge(v)
		case fieldPinged:
			m.pinged, m.needsPong = value.DecodeAge(v), true
		case fieldIdleCheck:
			m.idleCheck = value.DecodeAge(v)
		case fieldEarly:
			m.early = uint8(v.Count())
		case fieldDeadline:
			m.deadline, m.hasOutbox = value.DecodeAge(v), true
		case fieldSent:
			m.sent = v.Count()
		case fieldDropped:
			m.dropped = v.Count()
		case fieldFrame:
			m.frames = append(m.frames, d.frame(v))
		case fieldDecoder:
			m.hasInbound = true
			if err := m.decoder.Import(v.Bytes()); err != nil {
				v.Fail(err)
			}
		case fieldRest:
			m.rest = append([]byte(nil), v.Bytes()...)
		case fieldSince:
			m.since = value.DecodeAge(v)
		default:
			return false
		}
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case m.Slot.Index >= maxSlots:
		return nil, fmt.Errorf("%w: slot %d", handover.ErrMalformed, m.Slot.Index)
	case m.sent > 0 && (len(m.frames) == 0 || m.sent >= len(m.frames[0].frame.Data)):
		return nil, fmt.Errorf("%w: %d bytes sent of a frame", handover.ErrMalformed, m.sent)
	}
	return m, nil
}

func (d *Decoder) frame(v *handover.Value) (m movedFrame) {
	f := new(scenecast.Frame)
	number := uint64(0)
	v.Record(func(field handover.Field, v *handover.Value) bool {
		switch field {
		case fieldNumber:
			number = v.Uint()
		case fieldData:
			f.Data = append([]byte(nil), v.Bytes()...)
		case fieldCoalesce:
			f.Coalesce = v.Text()
		case fieldReceipts:
			f.Receipts = v.Uints()
		case fieldMissing:
			m.missing = v.Count()
		case fieldGap:
			m.isGap = v.Bool()
		case fieldDeflated:
			m.deflated = v.Bool()
		default:
			return false
		}
		return true
	})
	m.frame = f
	switch n := uint64(len(d.frames)); {
	case number == 0:
	case number <= n:
		m.frame = d.frames[number-1]
	case number == n+1:
		d.frames = append(d.frames, f)
	default:
		v.Fail(fmt.Errorf("%w: frame %d", handover.ErrMalformed, number))
	}
	return m
}

// DecodeGenerations reads what Held.Generations has appended.
func DecodeGenerations(record []byte) (generations []uint32, err error) {
	err = handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		if f != fieldGenerations {
			return false
		}
		list := v.Uints()
		if len(list) > maxSlots {
			v.Fail(handover.ErrMalformed)
			return true
		}
		for _, g := range list {
			generations = append(generations, uint32(g))
		}
		return true
	})
	return generations, err
}

// Adopter is a handler that takes over what another process knew of a slot. Its methods are called on the owner.
type Adopter interface {
	// Adopt makes a page of a slot: the admission has its protocol and its lease.
	Adopt(s scenecast.Slot) scenecast.Admission
	// Done is told of frames that wait for the page and that these pushes are in; nil: nobody wants to know.
	Done(s scenecast.Slot, receipts []uint64) func(slot uint32, written bool)
	// Go is called when the page can take frames.
	Go(s scenecast.Slot)
}

// Adopt makes pages of another process the loop's, in the slots that they had there. The loop is held, and has had no socket. What the pages
// have sent meanwhile is read when it goes on.
func (h *Held) Adopt(pages []*Moved, generations []uint32, a Adopter) {
	h.Do(func() { h.loop.adoptPages(pages, generations, a) })
}

func (e *eventLoop) adoptPages(pages []*Moved, generations []uint32, a Adopter) {
	s := &e.loop.slots
	s.generations, s.kinds, s.free = generations, make([]backendKind, len(generations)), nil
	taken := make([]bool, len(generations))
	e.now = e.loop.now()
	e.wheel.rest(e.now)
	for _, p := range pages {
		if int(p.Slot.Index) >= len(generations) || taken[p.Slot.Index] || generations[p.Slot.Index] != p.Slot.Generation {
			closeFD(int32(p.FD))
			continue
		}
		taken[p.Slot.Index] = true
		e.adoptPage(p, a)
	}
	for index := len(taken) - 1; index >= 0; index-- {
		if !taken[index] {
			s.freeSlot(uint32(index))
		}
	}
}

func (e *eventLoop) adoptPage(p *Moved, a Adopter) {
	index := p.Slot.Index
	if !e.loop.countEpoll(1) {
		closeFD(int32(p.FD))
		return
	}
	e.conns.grow(index)
	c := e.conns.at(index)
	*c = epollConn{fd: int32(p.FD), state: stateOpen, deflate: p.deflate}
	if !p.opened.IsZero() {
		c.deadline = instant(secondsOf(p.opened))
	}
	e.loop.slots.kinds[index] = onEventLoop
	admission := a.Adopt(p.Slot)
	admission.Idle = p.idle
	c.class, c.lease = e.loop.classOf(admission), admission.Lease
	c.keepalive = keepalive{
		heard: e.now.add(-p.heard), idleCheck: e.now.add(p.idleCheck), early: p.early, needsPong: p.needsPong,
	}
	if p.needsPong {
		c.keepalive.pinged = e.now.add(-p.pinged)
	}
	c.acked, _ = tcpAcked(c.fd)
	if err := e.watch(unix.EPOLL_CTL_ADD, index, eventsIdle); err != nil {
		e.drop(index, scenecast.Ending{Cause: scenecast.CauseReset, Detail: err.Error()})
		return
	}
	if p.hasOutbox && len(p.frames) > 0 {
		e.adoptOutbox(index, c, p, a)
	}
	if p.hasInbound && c.state == stateOpen {
		in := e.inbounds.add(index)
		in.decoder = p.decoder
		in.decoder.MaxMessage, in.decoder.Deflate = e.loop.options.MaxMessage, c.deflate
		in.since = e.now.add(-p.since)
		c.inbound = in.number
		e.keepInbound(index, p.rest, cap(p.rest))
	}
	e.setAlarm(index)
	a.Go(p.Slot)
}

func (e *eventLoop) adoptOutbox(index uint32, c *epollConn, p *Moved, a Adopter) {
	o := e.openOutbox(index, c)
	if c.outbox == 0 || c.state != stateOpen {
		return
	}
	for _, f := range p.frames {
		w := waiting{frame: f.frame, missing: int32(f.missing), deflated: f.deflated}
		if f.isGap {
			w.kind = gapNotice
		}
		if len(f.frame.Receipts) > 0 {
			// A Done is for one page here: frames that pages share come back together only where nobody waits for them.
			if done := a.Done(p.Slot, f.frame.Receipts); done != nil {
				w.frame = f.frame.WithDone(done, f.frame.Receipts...)
			}
		}
		e.loop.forceEnqueue(o, w)
	}
	o.sent, o.dropped = p.sent, p.dropped
	c.deadline = e.now.add(p.deadline)
}

// AdoptVisitors takes over connections that are no pages yet. The loop accepts connections. Any goroutine may call it.
func (l *Loop) AdoptVisitors(visitors []Visitor) {
	e, ok := l.epoll.(*eventLoop)
	if !ok || !l.Post(func() {
		for _, v := range visitors {
			e.adoptVisitor(v)
		}
	}) {
		for _, v := range visitors {
			closeFD(int32(v.FD))
		}
	}
}

func (e *eventLoop) adoptVisitor(v Visitor) {
	if e.acceptor.fd < 0 && e.acceptor.handshaker != nil { // another process has taken over since
		if c, err := fileConn(int32(v.FD)); err == nil {
			e.acceptor.handshaker.Hijack(quiet(c), v.Head)
		}
		return
	}
	index, ok := e.open(int32(v.FD), stateHandshaking)
	if !ok {
		closeFD(int32(v.FD))
		return
	}
	p := pendingHandshake{from: v.From, head: v.Head}
	if v.Waits {
		e.handshake(index, p, v.Head, false)
		return
	}
	e.awaitHead(index, p, false)
	if c := e.conns.at(index); c.state == stateHandshaking && v.Timeout > 0 {
		c.deadline = e.now.add(v.Timeout)
		e.setAlarm(index)
	}
}
