package hub_test

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
)

// queue is a loop whose owner is the test: tasks wait until they are run, and frames until the kernel takes them.
type queue struct {
	shard   *hub.Shard
	mu      sync.Mutex // steps of catch-ups post from goroutines of their own
	tasks   []func()
	sockets map[scenecast.Slot]*socket
	next    uint32
	free    []scenecast.Slot
	frames  int // that an outbox holds; 0: any number
	drops   bool
	stops   bool             // it is about to stop: no background task is taken any more
	ended   []scenecast.Slot // whose outbox was full, and of which the shard is to be told
}

// socket is a page's end of a connection.
type socket struct {
	slot    scenecast.Slot
	pending []*scenecast.Frame
	then    []func()
	got     []string // messages, which are lines
	code    scenecast.CloseCode
}

func (q *queue) Post(task func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = append(q.tasks, task)
	return true
}

func (q *queue) PostBackground(task func() (more bool)) bool {
	if q.stops {
		return false
	}
	return q.Post(func() {
		if task() {
			q.PostBackground(task)
		}
	})
}

func (q *queue) Lease(scenecast.Slot) scenecast.Lease { return 0 }

// do calls the shard, and then tells it of the endings that have arisen.
func (q *queue) do(call func()) {
	call()
	for len(q.ended) > 0 {
		slot := q.ended[0]
		q.ended = q.ended[1:]
		q.shard.Closed(slot, scenecast.EndingBy(scenecast.CauseOutboxFull, ""))
	}
}

// run runs at most n tasks, and reports whether there was one.
func (q *queue) run(n int) (any bool) {
	for ; n > 0; n-- {
		q.mu.Lock()
		if len(q.tasks) == 0 {
			q.mu.Unlock()
			return any
		}
		task := q.tasks[0]
		q.tasks = q.tasks[1:]
		q.mu.Unlock()
		q.do(task)
		any = true
	}
	return any
}

func (q *queue) SendShared(s scenecast.Slot, f *scenecast.Frame) bool {
	k := q.sockets[s]
	if k == nil {
		return false
	}
	if q.frames > 0 && len(k.pending) >= q.frames {
		if !q.drops {
			q.end(k, scenecast.CloseSlowConsumer)
			q.ended = append(q.ended, s)
			return false
		}
		lose(k, k.pending[0])
		k.pending = k.pending[1:]
	}
	k.pending = append(k.pending, f)
	return true
}

func (q *queue) Send(s scenecast.Slot, frame []byte) bool {
	return q.SendShared(s, &scenecast.Frame{Data: frame})
}

func (q *queue) OnWritten(s scenecast.Slot, task func()) {
	switch k := q.sockets[s]; {
	case k == nil:
	case len(k.pending) == 0:
		q.Post(task)
	default:
		k.then = append(k.then, task)
	}
}

func (q *queue) Close(s scenecast.Slot, e scenecast.Ending) {
	if k := q.sockets[s]; k != nil {
		q.end(k, e.Code)
	}
}

// end frees the slot; what waits is lost.
func (q *queue) end(k *socket, code scenecast.CloseCode) {
	k.code = code
	delete(q.sockets, k.slot)
	q.free = append(q.free, scenecast.Slot{Index: k.slot.Index, Generation: k.slot.Generation + 1})
	for _, f := range k.pending {
		q.Post(func() { lose(k, f) })
	}
}

func lose(k *socket, f *scenecast.Frame) {
	if f.Done != nil {
		f.Done(k.slot.Index, false)
	}
}

// open has a page join. It has the slot of one that has left, where there is one.
func (q *queue) open(a scenecast.Admission) *socket {
	slot := scenecast.Slot{Index: q.next}
	if n := len(q.free); n > 0 {
		slot, q.free = q.free[n-1], q.free[:n-1]
	} else {
		q.next++
	}
	k := &socket{slot: slot}
	q.sockets[slot] = k
	q.do(func() { q.shard.Opened(slot, a) })
	return k
}

// leave has a page go.
func (q *queue) leave(k *socket) {
	if q.sockets[k.slot] == k {
		q.end(k, 0)
		q.do(func() { q.shard.Closed(k.slot, scenecast.EndingBy(scenecast.CauseReset, "")) })
	}
}

// write has the kernel take what waits.
func (q *queue) write(k *socket) {
	for _, f := range k.pending {
		k.got = append(k.got, strings.Split(strings.TrimSpace(string(f.Data)), "\n")...)
		if f.Done != nil {
			f.Done(k.slot.Index, true)
		}
	}
	k.pending = nil
	for _, task := range k.then {
		q.Post(task)
	}
	k.then = nil
}

// say has a page say something.
func (q *queue) say(k *socket, message string) {
	q.do(func() { q.shard.Received(k.slot, scenecast.Inbound{Text: true, Data: []byte(message)}) })
}

// epoch is that of the tests' logs.
const epoch = 9

