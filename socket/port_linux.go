package socket

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
)

// port is where a loop's visitors come in.
type port struct {
	fd         int32 // -1: there is none
	handshaker Handshaker
	every      time.Duration // at least, between two visitors; 0: none
	credit     time.Duration // unused time of the last second
	counted    instant       // when credit was counted
	paused     bool          // nobody is let in until …
	until      instant
	spare      int32 // a descriptor to give up where there are none left; -1: none
	keep       int32 // descriptors from this number on are not for pages
}

// visit is a visitor whose request has not come in whole.
type visit struct {
	from netip.AddrPort
	said []byte
}

const (
	visitorsAtOnce = 64
	pauseOfNoFiles = 100 * time.Millisecond
)

// listen implements bareSockets.
func (e *events) listen(listener *net.TCPListener, handshaker Handshaker, perSecond int) error {
	fd, err := duplicate(listener)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	failed := make(chan error, 1)
	if !e.loop.Post(func() { failed <- e.watch(fd, handshaker, perSecond) }) {
		closeFD(fd)
		return scenecast.ErrClosed
	}
	return <-failed
}

// watch makes a descriptor the port.
func (e *events) watch(fd int32, handshaker Handshaker, perSecond int) error {
	e.port = port{fd: fd, handshaker: handshaker, counted: e.now, spare: spareFile(), keep: firstKept()}
	if perSecond > 0 {
		e.port.every = max(time.Second/time.Duration(perSecond), time.Nanosecond)
		e.port.credit = time.Second
	}
	return e.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, aboutPort, 0)
}

// stopListening implements bareSockets.
func (e *events) stopListening() {
	if e.port.fd >= 0 {
		_ = e.control(unix.EPOLL_CTL_DEL, e.port.fd, 0, aboutPort, 0)
		closeFD(e.port.fd)
		closeFD(e.port.spare)
		e.port.fd, e.port.paused = -1, false
	}
	for index := range e.heads {
		e.end(index)
	}
}

// keptFiles is how many descriptors pages leave to visitors, so that HTTP calls come through when pages have taken all others;
// where there are few, a quarter.
const keptFiles = 32

// firstKept is the first descriptor that no page may have. The kernel gives the lowest number that is free (accept(2)), so a
// visitor who gets this one, or one behind it, finds all others taken.
func firstKept() int32 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int32(limit.Cur - min(limit.Cur/4, keptFiles))
}

// spareFile is a descriptor that is good for nothing but to be given up.
func spareFile() int32 {
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return int32(fd)
}

// pause lets nobody in for a while. The port must not be watched meanwhile: the loop would find it ready again and again.
func (p *port) pause(e *events, d time.Duration) {
	p.paused, p.until = true, e.now.add(d+time.Millisecond)
	_ = e.control(unix.EPOLL_CTL_MOD, p.fd, 0, aboutPort, 0)
}

// resumes is when a pause ends, if there is one.
func (p *port) resumes() (instant, bool) { return p.until, p.paused }

// resume ends a pause whose time has come.
func (p *port) resume(e *events) {
	if p.paused && !e.now.before(p.until) {
		p.paused = false
		_ = e.control(unix.EPOLL_CTL_MOD, p.fd, unix.EPOLLIN, aboutPort, 0)
	}
}

// mayEnter takes one visitor's time off the credit. False: it is used up, and the port pauses.
func (p *port) mayEnter(e *events) bool {
	if p.every == 0 {
		return true
	}
	quiet := e.now.since(p.counted)
	if quiet < 0 {
		quiet = time.Second // it was weeks
	}
	p.credit = min(p.credit+quiet, time.Second)
	p.counted = e.now
	if p.credit < p.every {
		p.pause(e, p.every-p.credit)
		return false
	}
	p.credit -= p.every
	return true
}

