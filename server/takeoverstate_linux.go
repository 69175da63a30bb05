package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/memory"
	"scenecast/handover"
	"scenecast/hub"
	"scenecast/language"
	"scenecast/socket"
)

// standbyWithin is how long a process may take to connect to what has its log, and to read that.
const standbyWithin = buildWithin - 10*time.Second

// receive takes the state of the other process, up to where that has nothing more, and then the pages. The server is built, and serves
// nobody. An error says that the other process has them still.
func (t *takeover) receive(ctx context.Context, s *Server) error {
	t.server = s
	switch engine := s.engine.(type) {
	case *memory.Engine:
		t.restoring = engine.Restore()
	case *cluster.Engine:
		ctx, cancel := context.WithTimeout(ctx, standbyWithin)
		defer cancel()
		if err := engine.Standby(ctx, t.welcome.place); err != nil {
			return language.Errorf("handover: the engine: %w", err)
		}
		t.restoring = engine.Restore(t.finished)
	}
	t.imported = s.hub.Import(s.protocols, t.lasting)
	t.loops = make([]movedLoop, t.welcome.loops)
	for i := range t.loops {
		t.loops[i].members = make(map[scenecast.Slot]*hub.MovedPage)
	}
	t.conn.SetDeadline(time.Now().Add(streamWithin))
	if err := t.conn.Send(handover.KindBuilt, nil); err != nil {
		return t.ended(err)
	}
	faultPoint("new.built")
	for {
		t.conn.SetDeadline(time.Now().Add(streamWithin))
		k, payload, err := t.conn.Receive()
		if err != nil {
			return t.ended(err)
		}
		if k == handover.KindEnd {
			if err := t.checkEnd(payload); err != nil {
				return language.Errorf("handover: what the other process sends: %w", err)
			}
			break
		}
		if err := t.take(k, payload); err != nil {
			return language.Errorf("handover: what the other process sends: %w", err)
		}
	}
	faultPoint("new.received")
	return t.takeToken()
}

// take takes one message of state.
func (t *takeover) take(k handover.Kind, payload []byte) error {
	switch k {
	case handover.KindLog:
		return t.restoring.Pushes(payload)
	case handover.KindKeys:
		return t.restoring.Keys(payload)
	case handover.KindPushes:
		return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
			if f != fieldItem {
				return false
			}
			p := t.decoder.Push(v)
			t.lasting[p.Position.Seq] = p
			return true
		})
	case handover.KindShared:
		return t.takeShared(payload)
	case handover.KindLoop:
		return t.takeLoop(payload)
	case handover.KindPages:
		return t.takePages(payload)
	case handover.KindVisitors:
		return t.takeVisitors(payload)
	case handover.KindRefusal:
		why, err := readHandoverMessage(payload)
		if err != nil {
			return err
		}
		return language.Errorf("the running process gives up: %w", why)
	default:
		return fmt.Errorf("%w: message %d", handover.ErrMalformed, k)
	}
}

func (t *takeover) takeShared(payload []byte) error {
	var log []byte
	err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldLog:
			log = bytes.Clone(v.Bytes())
		case fieldHub:
			t.imported.Hub(v)
		case fieldPresence:
			t.presence = bytes.Clone(v.Bytes())
		case fieldRevocations:
			t.revoked = bytes.Clone(v.Bytes())
		case fieldFeed:
			t.feed = bytes.Clone(v.Bytes())
		case fieldFrozenAt:
			t.frozenAt = v.Time()
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	faultPoint("new.shared")
	return t.restoring.Rest(log)
}

// loop is the one that a record is about.
func (t *takeover) loop(v *handover.Value) *movedLoop {
	n := v.Count()
	if n >= len(t.loops) {
		v.Fail(fmt.Errorf("%w: loop %d of %d", handover.ErrMalformed, n, len(t.loops)))
		return new(movedLoop)
	}
	return &t.loops[n]
}

func (t *takeover) takeLoop(payload []byte) error {
	number := 0
	return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldLoop:
			t.loop(v)
			number = v.Count()
		case fieldGenerations:
			generations, err := socket.DecodeGenerations(v.Bytes())
			if err != nil || number >= len(t.loops) {
				v.Fail(errors.Join(err, handover.ErrMalformed))
				return true
			}
			t.loops[number].generations = generations
		case fieldShard:
			if err := t.imported.Shard(number, v.Bytes()); err != nil {
				v.Fail(err)
			}
		default:
			return false
		}
		return true
	})
}

var errNoDescriptor = language.NewError("a connection without its descriptor")

func (t *takeover) takePages(payload []byte) error {
	loop := &t.loops[0]
	return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldLoop:
			loop = t.loop(v)
		case fieldItem:
			fd, ok := t.conn.TakeFile()
			if !ok {
				v.Fail(errNoDescriptor)
				return true
			}
			p, err := loop.decoder.Page(v.Bytes(), fd)
			if err != nil {
				_ = unix.Close(fd)
				v.Fail(err)
				return true
			}
			loop.pages = append(loop.pages, p)
			m, err := t.imported.Page(p.Member)
			if err != nil {
				v.Fail(err)
				return true
			}
			p.Member = nil
			loop.members[p.Slot] = m
		default:
			return false
		}
		return true
	})
}

func (t *takeover) takeVisitors(payload []byte) error {
	return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		if f != fieldItem {
			return false
		}
		fd, ok := t.conn.TakeFile()
		if !ok {
			v.Fail(errNoDescriptor)
			return true
		}
		visitor, err := socket.DecodeVisitor(v.Bytes())
		if err != nil {
			_ = unix.Close(fd)
			v.Fail(err)
			return true
		}
		visitor.FD = fd
		t.visitors = append(t.visitors, visitor)
		return true
	})
}

// checkEnd compares what has come with what the other process has sent.
func (t *takeover) checkEnd(payload []byte) error {
	pages, visitors := 0, 0
	err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldPages:
			pages = v.Count()
		case fieldVisitors:
			visitors = v.Count()
		default:
			return false
		}
		return true
	})
	got := 0
	for i := range t.loops {
		got += len(t.loops[i].pages)
		if t.loops[i].generations == nil && len(t.loops[i].pages) > 0 {
			return fmt.Errorf("%w: pages of a loop that has no slots", handover.ErrMalformed)
		}
	}
	if err == nil && (got != pages || len(t.visitors) != visitors) {
		err = fmt.Errorf("%w: %d pages of %d, %d other connections of %d", handover.ErrMalformed, got, pages, len(t.visitors), visitors)
	}
	return err
}
