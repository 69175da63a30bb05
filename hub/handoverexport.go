package hub

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/hub/receipt"
)

// Handover: while the loops are held, Export and Shard.Export encode what the other process needs, and change nothing. When that has the
// pages, Forget drops them here, and nobody is told. docs/adr/0024 has the sequence.

// Of a hub.
var (
	fieldNumbering = handover.Required(1)
	fieldOpened    = handover.Required(2)
	fieldReceipt   = handover.Required(3)
	fieldSessions  = handover.Required(4)
)

// Of a shard.
var (
	fieldPosition   = handover.Required(1)
	fieldEpochAge   = handover.Required(2)
	fieldLasting    = handover.Required(3)
	fieldAcking     = handover.Required(4)
	fieldAppName    = handover.Required(1)
	fieldSeqs       = handover.Required(2)
	fieldAckingSeq  = handover.Required(1)
	fieldAckingAge  = handover.Required(2)
	fieldProtocol   = handover.Required(1)
	fieldApp        = handover.Required(2)
	fieldSeq        = handover.Required(3)
	fieldNode       = handover.Required(4)
	fieldLabels     = handover.Required(5)
	fieldTokenKeys  = handover.Required(6)
	fieldBackend    = handover.Required(7)
	fieldIdentity   = handover.Required(8)
	fieldCredential = handover.Required(9)
	fieldMaySet     = handover.Required(10)
	fieldLimit      = handover.Required(11)
	fieldState      = handover.Required(12)
	fieldCalls      = handover.Required(13)
	fieldToken      = handover.Required(14)
	fieldCatchUp    = handover.Required(15)
	fieldFrom       = handover.Required(16)
	fieldLate       = handover.Required(17)
	fieldLateSent   = handover.Required(18)
	fieldGot        = handover.Required(19)
	fieldAsked      = handover.Required(20)
	fieldWaited     = handover.Required(21)
	fieldConn       = handover.Required(22)
	fieldLease      = handover.Required(23)
	fieldTraffic    = handover.Optional(24)

	fieldTokenID  = handover.Required(1)
	fieldIssued   = handover.Required(2)
	fieldExpires  = handover.Required(3)
	fieldNotice   = handover.Required(4)
	fieldTokenMay = handover.Required(5)
	fieldTold     = handover.Required(6)

	fieldTrafficPushes   = handover.Required(1)
	fieldTrafficMessages = handover.Required(2)
)

// liveReceipts are those that have not ended, by the sequence number of the push.
type liveReceipts struct {
	mu    sync.Mutex
	bySeq map[uint64]*receipt.Receipt
}

// track is a report that keeps the receipt among these until it has ended.
func (l *liveReceipts) track(seq uint64, report func(t scenecast.Tally, done bool)) func(t scenecast.Tally, done bool) {
	return func(t scenecast.Tally, done bool) {
		if done {
			l.mu.Lock()
			delete(l.bySeq, seq)
			l.mu.Unlock()
		}
		report(t, done)
	}
}

func (l *liveReceipts) add(r *receipt.Receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bySeq == nil {
		l.bySeq = make(map[uint64]*receipt.Receipt)
	}
	l.bySeq[r.Seq()] = r
}

func (l *liveReceipts) all() []*receipt.Receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*receipt.Receipt, 0, len(l.bySeq))
	for _, r := range l.bySeq {
		all = append(all, r)
	}
	return all
}

// Lasting are the pushes that last, of all apps. Each shard is asked on its owner; run has a task run there and waits for it.
func (h *Hub) Lasting(run func(shard int, task func())) []*scenecast.Push {
	bySeq := make(map[uint64]*scenecast.Push)
	for i, s := range h.shards {
		run(i, func() {
			for _, store := range s.ttlStores {
				for _, p := range store.Pushes() {
					bySeq[p.Position.Seq] = p
				}
			}
		})
	}
	pushes := make([]*scenecast.Push, 0, len(bySeq))
	for _, p := range bySeq {
		pushes = append(pushes, p)
	}
	slices.SortFunc(pushes, func(a, b *scenecast.Push) int { return cmp.Compare(a.Position.Seq, b.Position.Seq) })
	return pushes
}

