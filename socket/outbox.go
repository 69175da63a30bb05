package socket

import (
	"errors"
	"net"
	"os"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// send queues a frame and never waits. False: the socket is saying goodbye, perhaps just now, because its outbox is full.
func (s *socket) send(frame []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goodbye != notEnding {
		return false
	}
	o := &s.loop.options
	if s.frames+1 > o.OutboxFrames || s.bytes+len(frame) > o.OutboxBytes {
		// What waits is dropped, and what the writer holds goes out whole: a close frame can only follow a frame's end.
		for _, f := range s.outbox {
			s.bytes -= len(f)
		}
		s.frames -= len(s.outbox)
		s.outbox = nil
		s.end(awaitPeer, scenecast.CloseSlowConsumer, "slow consumer: the outbox was full")
		return false
	}
	s.push(frame)
	return true
}

// sayGoodbye queues a close frame behind what waits. Only the first goodbye counts.
func (s *socket) sayGoodbye(code scenecast.CloseCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goodbye == notEnding {
		s.end(awaitPeer, code, reason)
	}
}

// answerGoodbye closes once everything is written, the answer to the page's close frame last.
func (s *socket) answerGoodbye(code scenecast.CloseCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goodbye == notEnding {
		s.end(closeNow, code, "")
		return
	}
	s.goodbye = closeNow
	if !s.writing {
		s.finish()
	}
}

// end, with mu held, queues the close frame and wakes the reader in time.
func (s *socket) end(how ending, code scenecast.CloseCode, reason string) {
	s.goodbye = how
	s.deadline = time.Now().Add(s.loop.options.WriteTimeout + s.loop.options.CloseWait)
	_ = s.conn.SetReadDeadline(s.deadline)
	s.push(websocket.CloseFrame(code, reason))
}

// push, with mu held, appends to the outbox and sees to it that somebody writes it.
func (s *socket) push(frame []byte) {
	s.outbox = append(s.outbox, frame)
	s.bytes += len(frame)
	s.frames++
	if !s.writing {
		s.writing = true
		s.loop.goroutines.Add(1)
		go s.write()
	}
}

// write is the writer's goroutine; it runs only while there is something to write.
func (s *socket) write() {
	defer s.loop.goroutines.Done()
	var batch, spare net.Buffers
	bytes := 0
	for {
		s.mu.Lock()
		s.bytes -= bytes
		s.frames -= len(batch)
		batch, s.outbox = s.outbox, spare
		if len(batch) == 0 {
			s.writing = false
			s.finish()
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()

		bytes = 0
		for _, f := range batch {
			bytes += len(f)
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.loop.options.WriteTimeout))
		rest := batch // WriteTo consumes its slice
		if _, err := rest.WriteTo(s.conn); err != nil {
			_ = s.conn.Close() // the reader notices
			return             // writing stays true: nobody else shall try
		}
		clear(batch)
		spare = batch[:0]
	}
}

// finish, with mu held and everything written, does what is to follow the close frame.
func (s *socket) finish() {
	switch s.goodbye {
	case closeNow:
		_ = s.conn.Close()
	case awaitPeer:
		s.deadline = time.Now().Add(s.loop.options.CloseWait)
		_ = s.conn.SetReadDeadline(s.deadline)
	case notEnding:
	}
}

func (s *socket) isEnding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.goodbye != notEnding
}

// setReadDeadline sets when the reader looks up; once the socket is saying goodbye, that has its own deadline.
func (s *socket) setReadDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goodbye != notEnding {
		t = s.deadline
	}
	_ = s.conn.SetReadDeadline(t)
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
