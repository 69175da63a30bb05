package replay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub/framecache"
	"scenecast/hub/replay"
	"scenecast/label"
)

// wire is a protocol whose frames are the numbers of pushes.
type wire struct{ scenecast.Protocol }

func (wire) Traits() scenecast.Traits { return scenecast.Traits{} }

func (wire) EncodePush(p *scenecast.Push, _ scenecast.Delivery) []byte {
	return fmt.Appendf(nil, "%d%s\n", p.Position.Seq, strings.Repeat(" ", len(p.Message.Data)))
}

// log is pushes in order.
type log struct {
	scenecast.Log
	pushes []*scenecast.Push
}

func (l *log) After(_ context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	i, _ := slices.BinarySearchFunc(l.pushes, after, func(p *scenecast.Push, at scenecast.Position) int {
		if p.Position.Seq <= at.Seq {
			return -1
		}
		return 1
	})
	return l.pushes[i:min(len(l.pushes), i+limit)], nil
}

func at(seq uint64) scenecast.Position { return scenecast.Position{Epoch: 9, Seq: seq} }

func page(name string) label.Set { return label.New(label.Label{Key: "page", Value: name}) }

// model is a page that catches up, and what it must get.
type model struct {
	t     *testing.T
	r     *rand.Rand
	log   log
	to    []string // the page that each push is for
	shard uint64   // how many pushes of the log the shard has delivered
	page  string

	c    *replay.CatchUp
	want []uint64
	got  []uint64
	done map[uint64]int // how often the receipt of a push was told
}

// TestAgainstNaive has pushes arrive, between positions that leave gaps, and the page change its labels, before, in and behind each step.
func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(200) {
		m := &model{t: t, r: rand.New(rand.NewPCG(seed, 8)), page: "home", done: make(map[uint64]int)}
		for range m.r.IntN(600) {
			m.publish()
			m.shard++
		}
		for i, p := range m.log.pushes {
			if m.to[i] == m.page {
				m.want = append(m.want, p.Position.Seq)
			}
		}
		m.catchUp()
		if !slices.Equal(m.got, m.want) {
			t.Fatalf("seed %d: got %v, want %v", seed, m.got, m.want)
		}
		for i, p := range m.log.pushes {
			delivered := p.TTL > 0
			if n := m.done[p.Position.Seq]; delivered && n != 1 || !delivered && n != 0 {
				t.Fatalf("seed %d: the receipt of number %d, which was delivered: %v, is told %d times", seed, i, delivered, n)
			}
		}
	}
}

func (m *model) publish() *scenecast.Push {
	seq := uint64(0)
	if n := len(m.log.pushes); n > 0 {
		seq = m.log.pushes[n-1].Position.Seq
	}
	name := []string{"home", "list"}[m.r.IntN(2)]
	to, err := audience.Parse(fmt.Sprintf("page == %q", name))
	if err != nil {
		m.t.Fatal(err)
	}
	data := make([]byte, m.r.IntN(10))
	if m.r.IntN(100) == 0 {
		data = make([]byte, m.r.IntN(2*replay.StepBytes))
	}
	p := &scenecast.Push{App: "a", Position: at(seq + 1 + m.r.Uint64N(1<<10)), To: to, Message: scenecast.Message{Data: data}}
	m.log.pushes = append(m.log.pushes, p)
	m.to = append(m.to, name)
	return p
}

// position is the shard's.
func (m *model) position() scenecast.Position {
	if m.shard == 0 {
		return at(0)
	}
	return m.log.pushes[m.shard-1].Position
}

// happen has pushes arrive and be delivered, and labels change.
func (m *model) happen() {
	for range m.r.IntN(4) {
		if m.r.IntN(8) == 0 {
			m.page = []string{"home", "list"}[m.r.IntN(2)]
			if !m.c.Relabel(m.position(), page(m.page)) {
				m.t.Fatal("too many labels")
			}
		}
		burst := 1
		if m.r.IntN(20) == 0 {
			burst = 100
		}
		for range burst {
			p := m.publish()
			m.shard++
			if m.to[len(m.to)-1] != m.page {
				continue
			}
			m.want = append(m.want, p.Position.Seq)
			p.TTL = 1 // a mark: it was delivered to the page
			m.c.Deliver(replay.Live{Position: p.Position, Frame: &scenecast.Frame{
				Data: wire{}.EncodePush(p, scenecast.Live),
				Done: func(uint32, bool) { m.done[p.Position.Seq]++ },
			}})
		}
	}
}

