package presence

import (
	"slices"
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/hub"
)

// A node can go on in another process, which has its ID. Its state goes there, with what other nodes have told, and then each connection is
// adopted: nobody has joined or left by that, no page is told anything, and no other node notices.

var _ hub.Adopter = (*Service)(nil)

// Paused is a service that does nothing but what Batch has it do.
type Paused struct {
	service *Service
	again   chan chan bool // have the goroutine do a batch, and tell whether there was nothing to do
	resume  chan bool      // false: for good
}

// Pause has the service do nothing by itself from when it returns, until Resume or End.
func (s *Service) Pause() *Paused {
	p := &Paused{service: s, again: make(chan chan bool), resume: make(chan bool)}
	began := make(chan struct{})
	s.pauses <- func() (goesOn bool) {
		close(began)
		for {
			select {
			case answer := <-p.again:
				idle := s.handed.isEmpty()
				if !idle {
					s.batch()
				}
				answer <- idle
			case goesOn := <-p.resume:
				s.wakeUp()
				return goesOn
			}
		}
	}
	<-began
	return p
}

// Batch does what was handed over. It reports whether there was nothing.
func (p *Paused) Batch() (idle bool) {
	answer := make(chan bool)
	p.again <- answer
	return <-answer
}

// Resume has the service go on.
func (p *Paused) Resume() { p.resume <- true }

// End stops the service's goroutine: another process has its state. Close still follows.
func (p *Paused) End() { p.resume <- false }

// Export appends who is in which scene.
func (p *Paused) Export(e *handover.Encoder) {
	s := p.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.export(e)
}

// Restore takes what Export has appended, before Start.
func (s *Service) Restore(record []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.restore(time.Now(), record)
}

// Adopted implements hub.Adopter.
func (s *Service) Adopted(c hub.Member) {
	keys := s.options.Keys(c.App())
	if labels := c.Labels(); len(keys) > 0 && concerns(keys, labels) {
		c.SetTracked(true)
		s.handed.add(&op{id: c.ID(), address: c.Address(), app: c.App(), labels: labels, trusted: trusted(c, keys, labels), adopted: true})
		s.wakeUp()
	}
}

func (q *queue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.batch.blocks)+len(q.batch.messages) == 0
}

var (
	fieldStamped = handover.Required(1)
	fieldScene   = handover.Required(2)
	fieldAmong   = handover.Required(3)

	fieldApp    = handover.Required(1)
	fieldKey    = handover.Required(2)
	fieldValue  = handover.Required(3)
	fieldMember = handover.Required(4)
	fieldOwed   = handover.Required(5)

	fieldUser        = handover.Required(1)
	fieldSince       = handover.Required(2)
	fieldSession     = handover.Required(3)
	fieldShows       = handover.Required(4)
	fieldShown       = handover.Required(5)
	fieldLeaves      = handover.Required(6)
	fieldSinceNode   = handover.Required(7)
	fieldSessionNode = handover.Required(8)
	fieldRecord      = handover.Required(9)
	fieldVersion     = handover.Required(10)
	fieldOrphan      = handover.Required(11)
	fieldOthersKnow  = handover.Required(12)

	fieldNode        = handover.Required(1)
	fieldConnections = handover.Required(2)
	fieldRecordSince = handover.Required(3)
)

func (s *State) export(e *handover.Encoder) {
	e.Int(fieldStamped, s.stamped)
	for _, of := range s.scenes {
		for _, sc := range of.scenes {
			if sc.all.present {
				e.Record(fieldScene, func(e *handover.Encoder) { s.exportScene(e, sc) })
			}
		}
	}
	if !s.alone { // behind the scenes, whose members it names
		e.Bytes(fieldAmong, s.exportAmong())
	}
}

func (s *State) exportScene(e *handover.Encoder, sc *scene) {
	e.Text(fieldApp, sc.id.App)
	e.Text(fieldKey, sc.id.Key)
	e.Text(fieldValue, sc.id.Value)
	s.exportMember(e, &sc.all)
	for m := sc.first; m != nil; m = m.next { // in the order in which they came
		s.exportMember(e, m)
	}
	e.Bool(fieldOwed, sc.owed || len(sc.news) > 0)
}

func (s *State) exportMember(e *handover.Encoder, m *member) {
	if len(m.records) == 0 {
		return
	}
	e.Record(fieldMember, func(e *handover.Encoder) {
		e.Text(fieldUser, m.user)
		e.Int(fieldSession, m.session.At)
		e.Uint(fieldSessionNode, uint64(m.session.Node))
		for i := range m.records {
			if r := &m.records[i]; r.node == s.self {
				e.Int(fieldSince, r.since.At)
				e.Uint(fieldSinceNode, uint64(r.since.Node))
				value.Labels(e, fieldShows, r.shows)
				e.Int(fieldShown, r.shown)
				e.Bool(fieldLeaves, !m.leaves.IsZero())
			} else {
				e.Record(fieldRecord, r.export)
			}
		}
		if !s.alone {
			e.Int(fieldVersion, m.version)
			e.Bool(fieldOrphan, m.orphan)
			e.Bool(fieldOthersKnow, m.told)
		}
	})
}

