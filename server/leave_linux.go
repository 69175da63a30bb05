package server

import (
	"context"
	"time"

	"scenecast/handover"
	"scenecast/socket"
)

// leave ends what this process still does when another one has its pages: connections on which a client may send another request go there,
// requests that are under way are answered, and pages that could not go are told to come back, spread over half of the time that a drain has.
func (s *Server) leave(ctx context.Context) {
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		_ = s.hub.Drain(ctx, time.Duration(s.reload.config().Drain)/2) // Run tells of those that are left
	}()
	s.hooks.feed.Close() // its streams would not end by themselves
	within := time.Until(deadlineOf(ctx))
	s.listener.Leave(s.handover.pass, within)
	for s.hub.WorkForMoved() > 0 && ctx.Err() == nil {
		time.Sleep(workPause)
	}
	if s.before != nil {
		select { // it may wait for what its calls get here
		case <-s.before.served:
		case <-ctx.Done():
		}
	}
	<-rest
}

// workPause is between two looks whether work for pages that have moved has ended.
const workPause = 10 * time.Millisecond

func deadlineOf(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Now()
	}
	return deadline
}

// pass passes on a connection on which a client may send another request.
func (h *handoverService) pass(fd int, v socket.Visitor) {
	var e handover.Encoder
	e.Record(fieldItem, func(e *handover.Encoder) { socket.EncodeVisitor(e, v) })
	_ = h.conn.Send(handover.KindVisitors, e.Encoded(), fd)
}

// endHandover ends the connection to the process that has the pages: this one has nothing left to tell.
func (s *Server) endHandover() {
	h := s.handover
	h.end()
	if h != nil && h.conn != nil {
		h.conn.Close()
		<-h.next.done
	}
}
