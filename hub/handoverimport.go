package hub

import (
	"container/heap"
	"fmt"
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/hub/receipt"
	"scenecast/hub/replay"
	"scenecast/hub/session"
	"scenecast/hub/ttlstore"
	"scenecast/label"
)

// Import is what a hub takes over from another process. It is decoded while that still has its pages, and adopted when it has not.
type Import struct {
	hub       *Hub
	protocols map[string]scenecast.Protocol // by name
	pushes    map[uint64]*scenecast.Push    // that last, by sequence number

	numbering [16]byte
	opened    uint64
	receipts  map[uint64]*receipt.Receipt
	sessions  *session.Moved
	shards    []shardImport // by number
}

type shardImport struct {
	position   scenecast.Position
	epochBegan time.Time
	lasting    map[string][]uint64
	acking     []uint64
	since      []time.Time
}

// MovedPage is a page that comes from another process.
type MovedPage struct {
	protocol scenecast.Protocol
	app      string
	id       scenecast.ConnID
	labels   label.Set
	trust    trust
	state    state
	calls    uint8
	token    *scenecast.Token
	told     bool
	catchUp  *replay.Moved
	from     uint64
	late     bool
	lateSent []uint64
	got      []uint64
	asked    []uint64
	waited   map[uint64]bool
	conn     []byte
	lease    []byte
}

// Import begins to take over pages of these protocols. Pushes are those that last; it may be filled until Adopt.
func (h *Hub) Import(protocols []scenecast.Protocol, pushes map[uint64]*scenecast.Push) *Import {
	i := &Import{
		hub: h, protocols: make(map[string]scenecast.Protocol), pushes: pushes, receipts: make(map[uint64]*receipt.Receipt),
		sessions: new(session.Moved), shards: make([]shardImport, len(h.shards)),
	}
	for _, p := range protocols {
		i.protocols[p.Name()] = p
	}
	return i
}

// Hub takes what Hub.Export has appended.
func (i *Import) Hub(v *handover.Value) {
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldNumbering:
			if copy(i.numbering[:], v.Bytes()) != len(i.numbering) {
				v.Fail(handover.ErrMalformed)
			}
		case fieldOpened:
			i.opened = v.Uint()
		case fieldReceipt:
			r := receipt.Import(v)
			i.receipts[r.Seq()] = r
		case fieldSessions:
			i.sessions = session.Decode(v)
		default:
			return false
		}
		return true
	})
}

// Shard takes what Shard.Export has appended.
func (i *Import) Shard(number int, record []byte) error {
	if number >= len(i.shards) {
		return fmt.Errorf("%w: loop %d of %d", handover.ErrMalformed, number, len(i.shards))
	}
	s := &i.shards[number]
	now := time.Now()
	s.lasting = make(map[string][]uint64)
	return handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldPosition:
			s.position = value.DecodePosition(v)
		case fieldEpochAge:
			s.epochBegan = now.Add(-v.Duration())
		case fieldLasting:
			var app string
			var seqs []uint64
			v.Record(func(f handover.Field, v *handover.Value) bool {
				switch f {
				case fieldAppName:
					app = v.Text()
				case fieldSeqs:
					seqs = v.Uints()
				default:
					return false
				}
				return true
			})
			s.lasting[app] = seqs
		case fieldAcking:
			var seq uint64
			var age time.Duration
			v.Record(func(f handover.Field, v *handover.Value) bool {
				switch f {
				case fieldAckingSeq:
					seq = v.Uint()
				case fieldAckingAge:
					age = v.Duration()
				default:
					return false
				}
				return true
			})
			s.acking, s.since = append(s.acking, seq), append(s.since, now.Add(-age))
		default:
			return false
		}
		return true
	})
}

// Page takes what Shard.ExportPage has appended. It may be called concurrently.
func (i *Import) Page(record []byte) (*MovedPage, error) {
	m := &MovedPage{id: scenecast.ConnID{Node: i.hub.node}}
	err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool { return i.page(m, f, v) })
	if err == nil && (m.protocol == nil || m.app == "") {
		err = fmt.Errorf("%w: a page without a protocol, or an app", handover.ErrMalformed)
	}
	return m, err
}