// catchUp drives the page's catch-up to its end.
func (m *model) catchUp() {
	var frames framecache.Cache
	reader := replay.NewReader(&m.log, &frames)
	defer reader.Close()
	m.c = replay.New("a", wire{}, at(0), page(m.page))
	for {
		step := m.c.Begin(m.position())
		m.happen()
		chunks := make(chan replay.Chunk)
		reader.Read(step, func(c replay.Chunk) { chunks <- c })
		chunk := <-chunks
		m.happen()
		if done, _ := m.c.Take(chunk); done != nil {
			done(0, true)
		}
		for line := range strings.FieldsSeq(string(chunk.Frames)) {
			var seq uint64
			_, _ = fmt.Sscan(line, &seq)
			m.got = append(m.got, seq)
		}
		if n := len(chunk.Frames); n > replay.StepBytes && strings.Count(string(chunk.Frames), "\n") > 1 {
			m.t.Fatalf("a chunk of %d bytes", n)
		}
		chunk.Free()
		if !m.c.NeedsStep(m.position()) {
			break
		}
	}
	had, rest := m.c.Tail()
	for _, l := range had {
		l.Frame.Done(0, true)
	}
	for _, l := range rest {
		m.got = append(m.got, l.Position.Seq)
		l.Frame.Done(0, true)
	}
}

// TestAheadOfTheShard: a page that has read more on another node, also an epoch that has begun since, is not led back to what it has had.
// When its shard has come to that epoch, the log is asked once more.
func TestAheadOfTheShard(t *testing.T) {
	var frames framecache.Cache
	reader := replay.NewReader(new(log), &frames)
	defer reader.Close()
	page := scenecast.Position{Epoch: 10, Seq: 500}
	c := replay.New("a", wire{}, page, label.Set{})
	step := func(shard scenecast.Position) {
		t.Helper()
		chunks := make(chan replay.Chunk)
		reader.Read(c.Begin(shard), func(c replay.Chunk) { chunks <- c })
		chunk := <-chunks
		if chunk.At != page || chunk.Err != nil {
			t.Errorf("it is led to %v, %v", chunk.At, chunk.Err)
		}
		c.Take(chunk)
	}
	step(at(20))
	if !c.NeedsStep(at(20)) || !c.NeedsStep(page) {
		t.Error("its catch-up ends with the shard behind it, or in an epoch that the log was not asked about")
	}
	step(page)
	if c.NeedsStep(page) {
		t.Error("its catch-up goes on with the shard at its place")
	}
}

// TestEpochDuringAStep: a page is ahead of its shard, by what the log has lost since. That the shard is ahead of it now, in the next epoch,
// does not say that the page goes on there.
func TestEpochDuringAStep(t *testing.T) {
	c := replay.New("a", wire{}, at(21), label.Set{})
	c.Begin(at(20))
	c.Take(replay.Chunk{At: at(21)})
	if !c.NeedsStep(scenecast.Position{Epoch: 10, Seq: 5000}) {
		t.Error("the page goes on in an epoch that it may have no place in")
	}
	if c.NeedsStep(at(30)) {
		t.Error("the page does not go on where its shard has come to read what it has had")
	}
}

// settlingLog keeps who reads behind one position waiting.
type settlingLog struct {
	log
	unsettled scenecast.Position
	settled   chan struct{}
}

func (l *settlingLog) AwaitSettled(_ context.Context, after scenecast.Position) error {
	if after == l.unsettled {
		<-l.settled
	}
	return nil
}

// TestOthersDoNotWait: pages for which the log has to settle keep no other page waiting, however many they are.
func TestOthersDoNotWait(t *testing.T) {
	var frames framecache.Cache
	l := &settlingLog{unsettled: at(7), settled: make(chan struct{})}
	reader := replay.NewReader(l, &frames)
	defer reader.Close()
	waiting := make(chan replay.Chunk)
	pages := replay.StepsAtATime() + 1
	for range pages {
		reader.Read(replay.New("a", wire{}, at(7), label.Set{}).Begin(at(20)), func(c replay.Chunk) { waiting <- c })
	}
	others := make(chan replay.Chunk)
	reader.Read(replay.New("a", wire{}, at(8), label.Set{}).Begin(at(20)), func(c replay.Chunk) { others <- c })
	if chunk := <-others; chunk.At != at(20) {
		t.Errorf("another page is led to %v", chunk.At)
	}
	close(l.settled)
	for range pages {
		<-waiting
	}
}

// TestAbandon: receipts of what was left to the log are told, once.
func TestAbandon(t *testing.T) {
	c := replay.New("a", wire{}, at(0), page("home"))
	c.Begin(at(1))
	told := 0
	for i := range 3 * replay.MaxTail {
		c.Deliver(replay.Live{Position: at(uint64(2 + i)), Frame: &scenecast.Frame{Done: func(_ uint32, written bool) {
			if written {
				t.Error("it was written")
			}
			told++
		}}})
	}
	if done := c.Abandon(); done == nil {
		t.Error("nobody wants to know")
	} else if done(0, false); told != 3*replay.MaxTail {
		t.Errorf("%d are told, want %d", told, 3*replay.MaxTail)
	}
	if c.Abandon() != nil {
		t.Error("somebody wants to know again")
	}
}

// TestTooManyLabels: what is known of a page's labels is bounded.
func TestTooManyLabels(t *testing.T) {
	c := replay.New("a", wire{}, at(0), page("home"))
	for i := range uint64(replay.MaxSpans - 1) {
		for range 3 { // at one position, the last ones count
			if !c.Relabel(at(i+1), page("list")) {
				t.Fatalf("refused after %d", i)
			}
		}
	}
	if c.Relabel(at(replay.MaxSpans), page("home")) {
		t.Error("there is no bound")
	}
}
