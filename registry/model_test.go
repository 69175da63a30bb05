package registry_test

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
	"scenecast/redisclient/redistest"
)

var (
	seed   = flag.Uint64("seed", 0, "of TestModel; 0: several")
	rounds = flag.Int("rounds", 120, "of each seed of TestModel")
)

// TestModel: whatever nodes and Redis have gone through, at the end the hash is exactly the connections that there are.
func TestModel(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			m := &model{t: t, random: rand.New(rand.NewPCG(seed, 0)), redis: redistest.Start(t)}
			for range 3 {
				m.add()
			}
			for range *rounds {
				m.round()
			}
			m.recover()
			settles(t, m.redis.Client(), m.nodes...)
			for _, n := range m.nodes {
				n.stop(t)
			}
			settles(t, m.redis.Client())
		})
	}
}

// model is some nodes on one Redis.
type model struct {
	t      *testing.T
	random *rand.Rand
	redis  *redistest.Server
	nodes  []*node
	lastID scenecast.NodeID
	state  redisState
}

type redisState int

const (
	running redisState = iota
	hanging
	dead
)

func (m *model) add() {
	m.lastID++
	m.nodes = append(m.nodes, start(m.t, m.redis.URL(), m.lastID))
}

// round is some changes of connections, and at times a fault or its end.
func (m *model) round() {
	for range m.random.IntN(60) {
		if n := m.nodes[m.random.IntN(len(m.nodes))]; n != nil {
			m.change(n)
		}
	}
	switch m.random.IntN(12) {
	case 0:
		m.fault()
	case 1, 2:
		m.recover()
	case 3:
		i := m.random.IntN(len(m.nodes))
		m.nodes[i].Kill()
		m.nodes = slices.Delete(m.nodes, i, i+1)
		m.add()
	case 4:
		i := m.random.IntN(len(m.nodes))
		if m.state == running {
			m.nodes[i].stop(m.t)
			m.nodes = slices.Delete(m.nodes, i, i+1)
			m.add()
		}
	}
	time.Sleep(time.Duration(m.random.IntN(20)) * time.Millisecond) // so that some of it is written, and some not
}

func (m *model) change(n *node) {
	labels := []label.Label{page(strconv.Itoa(m.random.IntN(5)))}
	if m.random.IntN(2) == 0 {
		labels = append(labels, label.Label{Key: "text", Value: strings.Repeat("x", m.random.IntN(100))})
	}
	ids := slices.SortedFunc(maps.Keys(n.members), scenecast.ConnID.Compare)
	if len(ids) == 0 || m.random.IntN(3) == 0 {
		n.join(labels...)
		return
	}
	chosen := n.members[ids[m.random.IntN(len(ids))]]
	if m.random.IntN(3) == 0 {
		n.leave(chosen)
	} else {
		n.relabel(chosen, labels...)
	}
}

// fault has something happen to Redis.
func (m *model) fault() {
	if m.state != running {
		return
	}
	switch m.random.IntN(5) {
	case 0:
		m.redis.Kill()
		m.state = dead
	case 1:
		m.redis.Stop()
		m.state = hanging
	case 2:
		redistest.Do(m.t, m.redis.Client(), "FLUSHALL")
	case 3:
		redistest.Do(m.t, m.redis.Client(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	case 4:
		redistest.Do(m.t, m.redis.Client(), "DEL", hash+":nodes", hash+":reaper")
	}
}

// recover has Redis run, if it does not.
func (m *model) recover() {
	switch m.state {
	case dead:
		m.redis.Restart()
	case hanging:
		m.redis.Continue()
	}
	m.state = running
}
