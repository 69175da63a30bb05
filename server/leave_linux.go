package server

import (
	"context"
	"time"

	"scenecast/handover"
	"scenecast/socket"
)

// betweenLeft is the time between two pages that could not move and are told to come back. They get no pushes here any more.
const betweenLeft = time.Millisecond

// leave ends what this process still does when another one has its pages: connections on which a client may send another request go there,
// requests that are under way are answered, and pages that could not go are told to come back, one each betweenLeft, or within half of the time that a drain has.
func (s *Server) leave(ctx context.Context) {
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		_ = s.hub.Drain(ctx, min(time.Duration(s.reload.config().Drain)/2, time.Duration(s.Connections())*betweenLeft)) // Run tells of those that are left
	}()
	s.hooks.feed.Close() // its streams would not end by themselves
	s.dashboard.leave()
	s.listener.Leave(s.handover.pass)
	if s.before != nil { // it may wait for what its calls get here, and passes on connections, which go on to the other process
		select {
		case <-s.before.served:
		case <-ctx.Done():
		}
	}
	for _, loop := range s.loops { // has the connections that it was given
		done := make(chan struct{})
		if loop.Post(func() { close(done) }) {
			<-done
		}
	}
	s.listener.AwaitLeft(ctx)
	for s.hub.WorkForMoved() > 0 && ctx.Err() == nil {
		time.Sleep(workPause)
	}
	<-rest
}

// workPause is between two looks whether work for pages that have moved has ended.
const workPause = 10 * time.Millisecond

// pass passes on a connection on which a client may send another request. A process that does not take one in time is given up, or each of the
// others would wait as long.
func (h *handoverService) pass(fd int, v socket.Visitor) {
	var e handover.Encoder
	e.Record(fieldItem, func(e *handover.Encoder) { socket.EncodeVisitor(e, v) })
	if h.conn.SendWithin(h.next.within, handover.KindVisitors, e.Encoded(), fd) != nil {
		h.conn.Close()
	}
}

// endHandover ends the connection to the process that has the pages: this one has nothing left to tell.
func (s *Server) endHandover() {
	h := s.handover
	h.end()
	if h != nil && h.conn != nil {
		h.next.flush()
		h.conn.Close()
		<-h.next.done
	}
}