// accept lets in who waits at the port.
func (e *events) accept() {
	for range visitorsAtOnce {
		if e.port.fd < 0 || e.port.paused || !e.port.mayEnter(e) {
			return
		}
		if e.port.spare < 0 { // somebody has been faster than turnAway
			if e.port.spare = spareFile(); e.port.spare < 0 {
				e.port.pause(e, pauseOfNoFiles)
				return
			}
		}
		fd, from, errno := acceptNow(e.port.fd)
		switch errno {
		case 0:
			e.welcome(fd, from)
		case unix.EAGAIN:
			e.port.credit += e.port.every // nobody has come for it
			return
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			e.turnAway()
			return
		default: // it has gone before it was let in
		}
	}
}

// turnAway is what happens where descriptors have run out altogether. Those who wait are let in by the spare descriptor, one
// after the other, and closed, so that they know; then the port pauses, because others may leave meanwhile.
func (e *events) turnAway() {
	p := &e.port
	closeFD(p.spare)
	for range visitorsAtOnce {
		fd, _, errno := acceptNow(p.fd)
		if errno != 0 {
			break
		}
		closeFD(fd)
		e.loop.turnedAway.Add(1)
	}
	p.spare = spareFile()
	p.pause(e, pauseOfNoFiles)
}

// welcome begins a visit. The request is mostly there already.
func (e *events) welcome(fd int32, from netip.AddrPort) {
	index, ok := e.make(fd, visiting)
	if !ok {
		closeFD(fd)
		return
	}
	n, errno := readNow(fd, e.buf)
	switch {
	case n > 0:
		e.consider(index, visit{from: from}, e.buf[:n], false)
	case errno == unix.EAGAIN || errno == unix.EINTR:
		e.hearOut(index, visit{from: from}, false)
	default:
		e.end(index)
	}
}

// greet goes on with a visit.
func (e *events) greet(index uint32, data []byte) {
	v := e.heads[index]
	v.said = append(v.said, data...)
	e.consider(index, v, v.said, true)
}

// hearOut waits for the rest of a request.
func (e *events) hearOut(index uint32, v visit, registered bool) {
	b := e.bares.at(index)
	if !registered {
		if !e.register(index) {
			e.end(index)
			return
		}
		b.deadline = e.now.add(e.loop.options.HeadTimeout)
		e.setAlarm(index)
	}
	e.heads[index] = v
}

// consider has the handshaker decide about a visitor who has said this so far.
func (e *events) consider(index uint32, v visit, said []byte, registered bool) {
	g := e.port.handshaker.Handshake(said, v.from)
	switch g.Action {
	case NeedMore:
		if len(v.said) == 0 {
			v.said = append([]byte(nil), said...)
		}
		e.hearOut(index, v, registered)
		return
	case Hijack:
		e.handOver(index, said, registered)
		return
	}
	b := e.bares.at(index)
	delete(e.heads, index)
	e.wheel.clear(index)
	b.class, b.lease = e.loop.classOf(g.Admission), g.Admission.Lease
	if !registered && !e.register(index) {
		e.end(index)
		return
	}
	early := said[g.Head:]
	if g.Action == Accept {
		if b.fd >= e.port.keep {
			e.loop.turnedAway.Add(1)
			_, _ = sendNow(b.fd, e.port.handshaker.OutOfDescriptors())
			e.end(index)
			return
		}
		e.admit(index, g.Admission, g.Response, early)
		return
	}
	b.state = awaiting
	e.corked, e.cork = index+1, append(e.cork[:0], g.Response...)
	e.send(index, e.loop.classes[b.class].goodbye(g.Ending.Code, g.Ending.Detail))
	e.uncork(index)
	e.finish(index)
	e.feed(index, early)
}

// dismiss ends the visit of somebody who has not made a request in time.
func (e *events) dismiss(index uint32) {
	if len(e.heads[index].said) > 0 {
		_, _ = sendNow(e.bares.at(index).fd, e.port.handshaker.HeadTimeout())
	}
	e.end(index)
}
