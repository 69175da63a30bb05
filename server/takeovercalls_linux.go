package server

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/hub"
	"scenecast/socket"
)

// serve answers what the other process still asks for: calls that it finishes, and connections that it passes on. It returns when that has
// ended.
func (t *takeover) serve(ctx context.Context) {
	defer close(t.served)
	ctx, cancel := context.WithCancel(ctx)
	var calls sync.WaitGroup
	calls.Go(func() { t.tellFinished(ctx) })
	t.conn.SetDeadline(time.Time{})
	for {
		k, payload, err := t.conn.Receive()
		if err == nil {
			err = t.serveOne(ctx, &calls, k, payload)
		}
		if err != nil {
			break
		}
	}
	cancel()
	t.conn.Close() // or who sends would wait for a process that has stopped reading
	calls.Wait()
	t.server.log.Info("handover: the other process has ended")
}

func (t *takeover) serveOne(ctx context.Context, calls *sync.WaitGroup, k handover.Kind, payload []byte) error {
	s := t.server
	switch k {
	case handover.KindVisitors:
		if err := t.takeVisitors(payload); err != nil {
			return err
		}
		for _, v := range t.visitors {
			s.loops[int(s.handovers.next.Add(1))%len(s.loops)].AdoptVisitors([]socket.Visitor{v})
		}
		t.visitors = nil
	case handover.KindSubmit:
		var id uint64
		var p *scenecast.Push
		if err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
			switch f {
			case fieldCallID:
				id = v.Uint()
			case fieldCallPush:
				p = t.decoder.Push(v)
			default:
				return false
			}
			return true
		}); err != nil || p == nil {
			return err
		}
		pending, err := s.engine.Submit(*p) // here, so that they keep their order
		calls.Go(func() { t.answerPush(ctx, id, pending, err) })
	case handover.KindAsk:
		var id uint64
		var query []byte
		if err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
			switch f {
			case fieldCallID:
				id = v.Uint()
			case fieldCallQuery:
				query = append([]byte(nil), v.Bytes()...)
			default:
				return false
			}
			return true
		}); err != nil {
			return err
		}
		calls.Go(func() { t.answerQuery(ctx, id, query) })
	case handover.KindDeliver:
		var loop int
		var late *hub.LateCall
		if err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
			switch f {
			case fieldCallLoop:
				loop = v.Count()
			case fieldLateCall:
				late = hub.DecodeLateCall(v)
			default:
				return false
			}
			return true
		}); err != nil || late == nil {
			return err
		}
		return s.hub.CallLate(loop, late)
	default: // of a newer version, which can do without
	}
	return nil
}

func (t *takeover) answerPush(ctx context.Context, id uint64, pending scenecast.Pending, err error) {
	a := answer{id: id, err: err}
	if err == nil {
		if a.err = pending.WaitQueued(ctx); a.err == nil {
			_ = t.conn.Send(handover.KindAnswer, (&answer{id: id, queued: true}).encode())
			a.published, a.err = pending.Wait(ctx)
		}
	}
	_ = t.conn.Send(handover.KindAnswer, a.encode())
}

func (t *takeover) answerQuery(ctx context.Context, id uint64, query []byte) {
	a := answer{id: id}
	q, err := decodeQuery(query)
	if err == nil {
		var r scenecast.Reply
		if r, err = t.server.engine.Ask(ctx, q); err == nil {
			a.reply, err = json.Marshal(r)
		}
	}
	a.err = err
	_ = t.conn.Send(handover.KindAnswer, a.encode())
}
