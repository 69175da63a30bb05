package hub

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"scenecast"
)

// member is one connection; of a free slot, the zero value. Its labels are in the index of its app. It has no pointers, so
// the collector has nothing to scan, however many there are.
type member struct {
	seq        uint64 // of its ConnID
	generation uint32 // of its slot
	class      uint32 // its number among classes; 0: the slot is free
	trust      uint32 // its number among trusts
	node       uint16 // of its ConnID: its number among nodes
	state      state
	calls      uint8 // of its backend that are under way
}

// state is a set of flags of a member.
type state uint8

const (
	hasPageID     state = 1 << iota // it has the label @page
	catchingUp                      // it has come back and gets what it has missed: see catchUp
	leaving                         // its ending is being told
	awaitingToken                   // its token is being verified elsewhere: see view.Await
	holdsLabels                     // session.Store keeps the labels that the backend has given it while it is here
	isTracked                       // see Member.SetTracked
)

func (m *member) is(s state) bool { return m.state&s != 0 }
func (m *member) set(s state)     { m.state |= s }
func (m *member) clear(s state)   { m.state &^= s }

func (m *member) setTo(s state, on bool) {
	m.clear(s)
	if on {
		m.set(s)
	}
}

// members are the connections, by slot index, in blocks that never move.
type members struct{ blocks []*[memberBlock]member }

const memberBlock = 256

// at is the member in a slot; nil where no slot has been yet.
func (m *members) at(index uint32) *member {
	if int(index/memberBlock) >= len(m.blocks) {
		return nil
	}
	return &m.blocks[index/memberBlock][index%memberBlock]
}

// grow is at, for a slot that may be new.
func (m *members) grow(index uint32) *member {
	for int(index/memberBlock) >= len(m.blocks) {
		m.blocks = append(m.blocks, new([memberBlock]member))
	}
	return m.at(index)
}

// all ranges over all slots, free ones too.
func (m *members) all() iter.Seq2[uint32, *member] {
	return func(yield func(uint32, *member) bool) {
		for number, block := range m.blocks {
			for i := range block {
				if !yield(uint32(number*memberBlock+i), &block[i]) {
					return
				}
			}
		}
	}
}

// class is what many members have in common.
type class struct {
	protocol scenecast.Protocol
	app      *appIndex
	wire     uint8 // the protocol's number among the hub's wires
}

func (s *Shard) newClass(p scenecast.Protocol, app string) class {
	return class{p, s.appIndex(app), s.hub.wires.number(p)}
}

// classes gives numbers to what members have in common, so that a member keeps only those.
type classes struct {
	all []class // by number; [0] is none
}

// of is a class's number. There is one for each protocol of each app that has connections.
func (c *classes) of(wanted class) uint32 {
	if len(c.all) == 0 {
		c.all = make([]class, 1)
	}
	if i := slices.Index(c.all[1:], wanted); i >= 0 {
		return uint32(i + 1)
	}
	if i := slices.Index(c.all[1:], class{}); i >= 0 {
		c.all[i+1] = wanted
		return uint32(i + 1)
	}
	c.all = append(c.all, wanted)
	return uint32(len(c.all) - 1)
}

// remove drops the classes of an app that has no connections any more.
func (c *classes) remove(app *appIndex) {
	for i := range c.all {
		if c.all[i].app == app {
			c.all[i] = class{}
		}
	}
}

// app is the index that a member is in.
func (s *Shard) app(m *member) *appIndex { return s.classes.all[m.class].app }

// nodes gives numbers to the nodes whose IDs connections have, so that a member keeps only those. This node's is 0; another one's
// connections are here only where they were taken over.
type nodes struct {
	mu     sync.Mutex
	others atomic.Pointer[[]scenecast.NodeID] // [0] is the number 1
}

// number is a node's number.
func (n *nodes) number(own, id scenecast.NodeID) uint16 {
	if id == own {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var others []scenecast.NodeID
	if p := n.others.Load(); p != nil {
		others = *p
	}
	if i := slices.Index(others, id); i >= 0 {
		return uint16(i + 1)
	}
	others = append(slices.Clip(others), id)
	n.others.Store(&others)
	return uint16(len(others))
}

// id is the node with a number.
func (n *nodes) id(own scenecast.NodeID, number uint16) scenecast.NodeID {
	if number == 0 {
		return own
	}
	return (*n.others.Load())[number-1]
}