// fixture is a hub on queues, and its log, in which reading can be held up.
type fixture struct {
	*hub.Hub
	queues []*queue
	others []*fixture // other nodes

	mu     sync.Mutex
	pushes []*scenecast.Push // what is kept
	newest uint64
	epochs uint64          // how often the log has begun anew
	ahead  uint64          // up to here another node has read, of this epoch
	held   []chan struct{} // reads
	holds  bool
	reads  int
	fail   error // of reading
}

// Before implements scenecast.Log; no hub asks.
func (s *fixture) Before(context.Context, scenecast.Position, int) ([]*scenecast.Push, error) {
	return nil, nil
}

// Records implements scenecast.Log; no hub asks.
func (s *fixture) Records(context.Context, []*scenecast.Push) ([]scenecast.Record, error) {
	return nil, nil
}

func newFixture(shards int) *fixture {
	s := new(fixture)
	s.Hub = hub.New(hub.Options{Number: counted, Node: 7, Limits: label.DefaultLimits, Log: s, KeepLabels: time.Minute, Broadcast: func(b []byte) {
		for _, other := range s.others {
			other.Received(b)
		}
	}})
	for range shards {
		q := &queue{sockets: make(map[scenecast.Slot]*socket)}
		q.shard = s.AddShard(q)
		s.queues = append(s.queues, q)
	}
	return s
}

func (s *fixture) position(seq uint64) scenecast.Position {
	return scenecast.Position{Epoch: epoch + s.epochs, Seq: seq}
}

// beginAnew has the log lose all that it has. Numbers go on rising, as they do over the epochs of one log.
func (s *fixture) beginAnew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epochs++
	s.pushes, s.newest, s.ahead = nil, s.newest+1000, 0
}

// publish does what an engine does: the log has the push when the hub is told of it.
func (s *fixture) publish(p scenecast.Push, report func(scenecast.Tally, bool)) *scenecast.Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest++
	p.App, p.Position, p.At = cmp.Or(p.App, "a"), s.position(s.newest), time.Now()
	if p.Message.Data == nil {
		p.Message.Data = []byte("1")
	}
	s.pushes = append(s.pushes, &p)
	s.Deliver(&p, report)
	return &p
}

// keep has the log forget all but the newest.
func (s *fixture) keep(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushes = s.pushes[max(0, len(s.pushes)-n):]
}

func (s *fixture) Newest() scenecast.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position(s.newest)
}

// After may be held up when it has read: then others go on before its result is there.
func (s *fixture) After(_ context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	s.mu.Lock()
	s.reads++
	pushes, err := s.after(after, limit)
	if s.fail != nil {
		pushes, err = nil, s.fail
	}
	held := make(chan struct{})
	if s.holds {
		s.held = append(s.held, held)
	} else {
		close(held)
	}
	s.mu.Unlock()
	<-held
	return pushes, err
}

func (s *fixture) after(after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	gap := func(reason scenecast.Gap) error {
		return &scenecast.GapError{Reason: reason, Newest: s.position(s.newest)}
	}
	oldest := s.newest - uint64(len(s.pushes)) // the last one that is not kept
	switch {
	case after == scenecast.Position{}:
		after.Seq = oldest
	case after.Epoch == epoch+s.epochs && after.Seq > s.newest && after.Seq <= s.ahead:
		return nil, nil
	case after.Epoch != epoch+s.epochs || after.Seq > s.newest:
		return nil, gap(scenecast.GapEpoch)
	case after.Seq < oldest:
		return nil, gap(scenecast.GapRetention)
	}
	pushes := s.pushes[after.Seq-oldest:]
	return pushes[:min(limit, len(pushes))], nil
}

func (s *fixture) Lookup(context.Context, string, string, string) (scenecast.Record, bool, error) {
	panic("not used")
}

// release lets a read go on.
func (s *fixture) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) > 0 {
		close(s.held[0])
		s.held = s.held[1:]
	}
}

// runAll has everything happen that is under way. It must be called in a bubble.
func (s *fixture) runAll() {
	for again := true; again; {
		again = false
		synctest.Wait()
		for _, q := range s.queues {
			again = q.run(1) || again
			for _, k := range q.sockets {
				again = again || len(k.pending) > 0
				q.write(k)
			}
		}
		s.mu.Lock()
		again = again || len(s.held) > 0
		s.mu.Unlock()
		s.release()
	}
}

// end ends whatever still reads.
func (s *fixture) end() {
	s.mu.Lock()
	s.holds = false
	s.mu.Unlock()
	for range s.held {
		s.release()
	}
	s.Close()
}

// admit is a page that may come in, with the label page.
func admit(p scenecast.Protocol, name string) scenecast.Admission {
	return scenecast.Admission{App: "a", Labels: label.New(label.Label{Key: "page", Value: name}), Protocol: p}
}

// back is the page when it comes back.
func back(a scenecast.Admission, pageID string, since scenecast.Position) scenecast.Admission {
	a.PageID, a.Resume = pageID, scenecast.Resume{Wanted: true, After: since}
	return a
}

// to is an audience.
func to(text string) audience.Expr {
	e, err := audience.Parse(text)
	if err != nil {
		panic(err)
	}
	return e
}
