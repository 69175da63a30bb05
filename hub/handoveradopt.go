package hub

import (
	"container/heap"
	"time"

	"scenecast"
	"scenecast/hub/receipt"
	"scenecast/hub/replay"
	"scenecast/hub/ttlstore"
)

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
		class:      s.classes.of(s.newClass(from.protocol, from.app)),
		seq:        from.id.Seq,
		node:       s.hub.nodes.number(s.hub.node, from.id.Node),
		generation: slot.Generation,
		state:      from.state,
		calls:      from.calls,
	}
	m.trust = s.trusts.acquire(from.trust)
	s.app(m).index.Join(slot.Index, from.labels)
	s.hub.connections.Add(1)
	if s.hub.countsTraffic {
		*s.trafficOf(slot.Index) = from.traffic
	}
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
