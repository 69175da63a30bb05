package hub

import (
	"fmt"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/label"
)

// A page may wait for work of its protocol, as a call of its backend, when another process gets it. The work ends here: what it does with
// the connection then is noted, and done there.

// LateCall is what work that has ended does with a page that another process has.
type LateCall struct {
	Slot scenecast.Slot
	Of   scenecast.Waiting
	acts []act
}

// act is one thing that is done with the page.
type act struct {
	frame   []byte
	close   *scenecast.Ending
	relabel label.Change
	renewal *renewal
}

type renewal struct {
	trusted label.Set
	token   scenecast.Token
	client  []string // of the rules
}

// movedPages are members that another process has, and that wait for something here.
type movedPages struct {
	bySlot map[scenecast.Slot]*movedConn
}

// rememberMoved keeps a member for the work that it waits for.
func (s *Shard) rememberMoved(slot scenecast.Slot, m *member, late func(l *LateCall)) {
	if s.moved.bySlot == nil {
		s.moved.bySlot = make(map[scenecast.Slot]*movedConn)
	}
	t := s.trusts.of(m.trust)
	waits := int64(m.calls)
	if m.is(awaitingToken) {
		waits++
	}
	s.hub.movedWork.Add(waits)
	s.moved.bySlot[slot] = &movedConn{
		shard: s, slot: slot, late: late, id: s.id(m), app: s.app(m).app, labels: s.app(m).index.Labels(slot.Index), trust: t, position: s.position,
	}
}

// resumeMoved runs the task of work that has ended with a member that another process has.
func (s *Shard) resumeMoved(slot scenecast.Slot, w scenecast.Waiting, task func(c scenecast.Conn)) {
	c := s.moved.bySlot[slot]
	if c == nil {
		return
	}
	c.call = &LateCall{Slot: slot, Of: w}
	task(c)
	c.late(c.call)
	c.call = nil
	s.hub.movedWork.Add(-1)
}

// movedConn is such a member as its protocol sees it.
type movedConn struct {
	shard    *Shard
	slot     scenecast.Slot
	late     func(l *LateCall)
	call     *LateCall
	id       scenecast.ConnID
	app      string
	labels   label.Set
	trust    trust
	position scenecast.Position
}

var _ scenecast.Conn = (*movedConn)(nil)

func (c *movedConn) ID() scenecast.ConnID           { return c.id }
func (c *movedConn) App() string                    { return c.app }
func (c *movedConn) Labels() label.Set              { return c.labels }
func (c *movedConn) Trusted(key string) bool        { return c.trust.has(key) }
func (c *movedConn) MaySet() []string               { return c.trust.maySet }
func (c *movedConn) Lease() scenecast.Lease         { return 0 }
func (c *movedConn) Allows(scenecast.Act) bool      { return true }
func (c *movedConn) Publishes(int) bool             { return false }
func (c *movedConn) Last(string) *scenecast.Push    { return nil }
func (c *movedConn) Position() scenecast.Position   { return c.position }
func (c *movedConn) Acknowledge(scenecast.Position) {}

func (c *movedConn) Await(scenecast.Waiting) (resume func(task func(c scenecast.Conn)), ok bool) {
	return nil, false
}

func (c *movedConn) Renew(trusted label.Set, t scenecast.Token, rules label.Rules) error {
	if err := c.shard.hub.limits.Load().Check(afterRenewal(c.labels, c.trust, trusted, rules)); err != nil {
		return err
	}
	c.call.acts = append(c.call.acts, act{renewal: &renewal{trusted, t, rules.Client}})
	return nil
}

func (c *movedConn) Relabel(change label.Change) {
	c.call.acts = append(c.call.acts, act{relabel: change})
}

// RelabelFrom implements scenecast.Conn. The page gets nothing of the log: it has been told by then that it has moved.
func (c *movedConn) RelabelFrom(change label.Change, _ scenecast.History) { c.Relabel(change) }

func (c *movedConn) Send(frame []byte) bool {
	c.call.acts = append(c.call.acts, act{frame: frame})
	return true
}

func (c *movedConn) Close(e scenecast.Ending) {
	c.call.acts = append(c.call.acts, act{close: &e})
}

var (
	fieldSlotIndex      = handover.Required(1)
	fieldSlotGeneration = handover.Required(2)
	fieldOf             = handover.Required(3)
	fieldSend           = handover.Required(4)
	fieldClose          = handover.Required(5)
	fieldRelabel        = handover.Required(6)
	fieldRenew          = handover.Required(7)

	fieldCause  = handover.Required(1)
	fieldCode   = handover.Required(2)
	fieldDetail = handover.Required(3)

	fieldRenewTrusted    = handover.Required(1)
	fieldRenewToken      = handover.Required(2)
	fieldRenewCredential = handover.Required(3)
	fieldRenewClient     = handover.Required(4)
)