func (i *Import) page(m *MovedPage, f handover.Field, v *handover.Value) bool {
	switch f {
	case fieldProtocol:
		name := v.Text()
		if m.protocol = i.protocols[name]; m.protocol == nil {
			v.Fail(fmt.Errorf("a page of the protocol %.40q, which this process does not have", name))
		}
	case fieldApp:
		m.app = v.Text()
	case fieldSeq:
		m.id.Seq = v.Uint()
	case fieldNode:
		m.id.Node = scenecast.NodeID(v.Uint())
	case fieldLabels:
		m.labels = value.DecodeLabels(v)
	case fieldTokenKeys:
		m.trust.token = v.Texts()
	case fieldBackend:
		m.trust.backend = v.Texts()
	case fieldIdentity:
		m.trust.identity = v.Text()
	case fieldCredential:
		copy(m.trust.credential[:], v.Bytes())
	case fieldMaySet:
		m.trust.maySet = value.DecodeKeys(v)
	case fieldLimit:
		m.trust.limit = value.DecodeKeys(v)
	case fieldState:
		m.state = state(v.Count()) & (hasPageID | awaitingToken | holdsLabels)
	case fieldCalls:
		m.calls = uint8(min(v.Count(), scenecast.MaxCalls))
	case fieldToken:
		m.token = new(scenecast.Token)
		v.Record(func(f handover.Field, v *handover.Value) bool { return m.decodeToken(f, v) })
	case fieldCatchUp:
		m.catchUp = replay.Decode(v)
	case fieldFrom:
		m.from = v.Uint()
	case fieldLate:
		m.late = v.Bool()
	case fieldLateSent:
		m.lateSent = v.Uints()
	case fieldGot:
		m.got = v.Uints()
	case fieldAsked:
		m.asked = v.Uints()
	case fieldWaited:
		m.waited = make(map[uint64]bool)
		for _, seq := range v.Uints() {
			m.waited[seq] = true
		}
	case fieldConn:
		m.conn = append([]byte(nil), v.Bytes()...)
	case fieldLease:
		m.lease = append([]byte(nil), v.Bytes()...)
	default:
		return false
	}
	return true
}

func (m *MovedPage) decodeToken(f handover.Field, v *handover.Value) bool {
	switch f {
	case fieldTokenID:
		m.token.ID = v.Text()
	case fieldIssued:
		m.token.IssuedAt = v.Time()
	case fieldExpires:
		m.token.ExpiresAt = v.Time()
	case fieldNotice:
		m.token.Notice = v.Duration()
	case fieldTokenMay:
		m.token.MaySet = value.DecodeKeys(v)
	case fieldTold:
		m.told = v.Bool()
	default:
		return false
	}
	return true
}

// App is the page's app.
func (m *MovedPage) App() string { return m.app }

// Protocol is the page's.
func (m *MovedPage) Protocol() scenecast.Protocol { return m.protocol }

// Lease is the record of where the page comes from, as ExportPage's lease has appended it; nil: there is none.
func (m *MovedPage) Lease() []byte { return m.lease }

// Begin adopts what is no page's. The loops are held.
func (i *Import) Begin() {
	h := i.hub
	h.numbering = numberingBy(i.numbering)
	h.opened.Store(i.opened)
	for n, from := range i.shards {
		s := h.shards[n]
		s.position, s.epochBegan = from.position, from.epochBegan
		for app, seqs := range from.lasting {
			store := ttlstore.New()
			for _, seq := range seqs {
				if p := i.pushes[seq]; p != nil {
					store.Add(p, time.Now())
				}
			}
			s.ttlStores[app] = store
		}
		if s.sweeping = len(s.ttlStores) > 0; s.sweeping {
			s.sweepLater()
		}
		for n, seq := range from.acking {
			if r := i.receipts[seq]; r != nil {
				s.receipts.Adopt(r, from.since[n])
			}
		}
	}
	h.sessions.Adopt(i.sessions, func(seq uint64) *receipt.Receipt { return i.receipts[seq] })
}

// Adopt has a page join that another process has had, with all that it had there, on the shard's owner. Nobody is told but observers that are
// Adopters. The loop has the slot already, and calls Go when the page's socket can take frames.
func (i *Import) Adopt(shard int, slot scenecast.Slot, from *MovedPage) {
	s := i.hub.shards[shard]
	m := s.members.grow(slot.Index)
	*m = member{
		class:      s.classes.of(class{from.protocol, s.appIndex(from.app)}),
		seq:        from.id.Seq,
		node:       s.hub.nodes.number(s.hub.node, from.id.Node),
		generation: slot.Generation,
		state:      from.state,
		calls:      from.calls,
	}
	m.trust = s.trusts.acquire(from.trust)
	s.app(m).index.Join(slot.Index, from.labels)
	s.hub.connections.Add(1)
	if from.token != nil {
		from.token.Credential = from.trust.credential
		s.adoptToken(slot.Index, *from.token, from.told)
	}
	for _, seq := range from.got {
		s.ttlStores[from.app].Delivered(slot.Index, seq)
	}
	for _, seq := range from.asked {
		s.receipts.AdoptAsked(slot.Index, seq, from.waited[seq])
	}
	if m.is(holdsLabels) {
		m.setTo(holdsLabels, s.hub.sessions.AddHolder(sessionKey(from.app, from.labels, from.trust.identity)))
	}
	s.hub.observers.adopted(s.viewWith(slot, from.labels))
}