// Export appends what is no shard's: receipts, and what pages have left behind. The loops are held, and do nothing meanwhile. It returns the
// sequence numbers of the pushes of which something may still come in.
func (h *Hub) Export(e *handover.Encoder) (open []uint64) {
	receipts := make(map[*receipt.Receipt]bool)
	met := func(r *receipt.Receipt) { receipts[r] = true }
	for _, r := range h.live.all() {
		met(r)
	}
	for _, s := range h.shards {
		for _, r := range s.receipts.All() {
			met(r)
		}
	}
	e.Bytes(fieldNumbering, h.numbering.key[:])
	e.Uint(fieldOpened, h.opened.Load())
	e.Record(fieldSessions, func(e *handover.Encoder) { h.sessions.Export(e, met) })
	for r := range receipts {
		e.Record(fieldReceipt, r.Export)
		open = append(open, r.Seq())
	}
	return open
}

// Export appends what the shard has besides its pages, on its owner.
func (s *Shard) Export(e *handover.Encoder) {
	value.Position(e, fieldPosition, s.position)
	e.Duration(fieldEpochAge, time.Since(s.epochBegan))
	for app, store := range s.ttlStores {
		var seqs []uint64
		for _, p := range store.Pushes() {
			seqs = append(seqs, p.Position.Seq)
		}
		e.Record(fieldLasting, func(e *handover.Encoder) {
			e.Text(fieldAppName, app)
			e.Uints(fieldSeqs, seqs)
		})
	}
	for i, r := range s.receipts.All() {
		e.Record(fieldAcking, func(e *handover.Encoder) {
			e.Uint(fieldAckingSeq, r.Seq())
			e.Duration(fieldAckingAge, time.Since(s.receipts.Since(i)))
		})
	}
}

// ExportPage appends the member in a slot; origin, unless it is nil, appends where the page comes from. False: the member does not go, because
// it is leaving, or its protocol cannot.
func (s *Shard) ExportPage(slot scenecast.Slot, e *handover.Encoder, origin func(e *handover.Encoder, id scenecast.ConnID, l scenecast.Lease)) bool {
	m := s.at(slot)
	if m == nil || m.is(leaving) {
		return false
	}
	class := s.classes.all[m.class]
	mover, ok := class.protocol.(scenecast.Mover)
	if !ok {
		return false
	}
	state, ok := mover.Export(s.viewOf(slot))
	if !ok {
		return false
	}
	e.Text(fieldProtocol, class.protocol.Name())
	e.Text(fieldApp, class.app.app)
	e.Uint(fieldSeq, m.seq)
	if m.node != 0 {
		e.Uint(fieldNode, uint64(s.hub.nodes.id(s.hub.node, m.node)))
	}
	value.Labels(e, fieldLabels, class.app.index.Labels(slot.Index))
	t := s.trusts.of(m.trust)
	e.Texts(fieldTokenKeys, t.token)
	e.Texts(fieldBackend, t.backend)
	e.Text(fieldIdentity, t.identity)
	if t.credential != (scenecast.Credential{}) {
		e.Bytes(fieldCredential, t.credential[:])
	}
	value.Keys(e, fieldMaySet, t.maySet)
	value.Keys(e, fieldLimit, t.limit)
	e.Uint(fieldState, uint64(m.state&(hasPageID|awaitingToken|holdsLabels)))
	e.Uint(fieldCalls, uint64(m.calls))
	if token := s.tokens.byIndex[slot.Index]; token != nil {
		e.Record(fieldToken, func(e *handover.Encoder) { token.export(e) })
	}
	if m.is(catchingUp) {
		c := s.catchUps[slot.Index]
		e.Record(fieldCatchUp, c.Export)
		e.Uint(fieldFrom, c.from)
	}
	if p := s.latePasses[slot.Index]; p != nil {
		e.Bool(fieldLate, true)
		e.Uints(fieldLateSent, p.sent)
	}
	e.Uints(fieldGot, s.ttlStores[class.app.app].Got(slot.Index))
	asked, waited := s.receipts.Asked(slot.Index)
	e.Uints(fieldAsked, asked)
	e.Uints(fieldWaited, waited)
	e.Bytes(fieldConn, state)
	if origin != nil {
		e.Record(fieldLease, func(e *handover.Encoder) { origin(e, s.id(m), s.loop.Lease(slot)) })
	}
	if s.hub.countsTraffic {
		e.Record(fieldTraffic, s.trafficOf(slot.Index).export)
	}
	return true
}