// Encode appends the call.
func (l *LateCall) Encode(e *handover.Encoder) {
	e.Uint(fieldSlotIndex, uint64(l.Slot.Index))
	e.Uint(fieldSlotGeneration, uint64(l.Slot.Generation))
	e.Uint(fieldOf, uint64(l.Of))
	for _, a := range l.acts {
		switch {
		case a.frame != nil:
			e.Bytes(fieldSend, a.frame)
		case a.close != nil:
			e.Record(fieldClose, func(e *handover.Encoder) {
				e.Uint(fieldCause, uint64(a.close.Cause))
				e.Uint(fieldCode, uint64(a.close.Code))
				e.Text(fieldDetail, a.close.Detail)
			})
		case a.relabel != nil:
			e.Record(fieldRelabel, func(e *handover.Encoder) {
				for _, key := range a.relabel.Keys() {
					e.Texts(fieldCause, append([]string{key}, a.relabel[key]...))
				}
			})
		case a.renewal != nil:
			e.Record(fieldRenew, func(e *handover.Encoder) {
				value.Labels(e, fieldRenewTrusted, a.renewal.trusted)
				e.Record(fieldRenewToken, (&tokenState{Token: a.renewal.token}).export)
				e.Bytes(fieldRenewCredential, a.renewal.token.Credential[:])
				value.Keys(e, fieldRenewClient, a.renewal.client)
			})
		}
	}
}

// DecodeLateCall reads what Encode has appended.
func DecodeLateCall(v *handover.Value) *LateCall {
	l := new(LateCall)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldSlotIndex:
			l.Slot.Index = v.Uint32()
		case fieldSlotGeneration:
			l.Slot.Generation = v.Uint32()
		case fieldOf:
			l.Of = scenecast.Waiting(v.Count())
		case fieldSend:
			l.acts = append(l.acts, act{frame: append([]byte(nil), v.Bytes()...)})
		case fieldClose:
			l.acts = append(l.acts, act{close: decodeEnding(v)})
		case fieldRelabel:
			l.acts = append(l.acts, act{relabel: decodeChange(v)})
		case fieldRenew:
			l.acts = append(l.acts, act{renewal: decodeRenewal(v)})
		default:
			return false
		}
		return true
	})
	return l
}

func decodeEnding(v *handover.Value) *scenecast.Ending {
	ending := new(scenecast.Ending)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldCause:
			if n := v.Count(); n < len(scenecast.Causes()) {
				ending.Cause = scenecast.Cause(n)
			}
		case fieldCode:
			ending.Code = scenecast.CloseCode(v.Count())
		case fieldDetail:
			ending.Detail = v.Text()
		default:
			return false
		}
		return true
	})
	return ending
}

func decodeChange(v *handover.Value) label.Change {
	change := make(label.Change)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		if f != fieldCause {
			return false
		}
		if texts := v.Texts(); len(texts) > 0 {
			change[texts[0]] = texts[1:]
		}
		return true
	})
	return change
}

func decodeRenewal(v *handover.Value) *renewal {
	r := new(renewal)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldRenewTrusted:
			r.trusted = value.DecodeLabels(v)
		case fieldRenewToken:
			m := &MovedPage{token: new(scenecast.Token)}
			v.Record(m.decodeToken)
			r.token = *m.token
		case fieldRenewCredential:
			copy(r.token.Credential[:], v.Bytes())
		case fieldRenewClient:
			r.client = value.DecodeKeys(v)
		default:
			return false
		}
		return true
	})
	return r
}

// CallLate does with a page of a shard what work in another process does with it that it has waited for.
func (h *Hub) CallLate(shard int, l *LateCall) error {
	if shard >= len(h.shards) {
		return fmt.Errorf("%w: loop %d", handover.ErrMalformed, shard)
	}
	s := h.shards[shard]
	s.loop.Post(func() {
		m := s.at(l.Slot)
		if m == nil {
			if c := s.moved.bySlot[l.Slot]; c != nil {
				c.late(l) // a third process has it
				s.hub.movedWork.Add(-1)
			}
			return
		}
		m.waitNoMore(l.Of)
		for _, a := range l.acts {
			v := s.viewOf(l.Slot)
			switch {
			case a.close != nil:
				v.Close(*a.close)
			case a.relabel != nil:
				v.Relabel(a.relabel)
			case a.renewal != nil:
				r := a.renewal
				if err := v.Renew(r.trusted, r.token, label.Rules{Client: r.client}); err != nil {
					s.hub.logger.Warn("handover: a token that was verified before is not good any more", "err", err)
				}
			default:
				v.Send(a.frame)
			}
		}
	})
	return nil
}