// export appends another node's record.
func (r *record) export(e *handover.Encoder) {
	e.Uint(fieldNode, uint64(r.node))
	e.Uint(fieldConnections, uint64(r.connections))
	e.Int(fieldRecordSince, r.since.At)
	e.Uint(fieldSinceNode, uint64(r.since.Node))
	value.Labels(e, fieldShows, r.shows)
	e.Int(fieldShown, r.shown)
}

// restore makes members of those of another process. Until their connections are adopted they linger.
func (s *State) restore(now time.Time, record []byte) error {
	s.quiet = true
	defer func() { s.quiet = false }()
	return handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldStamped:
			s.stamped = v.Int()
		case fieldScene:
			s.restoreScene(now, v)
		case fieldAmong:
			if err := s.restoreAmong(now, v.Bytes()); err != nil {
				v.Fail(err)
			}
		default:
			return false
		}
		return true
	})
}

type restoredMember struct {
	user   string
	own    record // of this node; its since is zero: it has none
	others []record

	session   Stamp
	isLeaving bool
	version   int64
	orphan    bool
	told      bool
}

func (s *State) restoreScene(now time.Time, v *handover.Value) {
	var id SceneID
	var members []restoredMember
	owed := false
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldApp:
			id.App = v.Text()
		case fieldKey:
			id.Key = v.Text()
		case fieldValue:
			id.Value = v.Text()
		case fieldMember:
			members = append(members, decodeMember(v))
		case fieldOwed:
			owed = v.Bool()
		default:
			return false
		}
		return true
	})
	sc := s.scene(id)
	for _, from := range members {
		m := s.member(sc, from.user)
		m.records = append(m.records[:0], from.others...)
		for i := range from.others {
			s.peer(from.others[i].node).members[m] = struct{}{}
		}
		if from.own.since != (Stamp{}) {
			from.own.node = s.self
			m.records = append(m.records, from.own)
			linger := s.key(id).Linger // anew, also of one that lingers already
			if !from.isLeaving {
				linger += adoptWithin
			}
			m.leaves = s.lingering.push(now, linger, m)
		}
		s.refresh(now, m)
		m.session, m.version, m.orphan, m.told = from.session, max(m.version, from.version), from.orphan, from.told
	}
	if owed {
		sc.owed = true
		s.queueScene(sc)
	}
}

// adoptWithin is how long a member that comes from another process waits for its connections to be adopted, besides its linger.
const adoptWithin = 10 * time.Second

func decodeMember(v *handover.Value) (m restoredMember) {
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldUser:
			m.user = v.Text()
		case fieldSince:
			m.own.since.At = v.Int()
		case fieldSinceNode:
			m.own.since.Node = scenecast.NodeID(v.Uint())
		case fieldSession:
			m.session.At = v.Int()
		case fieldSessionNode:
			m.session.Node = scenecast.NodeID(v.Uint())
		case fieldShows:
			m.own.shows = value.DecodeLabels(v)
		case fieldShown:
			m.own.shown = v.Int()
		case fieldLeaves:
			m.isLeaving = v.Bool()
		case fieldRecord:
			m.others = append(m.others, decodeRecord(v))
		case fieldVersion:
			m.version = v.Int()
		case fieldOrphan:
			m.orphan = v.Bool()
		case fieldOthersKnow:
			m.told = v.Bool()
		default:
			return false
		}
		return true
	})
	return m
}

// decodeRecord reads another node's record.
func decodeRecord(v *handover.Value) (r record) {
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldNode:
			r.node = scenecast.NodeID(v.Uint())
		case fieldConnections:
			r.connections = v.Count()
		case fieldRecordSince:
			r.since.At = v.Int()
		case fieldSinceNode:
			r.since.Node = scenecast.NodeID(v.Uint())
		case fieldShows:
			r.shows = value.DecodeLabels(v)
		case fieldShown:
			r.shown = v.Int()
		default:
			return false
		}
		return true
	})
	return r
}

// adopt notes a connection that another process has had: it has not joined, and what its page sees it has seen.
func (s *State) adopt(now time.Time, c Conn) {
	s.quiet = true
	defer func() { s.quiet = false }()
	s.Update(now, c)
}

// sawBefore reports whether a page has been told of a key's scenes before its connection was adopted.
func (s *State) sawBefore(c Conn, key string) bool {
	return s.quiet && slices.Contains(c.Labels.Values(scenecast.LabelWatching), key)
}
