// Package hub holds this node's connections and delivers pushes to them.
//
// A Hub is made of shards, one per loop. A shard's connections are touched on its loop's owner goroutine only: joining,
// leaving and delivering are tasks of that goroutine, run in the order in which they came. So the way of a push takes no
// lock, and a page sees pushes in the order of their positions.
//
// What is more than delivering stands below: hub/replay (what a page has missed), hub/ttlstore (pushes that last), hub/receipt (what has
// come in for a push) and hub/session (what pages leave behind). None of them knows a shard.
package hub

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/hub/endings"
	"scenecast/hub/framecache"
	"scenecast/hub/receipt"
	"scenecast/hub/replay"
	"scenecast/hub/session"
	"scenecast/hub/ttlstore"
	"scenecast/label"
	"scenecast/ratelimit"
	"scenecast/revocation"
)

var _ scenecast.Node = (*Hub)(nil)

// Options are what a hub needs (Node, Limits, Log), and what it may have.
type Options struct {
	Node   scenecast.NodeID
	Limits label.Limits  // of one connection's labels, for changes by the backend
	Log    scenecast.Log // where what pages have missed can be read

	// KeepLabels is how long the labels that the backend has given a page are kept when it has left, for when it comes back with its
	// page ID. 0: they are not kept.
	KeepLabels time.Duration

	// Revocations are the tokens that are revoked, to which those are added that come by the log. Defaults to a list of the hub's own.
	Revocations *revocation.List

	// Logger defaults to slog.Default(). Each ending is a line of the level debug.
	Logger *slog.Logger

	// Broadcast sends a message to the hubs of all other nodes, which get it by Received; it does not wait. Nil: there are no others.
	Broadcast func(message []byte)

	// PageRates are those in force now. Nil: there are none.
	PageRates func() PageRates

	// Number gives the numbers of connections' IDs: another one for each count. Defaults to numbers in no order that can be guessed.
	Number func(count uint64) uint64

	// Admits reports whether pages of an app that were let in by this credential may still be here. It is asked on every loop when a page
	// joins, and by CloseOutdated; it must not wait. Nil: all may.
	Admits func(app string, c scenecast.Credential) bool

	// CountTraffic has the pushes and messages of each connection be counted, and AdmissionObservers be told.
	CountTraffic bool

	// Origin is where a page with a lease comes from that this peer has connected, which may be a proxy; the zero address: that is not known.
	// It must not wait. Nil: from the peer.
	Origin func(l scenecast.Lease, peer netip.Addr) netip.Addr

	// Observers are told what changes among the connections, in this order.
	Observers []Observer
}

// Hub is this node's connections. Its methods may be called concurrently, once AddShard has been called for the last time.
type Hub struct {
	node   scenecast.NodeID
	nodes  nodes
	limits atomic.Pointer[label.Limits]
	log    scenecast.Log
	logger *slog.Logger
	admits func(app string, c scenecast.Credential) bool // nil: all are

	revocations   *revocation.List
	origin        func(scenecast.Lease, netip.Addr) netip.Addr
	observers     observers
	countsTraffic bool
	broadcast     func(message []byte)
	shards        []*Shard
	began         time.Time

	connections atomic.Int64
	pushes      atomic.Int64
	opened      atomic.Uint64 // how many connections there were so far
	number      func(count uint64) uint64
	pageRates   func() PageRates
	actsRefused [scenecast.Acts]atomic.Int64
	wires       wires
	replayed    replayCounts

	live      liveReceipts
	movedWork atomic.Int64 // that is under way for pages that another process has
	numbering numbering    // of number, unless that was given

	frames   framecache.Cache
	reader   *replay.Reader
	sessions *session.Store
	endings  endings.History
}

// New makes a hub without shards: AddShard adds one for each loop, before the first connection or push.
func New(o Options) *Hub {
	h := &Hub{
		node:   o.Node,
		log:    o.Log,
		logger: o.Logger,
		admits: o.Admits,

		revocations:   o.Revocations,
		origin:        o.Origin,
		observers:     o.Observers,
		countsTraffic: o.CountTraffic,
		broadcast:     o.Broadcast,
		began:         time.Now(),
		sessions:      session.New(session.Options{KeepLabels: o.KeepLabels}),
	}
	h.SetLimits(o.Limits)
	if h.revocations == nil {
		h.revocations = new(revocation.List)
	}
	if h.logger == nil {
		h.logger = slog.Default()
	}
	if h.pageRates = o.PageRates; h.pageRates == nil {
		h.pageRates = func() PageRates { return PageRates{} }
	}
	if h.number = o.Number; h.number == nil {
		h.numbering = newNumbering()
		h.number = func(count uint64) uint64 { return h.numbering.number(count) }
	}
	h.reader = replay.NewReader(o.Log, &h.frames)
	return h
}

