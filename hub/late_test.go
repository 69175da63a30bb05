package hub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/hub/ttlstore"
)

// TestLastingModel has pages come, go, come back elsewhere and change scenes, while pushes with and without a ttl arrive and
// end. Each page must get each push that it matched while that lasted, once over all of its connections.
func TestLastingModel(t *testing.T) {
	late := 0
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			m := &lastingModel{model: model{fixture: newFixture(3), t: t, r: rand.New(rand.NewPCG(seed, 6))}}
			defer m.end()
			for i := range 6 {
				m.pages = append(m.pages, &ttlPage{id: fmt.Sprint("g", i), has: make(map[uint64]bool)})
			}
			for range 400 {
				m.happen()
				m.runAll()
				for _, g := range m.pages {
					late += m.check(g)
				}
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if late < 1000 {
		t.Errorf("%d late pushes: the walk does not come by what it is to test", late)
	}
}

type lastingModel struct {
	model
	pages []*ttlPage
	lasts []*lastingPush
}

// ttlPage is a page of the model.
type ttlPage struct {
	id     string
	q      *queue
	socket *socket
	page   string
	since  uint64
	has    map[uint64]bool // true once it has come
	read   int
}

// expect notes that a push is to come, unless it has.
func (g *ttlPage) expect(seq uint64) {
	if !g.has[seq] {
		g.has[seq] = false
	}
}

type lastingPush struct {
	seq    uint64
	page   string
	retain string
	until  time.Time
}

func (m *lastingModel) happen() {
	g := m.pages[m.r.IntN(len(m.pages))]
	switch n := m.r.IntN(10); {
	case n < 3:
		m.publishSome()
	case n < 5 && g.socket != nil:
		g.page = m.page()
		g.q.say(g.socket, "page="+g.page)
		m.expect(g)
	case n < 7 && g.socket != nil:
		g.since = m.newest // as a page that has just been told where it stands
		g.q.leave(g.socket)
		g.socket = nil
	case n < 9 && g.socket == nil:
		g.q, g.page, g.read = m.queues[m.r.IntN(len(m.queues))], m.page(), 0
		g.socket = g.q.open(back(admit(lines{}, g.page), g.id, m.position(g.since)))
		for seq := g.since + 1; seq <= m.newest; seq++ {
			if m.to[seq-1] == g.page {
				g.expect(seq) // missed
			}
		}
		m.expect(g)
	case n == 9:
		time.Sleep(time.Duration(m.r.IntN(20)) * time.Second)
	}
}

func (m *lastingModel) publishSome() {
	l := &lastingPush{page: m.page()}
	p := scenecast.Push{To: to(fmt.Sprintf("page == %q", l.page))}
	if m.r.IntN(2) == 0 {
		p.TTL = time.Duration(1+m.r.IntN(60)) * time.Second
		p.Retain = m.any("", "x", "y")
		l.retain, l.until = p.Retain, time.Now().Add(p.TTL)
	}
	l.seq = m.publish(p, ignore).Position.Seq
	m.to = append(m.to, l.page)
	if p.TTL > 0 {
		m.lasts = slices.DeleteFunc(m.lasts, func(other *lastingPush) bool { return l.retain != "" && other.retain == l.retain })
		m.lasts = append(m.lasts, l)
	}
	for _, g := range m.pages {
		if g.socket != nil && g.page == l.page {
			g.has[l.seq] = false
		}
	}
}

// expect notes what a page gets because of where it is now.
func (m *lastingModel) expect(g *ttlPage) {
	for _, l := range m.lasts {
		if l.page == g.page && time.Now().Before(l.until) {
			g.expect(l.seq)
		}
	}
}

// check compares what a page has got since the last check.
func (m *lastingModel) check(g *ttlPage) (late int) {
	m.t.Helper()
	if g.socket == nil {
		return 0
	}
	for _, message := range g.socket.got[g.read:] {
		var how string
		var seq uint64
		if n, _ := fmt.Sscanf(message, "%s %d", &how, &seq); n != 2 || how != "push" && how != "late" {
			m.t.Fatalf("%s is told %q", g.id, message)
		}
		if has, ok := g.has[seq]; has || !ok {
			m.t.Fatalf("%s on %s got %q; it had it: %v", g.id, g.page, message, has)
		}
		if g.has[seq] = true; how == "late" {
			late++
		}
	}
	g.read = len(g.socket.got)
	for seq, has := range g.has {
		if !has {
			m.t.Fatalf("%s on %s has not got %d", g.id, g.page, seq)
		}
	}
	return late
}

// lasts publishes a push for page=home that lasts for a minute.
func (s *fixture) lasts(data int) {
	s.publish(scenecast.Push{To: to(`page == "home"`), TTL: time.Minute, Message: scenecast.Message{Data: make([]byte, data)}}, ignore)
}

// TestLastingEnds to the moment, also for a page that came before and matches only now.
func TestLastingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		q := s.queues[0]
		moves := q.open(admit(lines{}, "list"))
		s.lasts(1)
		s.runAll()
		time.Sleep(time.Minute - time.Nanosecond)
		inTime := q.open(admit(lines{}, "home"))
		q.run(10)
		time.Sleep(time.Nanosecond)
		tooLate := q.open(admit(lines{}, "home"))
		q.say(moves, "page=home")
		s.runAll()
		if len(inTime.got) != 1 || len(tooLate.got)+len(moves.got) != 0 {
			t.Errorf("in time: %q; too late: %q and %q", inTime.got, tooLate.got, moves.got)
		}
		if n := hub.Lasting(q.shard, "a"); n != 0 {
			t.Errorf("%d pushes last", n)
		}
	})
}