// Done is what the frame with copies of pushes is given that still wait for a page (scenecast.Frame.Done); nil: nobody wants to know.
func (i *Import) Done(shard int, slot scenecast.Slot, from *MovedPage, seqs []uint64) func(slot uint32, written bool) {
	s := i.hub.shards[shard]
	var done []func(slot uint32, written bool)
	for _, seq := range seqs {
		if d := i.copyOf(s, slot, from, seq); d != nil {
			done = append(done, d)
		}
	}
	if len(done) <= 1 {
		if len(done) == 0 {
			return nil
		}
		return done[0]
	}
	return func(slot uint32, written bool) {
		for _, d := range done {
			d(slot, written)
		}
	}
}

func (i *Import) copyOf(s *Shard, slot scenecast.Slot, from *MovedPage, seq uint64) func(slot uint32, written bool) {
	r := i.receipts[seq]
	if r == nil {
		return nil
	}
	return s.receipts.AdoptCopy(slot.Index, r, from.protocol.Traits().Acknowledges)
}

// Go has an adopted page go on: with what it was catching up on, with the pushes that last, and with its protocol.
func (i *Import) Go(shard int, slot scenecast.Slot, from *MovedPage) {
	s := i.hub.shards[shard]
	m := s.at(slot)
	if m == nil {
		return
	}
	if mover, ok := from.protocol.(scenecast.Mover); ok {
		if err := mover.Import(s.viewOf(slot), from.conn); err != nil {
			s.hub.logger.Warn("handover: a page's protocol cannot go on, and closes it", "protocol", from.protocol.Name(), "err", err)
			s.close(slot, scenecast.EndingBy(scenecast.CauseDraining, "server is going away"))
			return
		}
	}
	switch {
	case from.catchUp != nil:
		done := make([]func(slot uint32, written bool), len(from.catchUp.Receipts))
		for n, seq := range from.catchUp.Receipts {
			done[n] = i.copyOf(s, slot, from, seq)
		}
		m.set(catchingUp)
		c := &catchUp{replay.Adopt(from.app, from.protocol, from.catchUp, done), slot, from.app, from.from}
		s.catchUps[slot.Index] = c
		s.loop.OnWritten(slot, func() {
			if s.isCatchingUp(c) {
				s.step(c)
			}
		})
	case from.late && s.ttlStores[from.app].Len() > 0:
		p := &latePass{slot: slot, sent: from.lateSent}
		s.latePasses[slot.Index] = p
		s.loop.OnWritten(slot, func() {
			if s.latePasses[slot.Index] == p {
				p.sent = nil
				s.resumeLatePass(p)
			}
		})
	}
}

// End has the receipts go on. reporter says where it is reported what becomes of a push; finished is told of those that had not ended, by
// sequence number. It is called when every page has been adopted, and before any loop goes on.
func (i *Import) End(reporter func(seq uint64) func(t scenecast.Tally, done bool), finished func(seq uint64, t scenecast.Tally)) {
	for seq, r := range i.receipts {
		report := reporter(seq)
		if !r.IsEnded() {
			inner := report
			report = i.hub.live.track(seq, func(t scenecast.Tally, done bool) {
				inner(t, done)
				if done {
					finished(seq, t)
				}
			})
			i.hub.live.add(r)
		}
		r.Go(report)
	}
}

// adoptToken is setToken of a page that may have been told that its token ends.
func (s *Shard) adoptToken(index uint32, t scenecast.Token, told bool) {
	s.setToken(index, t)
	if state := s.tokens.byIndex[index]; told && state != nil && state.inHeap >= 0 {
		state.due, state.told = state.ExpiresAt, true
		heap.Fix(&s.tokens.heap, state.inHeap)
	}
}

// Adopter is an Observer that is told of connections which another process has had: nothing has happened to them.
type Adopter interface {
	Adopted(c Member)
}

func (o observers) adopted(c Member) {
	for _, each := range o {
		if a, ok := each.(Adopter); ok {
			a.Adopted(c)
		}
	}
}