// Close ends the reading of the log for pages that are coming back. It is called when the loops have stopped, so that no
// further reading begins.
func (h *Hub) Close() { h.reader.Close() }

// maxToldAcks is how many acknowledgements per second a shard tells other nodes of: those of pages that have moved to this node before they
// acknowledged.
const maxToldAcks = 1000

// AddShard adds the shard that lives on this loop. All shards are added before the first push.
func (h *Hub) AddShard(loop Loop) *Shard {
	s := &Shard{
		hub:        h,
		number:     len(h.shards),
		loop:       loop,
		apps:       make(map[string]*appIndex),
		position:   h.log.Newest(),
		catchUps:   make(map[uint32]*catchUp),
		ttlStores:  make(map[string]*ttlstore.Store),
		latePasses: make(map[uint32]*latePass),
		toldAcks:   ratelimit.New(maxToldAcks, time.Since(h.began)),
	}
	h.shards = append(h.shards, s)
	return s
}

// SetLimits puts other limits of labels in force, for changes by the backend from then on. Nobody loses labels that are there.
func (h *Hub) SetLimits(l label.Limits) { h.limits.Store(&l) }

// Connections returns how many pages of all apps are here now.
func (h *Hub) Connections() int { return int(h.connections.Load()) }

// Opened is how many pages have come, since the start of the first process that had them. What was taken over from another process has
// not come anew.
func (h *Hub) Opened() int64 { return int64(h.opened.Load()) }

// Pushes returns how many pushes the hub was given since it was made, whether they matched anybody or not.
func (h *Hub) Pushes() int64 { return h.pushes.Load() }

// Deliver implements scenecast.Node.
func (h *Hub) Deliver(p *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	if p.App == scenecast.RevocationsApp {
		h.deliverRevocation(p, report)
		return
	}
	if p.App != scenecast.TracesApp { // which is none, and only moves the shards on
		h.pushes.Add(1)
	}
	d := &delivery{push: p}
	if p.Receipt != scenecast.ReceiptQueued {
		d.receipt = receipt.New(p, h.live.track(p.Position.Seq, report))
		h.live.add(d.receipt)
	}
	sum := newSum(len(h.shards), scenecast.Tally{Nodes: 1}, func(t scenecast.Tally) {
		if d.receipt != nil {
			d.receipt.Begin(t)
		} else {
			report(t, true)
		}
	})
	for _, s := range h.shards {
		posted := s.loop.Post(func() {
			if s.inTurn() {
				sum.add(s.deliver(d))
			} else {
				s.queueTurn(func() bool {
					sum.add(s.deliver(d))
					return true
				})
			}
		})
		if !posted {
			sum.add(scenecast.Tally{}) // the loop has stopped: it has no connections
		}
	}
}

// Answer implements scenecast.Node.
func (h *Hub) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	if q.Scenes != nil {
		h.answerScenes(q, report)
		return
	}
	whole := scenecast.Reply{Tally: scenecast.Tally{Nodes: 1}, Filtered: q.List != nil && q.List.From.IsValid()}
	if q.Keys != nil {
		whole.Keys = make(map[string]int)
	}
	sum := newSum(len(h.shards), whole, func(r scenecast.Reply) {
		r.ByNode = []scenecast.NodeCount{{Node: h.node, Matched: r.Tally.Matched}}
		if of := q.Endings; of != nil {
			r.Endings = append([]scenecast.PastEnding{}, h.endings.Of(string(session.NewKey(q.App, of.Page, of.Identity)))...) // none is an answer, too
		}
		report(r)
	})
	for _, s := range h.shards {
		posted := s.loop.Post(func() {
			a := &answer{shard: s, query: q, done: sum.add}
			if !s.inTurn() || !a.step() {
				s.queueTurn(a.step)
			}
		})
		if !posted {
			sum.add(scenecast.Reply{})
		}
	}
}