// TestMaxLasting: the oldest ends early, by number and by bytes.
func TestMaxLasting(t *testing.T) {
	for _, c := range []struct{ pushes, bytes, want int }{
		{ttlstore.MaxPushes + 10, 1, ttlstore.MaxPushes},
		{70, 1 << 20, ttlstore.MaxBytes >> 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(1)
			defer s.end()
			for range c.pushes {
				s.lasts(c.bytes)
			}
			s.runAll()
			if n := hub.Lasting(s.queues[0].shard, "a"); n != c.want {
				t.Errorf("%d pushes of %d bytes: %d last, want %d", c.pushes, c.bytes, n, c.want)
			}
			k := s.queues[0].open(admit(lines{}, "home"))
			s.runAll()
			if len(k.got) != c.want || k.got[0] != fmt.Sprint("late ", c.pushes-c.want+1) {
				t.Errorf("%d pushes of %d bytes: a page gets %d, the first being %q", c.pushes, c.bytes, len(k.got), k.got[0])
			}
		})
	}
}

// TestSweep: pushes whose ttl has passed are let go of though nothing is published any more and nobody comes, and then no timer runs.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		q := s.queues[0]
		for range 1000 { // which takes more than one go
			s.lasts(1)
		}
		s.runAll()
		for _, c := range []struct {
			sleep    time.Duration
			lasting  int
			sweeping bool
		}{{time.Minute - time.Second, 1000, true}, {11 * time.Second, 0, false}} {
			time.Sleep(c.sleep)
			s.runAll()
			if n := hub.Lasting(q.shard, "a"); n != c.lasting || hub.Sweeping(q.shard) != c.sweeping {
				t.Errorf("after another %v: %d pushes last, sweeping %v", c.sleep, n, hub.Sweeping(q.shard))
			}
		}
		s.lasts(1)
		if s.runAll(); hub.Lasting(q.shard, "a") != 1 || !hub.Sweeping(q.shard) {
			t.Errorf("a further push: %d last, sweeping %v", hub.Lasting(q.shard, "a"), hub.Sweeping(q.shard))
		}
	})
}

// TestManyLastingInSteps: a page that matches more than its outbox holds gets all of it, as fast as it reads.
func TestManyLastingInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		q := s.queues[0]
		q.frames = 3
		for range 20_000 / 10 {
			s.lasts(1)
		}
		s.runAll()
		k := q.open(admit(long{}, "home"))
		q.run(10)
		for ; len(k.pending) > 0; q.run(10) {
			if n := len(k.pending[0].Data); n > hub.StepBytes {
				t.Fatalf("%d bytes are outstanding, want at most %d", n, hub.StepBytes)
			}
			q.write(k)
		}
		if len(k.got) != 2000 || k.code != 0 {
			t.Errorf("got %d pushes, closed with %d", len(k.got), k.code)
		}
	})
}

// long are lines that are long.
type long struct{ lines }

func (l long) EncodePush(p *scenecast.Push, d scenecast.Delivery) []byte {
	if d == scenecast.Late {
		return append(make([]byte, 1000), '\n')
	}
	return l.lines.EncodePush(p, d)
}
