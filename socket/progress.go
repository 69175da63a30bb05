package socket

import (
	"net"
	"syscall"
	"time"

	"scenecast"
)

// RawConn is the descriptor of a connection, beneath TLS and whatever else wraps it; nil: it has none.
func RawConn(c net.Conn) syscall.RawConn {
	for { // as tls.Conn and the listener's connections have it
		outer, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = outer.NetConn()
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// progress is how much of what was written to a page has arrived, as far as it is known. While it changes, the page reads, however
// slowly.
type progress struct {
	written int64  // bytes that the connection has taken
	acked   uint32 // bytes that the peer's kernel has acknowledged
	waiting bool   // some are still to be acknowledged
}

// since reports whether bytes have arrived.
func (p progress) since(before progress) bool {
	return p.written != before.written || p.acked != before.acked
}

// progress is the socket's.
func (c *goConn) progress() progress {
	p := progress{written: c.written.Load()}
	if raw := RawConn(c.net); raw != nil {
		_ = raw.Control(func(fd uintptr) { p.acked, p.waiting = tcpAcked(int32(fd)) })
	}
	return p
}

// writeAtOnce is how many bytes are written before the page counts as taking them.
const writeAtOnce = 4 << 10

// writeBuffers writes everything, as far as the page takes it, in a few system calls.
func (c *goConn) writeBuffers(buffers net.Buffers) (written int, err error) {
	var part net.Buffers
	for len(buffers) > 0 && err == nil {
		part = part[:0]
		for size := 0; len(buffers) > 0 && size < writeAtOnce; {
			n := min(len(buffers[0]), writeAtOnce-size)
			part = append(part, buffers[0][:n])
			size += n
			if buffers[0] = buffers[0][n:]; len(buffers[0]) == 0 {
				buffers = buffers[1:]
			}
		}
		var n int64
		rest := part // WriteTo consumes its slice
		n, err = rest.WriteTo(c.net)
		written += int(n)
		c.written.Add(n)
	}
	return written, err
}

// startWatchdog starts the timer that checks whether the page takes what is being written. The writes have no deadline: TLS
// cannot go on behind one that has passed, and a slow page needs long for what is written at once.
func (c *goConn) startWatchdog() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched = progress{written: c.written.Load()}
	if c.watchdog == nil {
		c.watchdog = time.AfterFunc(c.loop.options.WriteTimeout, c.checkProgress)
	} else {
		c.watchdog.Reset(c.loop.options.WriteTimeout)
	}
}

// checkProgress closes the connection if the page has taken nothing since the last look.
func (c *goConn) checkProgress() {
	p := c.progress()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.writing:
	case p.since(c.watched):
		c.watched = p
		c.watchdog.Reset(c.loop.options.WriteTimeout)
	default:
		c.endLocked(scenecast.EndingBy(scenecast.CauseWriteTimeout, ""))
		go c.net.Close() // TLS may have to wait
	}
}

func (c *goConn) isWriting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writing
}
