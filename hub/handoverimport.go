package hub

import (
	"fmt"
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/hub/receipt"
	"scenecast/hub/replay"
	"scenecast/hub/session"
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
	origin   []byte
	traffic  Traffic
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
