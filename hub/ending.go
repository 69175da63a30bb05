package hub

import (
	"context"
	"log/slog"

	"scenecast"
)

// Closed is for the loop (socket.Handler): the connection has ended.
func (s *Shard) Closed(slot scenecast.Slot, e scenecast.Ending) { s.leave(slot, e) }

// close has a member leave, and the loop close its socket.
func (s *Shard) close(slot scenecast.Slot, e scenecast.Ending) {
	s.leave(slot, e)
	s.loop.Close(slot, e)
}

// leave is the one way by which members leave. Whoever is to know of the ending is told while the member is still there, with its labels.
// (The loop counts endings, because it knows those of pages that have never joined as well.)
func (s *Shard) leave(slot scenecast.Slot, e scenecast.Ending) {
	m := s.at(slot)
	if m == nil || m.is(leaving) {
		return
	}
	m.set(leaving)
	s.logEnding(slot, m, e)
	s.noteEnding(slot, m, e)
	s.classes.all[m.class].protocol.Closed(s.viewOf(slot), e)
	s.hub.observers.left(s.steadyView(slot), e)
	if m.is(catchingUp) {
		s.abandonCatchUp(slot.Index)
	}
	s.abandonLatePass(slot.Index)
	s.save(slot.Index, m)
	app := s.app(m)
	app.index.Leave(slot.Index)
	if app.index.Len() == 0 {
		delete(s.apps, app.app)
		s.classes.remove(app)
	}
	s.trusts.release(m.trust)
	s.tokens.remove(slot.Index)
	delete(s.publishers, slot.Index)
	*m = member{}
	s.hub.connections.Add(-1)
}

// logEnding writes the line that answers why a page was closed.
func (s *Shard) logEnding(slot scenecast.Slot, m *member, e scenecast.Ending) {
	log := s.hub.logger
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	labels := s.app(m).index.Labels(slot.Index)
	attrs := []slog.Attr{
		slog.String("connection", s.id(m).String()),
		slog.String("app", s.app(m).app),
		slog.String("protocol", s.classes.all[m.class].protocol.Name()),
	}
	for _, l := range []struct{ attr, key string }{{"user", scenecast.LabelUser}, {"page_id", scenecast.LabelPage}} {
		if values := labels.Values(l.key); len(values) > 0 {
			attrs = append(attrs, slog.String(l.attr, values[0]))
		}
	}
	attrs = append(attrs, slog.String("cause", e.Cause.String()), slog.Int("code", int(e.Code)), slog.String("detail", e.Detail))
	log.LogAttrs(context.Background(), slog.LevelDebug, "connection ended", attrs...)
}