func (t *tokenState) export(e *handover.Encoder) {
	e.Text(fieldTokenID, t.ID)
	e.Time(fieldIssued, t.IssuedAt)
	e.Time(fieldExpires, t.ExpiresAt)
	e.Duration(fieldNotice, t.Notice)
	value.Keys(e, fieldTokenMay, t.MaySet)
	e.Bool(fieldTold, t.told)
}

// Forget drops members that another process has, on their owner. Nobody is told: they have not left. What work that is under way would
// still tell them goes to late, as long as that is not nil.
func (s *Shard) Forget(slots []scenecast.Slot, late func(l *LateCall)) {
	for _, slot := range slots {
		m := s.at(slot)
		if m == nil {
			continue
		}
		if late != nil && (m.calls > 0 || m.is(awaitingToken)) {
			s.rememberMoved(slot, m, late)
		}
		delete(s.catchUps, slot.Index)
		delete(s.latePasses, slot.Index)
		delete(s.publishers, slot.Index)
		app := s.app(m)
		app.index.Leave(slot.Index)
		s.trusts.release(m.trust)
		s.tokens.remove(slot.Index)
		*m = member{}
		s.hub.connections.Add(-1)
		if app.index.Len() == 0 {
			delete(s.apps, app.app)
			s.classes.remove(app)
		}
	}
}

// ForgetRest drops what the other process has besides pages: pushes that last, and receipts, which wait for FinishReceipt then. It is called
// when every shard has forgotten its pages.
func (h *Hub) ForgetRest() {
	for _, r := range h.live.all() {
		r.Moved()
	}
}

// FinishReceipt ends a receipt by what another process tells of it.
func (h *Hub) FinishReceipt(seq uint64, t scenecast.Tally) {
	h.live.mu.Lock()
	r := h.live.bySeq[seq]
	h.live.mu.Unlock()
	if r != nil {
		r.Finish(t)
	}
}

// AbandonReceipts ends all receipts, of which nobody will tell any more.
func (h *Hub) AbandonReceipts() {
	for _, r := range h.live.all() {
		r.Abandon()
	}
}

// WaitingReceipts is how many receipts have not ended.
func (h *Hub) WaitingReceipts() int {
	h.live.mu.Lock()
	defer h.live.mu.Unlock()
	return len(h.live.bySeq)
}

// Settle returns when every shard has done what the hub was told before, and the tasks that were posted to its loop.
func (h *Hub) Settle() {
	var shards sync.WaitGroup
	for _, s := range h.shards {
		shards.Add(1)
		done := func() bool {
			shards.Done()
			return true
		}
		if !s.loop.Post(func() {
			if s.inTurn() {
				done()
			} else {
				s.queueTurn(done)
			}
		}) {
			shards.Done()
		}
	}
	shards.Wait()
}

// Shard is the shard with a number, in the order of AddShard.
func (h *Hub) Shard(number int) *Shard { return h.shards[number] }

// WorkForMoved is how much work is under way for pages that another process has.
func (h *Hub) WorkForMoved() int { return int(h.movedWork.Load()) }
