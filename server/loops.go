package server

import (
	"context"
	"time"

	"scenecast/config"
	"scenecast/language"
	"scenecast/push"
	"scenecast/socket"
)

// startLoops starts so many loops, each with its shard: as many as there are cores, or as the process has whose place this one takes. Portable loops give every socket goroutines, as they do
// on other systems than Linux.
func (s *Server) startLoops(c config.Config, n int, portable bool) error {
	ping := time.Duration(c.WebSocket.PingInterval)
	if ping == 0 {
		ping = -1 // in a configuration, 0 is never
	}
	policy := socket.ClosePage
	if c.Outbox.SlowConsumer == config.SlowDropOldest {
		policy = socket.DropOldest
	}
	s.descriptors = socket.NewDescriptorReserve()
	for range n {
		loop, err := socket.NewLoop(socket.Options{
			MaxMessage:     int(c.WebSocket.MaxMessage),
			MessageTimeout: time.Duration(c.WebSocket.MessageTimeout),
			PingEvery:      ping,
			PongWait:       time.Duration(c.WebSocket.PongWait),
			CloseWait:      time.Duration(c.WebSocket.CloseWait),
			OutboxBytes:    int(c.Outbox.MaxBytes),
			OutboxFrames:   c.Outbox.MaxFrames,
			OutboxTotal:    int(c.Outbox.MaxTotal) / n,
			SlowConsumer:   policy,
			HeadTimeout:    time.Duration(c.HTTP.HeadTimeout),
			Release:        s.quota.Release,
			Portable:       portable,
			WriteTimeout:   time.Duration(c.Outbox.WriteTimeout),
			Descriptors:    s.descriptors,
		})
		if err != nil {
			return err
		}
		loop.Start(s.hub.AddShard(loop))
		s.loops = append(s.loops, loop)
	}
	return nil
}

// maxFrame is how many bytes a frame may have to find room in an outbox, and the setting that decides it: all outboxes of a loop
// have one budget, of which there are as many as loops.
func maxFrame(o config.Outbox, loops int) (bytes int, setting string) {
	if total := int(o.MaxTotal) / loops; total < int(o.MaxBytes) {
		return total, push.SettingOutboxTotal
	}
	return int(o.MaxBytes), push.SettingOutbox
}

// CheckLoops returns when every loop has got to what was posted to it by now: an error says that ctx ended before, or that the server has
// stopped. A loop that hangs holds up every page that it owns, also while /healthz is answered, which no loop has a part in.
func (s *Server) CheckLoops(ctx context.Context) error {
	reached := make(chan struct{}, len(s.loops))
	for _, loop := range s.loops {
		if !loop.Post(func() { reached <- struct{}{} }) {
			return language.NewError("the server has stopped")
		}
	}
	for n := range s.loops {
		select {
		case <-reached:
		case <-ctx.Done():
			return language.Errorf("%d of %d loops do not get on: %w", len(s.loops)-n, len(s.loops), ctx.Err())
		}
	}
	return nil
}

// stopLoops gives the pages until ctx ends to take their close frames.
func (s *Server) stopLoops(ctx context.Context) {
	for _, loop := range s.loops {
		loop.Shutdown(ctx)
	}
	s.hub.Close()
}
