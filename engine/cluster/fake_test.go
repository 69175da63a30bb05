package cluster

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"scenecast"
)

// fakeLog is a backend's log, in memory, that does to its nodes what networks and replicas do.
type fakeLog struct {
	mu      sync.Mutex
	rand    *rand.Rand
	faults  faults
	entries []fakeEntry
	number  uint64 // of the last record
	epochs  uint64
	changed *sync.Cond
	nodes   []*fakeBackend
}

// fakeEntry is a record, or the beginning of an epoch.
type fakeEntry struct {
	number      uint64
	record      []byte
	safe        bool // it is not lost any more
	at          time.Time
	epoch       uint64 // not 0: it is the beginning of this one
	previousEnd uint64
}

// faults are how probable each is, in percent, and how long things take at most.
type faults struct {
	ackLost, appendLost, appendTwice int
	messageLost, messageTwice        int
	delay                            time.Duration
	ackDelay                         time.Duration // how much longer it takes at most until an origin is told that a record is there
	safe                             bool          // what an origin was told to be there is never lost
}

func newFakeLog(seed uint64, f faults) *fakeLog {
	l := &fakeLog{epochs: seed << 10, rand: rand.New(rand.NewPCG(seed, 1)), faults: f}
	l.changed = sync.NewCond(&l.mu)
	l.begin(0)
	return l
}

// begin, with mu held, begins an epoch.
func (l *fakeLog) begin(previousEnd uint64) {
	l.epochs++
	if len(l.entries) > 0 {
		l.number += 1 << 20
	}
	l.entries = append(l.entries, fakeEntry{number: l.number, epoch: l.epochs, previousEnd: previousEnd})
	l.changed.Broadcast()
}

// loseTail loses the newest records, unless they are older than replicas can lag behind, of which some nodes may have read some.
func (l *fakeLog) loseTail(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := len(l.entries)
	for ; n > 0 && end > 1 && l.entries[end-1].epoch == 0 && !l.entries[end-1].safe && time.Since(l.entries[end-1].at) < 10*time.Second; n-- {
		end--
	}
	l.entries = l.entries[:end]
	for _, b := range l.nodes {
		b.next = min(b.next, end)
	}
	l.begin(l.entries[end-1].number)
}

func (l *fakeLog) chance(percent int) bool { return percent > 0 && l.rand.IntN(100) < percent }

// pause is a delay of some length.
func (l *fakeLog) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.faults.delay == 0 {
		return 0
	}
	return time.Duration(l.rand.Int64N(int64(l.faults.delay)))
}

// ackPause is how much longer an acknowledgement takes.
func (l *fakeLog) ackPause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.faults.ackDelay == 0 {
		return 0
	}
	return time.Duration(l.rand.Int64N(int64(l.faults.ackDelay)))
}

// acknowledge reports whether an origin may be told that a record is there: where that is a promise, it must be, and stays.
func (l *fakeLog) acknowledge(number uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.faults.safe {
		return true
	}
	for i := range l.entries {
		if e := &l.entries[i]; e.number == number && e.epoch == 0 {
			e.safe = true
			return true
		}
	}
	return false
}

// fakeBackend is a node's end of the log.
type fakeBackend struct {
	log  *fakeLog
	self scenecast.NodeID
	on   Events
	ctx  context.Context
	end  context.CancelFunc
	done sync.WaitGroup

	appending chan appending

	next     int // entry to read; log.mu
	stalled  bool
	behind   bool          // it reads nothing, and messages come
	deaf     bool          // no message comes, and it reads
	cut      bool          // nothing goes through, either way
	delay    time.Duration // of everything that it reads
	mailbox  []fakeMessage
	isClosed bool
	carries  int // bytes of a record or a message; 0: 16 MiB
}

// fakeMessage is a message on its way.
type fakeMessage struct {
	body []byte
	due  time.Time
}

func (l *fakeLog) backend() *fakeBackend {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &fakeBackend{log: l, appending: make(chan appending, 16)}
	b.ctx, b.end = context.WithCancel(context.Background())
	l.nodes = append(l.nodes, b)
	return b
}

// set changes what happens to the node.
func (b *fakeBackend) set(change func()) {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	change()
	b.log.changed.Broadcast()
}

// cutOff has nothing go through for a while, which the node is told. That it goes again it is told when it has read what there is.
func (b *fakeBackend) cutOff(lasts time.Duration) {
	b.set(func() { b.cut = true })
	b.on.State(errLost)
	time.Sleep(lasts)
	b.set(func() { b.cut = false })
	b.catchUp()
	b.on.State(nil)
}

// catchUp waits until the node has read what there is.
func (b *fakeBackend) catchUp() {
	for b.isBehind() {
		time.Sleep(time.Millisecond)
	}
}

func (b *fakeBackend) isBehind() bool {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	return b.next < len(b.log.entries) && !b.isClosed
}

// Start implements Backend.
func (b *fakeBackend) Start(_ context.Context, self scenecast.NodeID, on Events) error {
	b.set(func() { b.self, b.on = self, on })
	b.done.Go(b.keepAppending)
	b.log.mu.Lock()
	atStart := len(b.log.entries)
	b.log.mu.Unlock()
	b.done.Go(func() {
		live := false
		for {
			b.log.mu.Lock()
			for !b.isClosed && (b.stalled || b.behind || b.cut || b.next >= len(b.log.entries)) {
				b.log.changed.Wait()
			}
			if b.isClosed {
				b.log.mu.Unlock()
				return
			}
			e := b.log.entries[b.next]
			b.next++
			n, delay := b.next, b.delay
			b.log.mu.Unlock()
			if live {
				time.Sleep(b.log.pause() + delay)
			}
			if e.epoch != 0 {
				on.Epoch(e.epoch, e.number, e.previousEnd)
			} else {
				on.Record(e.number, e.record)
			}
			if !live && n >= atStart {
				live = true
				on.Live()
			}
		}
	})
	b.done.Go(func() {
		for {
			b.log.mu.Lock()
			for !b.isClosed && (b.stalled || b.deaf || b.cut || len(b.mailbox) == 0) {
				b.log.changed.Wait()
			}
			if b.isClosed {
				b.log.mu.Unlock()
				return
			}
			m := b.mailbox[0]
			b.mailbox = b.mailbox[1:]
			b.log.mu.Unlock()
			time.Sleep(time.Until(m.due))
			on.Message(m.body)
		}
	})
	return nil
}

var errLost = errors.New("nobody knows")

// Append implements Backend.
func (b *fakeBackend) Append(record []byte, done func(error)) {
	b.appending <- appending{record, done}
}

// appending is a record on its way.
type appending struct {
	record []byte
	done   func(error)
}

// keepAppending takes records in order; what is said of them comes later.
func (b *fakeBackend) keepAppending() {
	for {
		select {
		case <-b.ctx.Done():
			for {
				select {
				case a := <-b.appending:
					b.done.Go(func() { a.done(errLost) })
				default:
					return
				}
			}
		case a := <-b.appending:
			time.Sleep(b.log.pause())
			last, err := b.append(a.record)
			b.done.Go(func() {
				time.Sleep(b.log.pause() + b.log.ackPause())
				if err == nil && !b.log.acknowledge(last) {
					err = errLost
				}
				a.done(err)
			})
		}
	}
}

// append puts a record at the end, and returns its last number.
func (b *fakeBackend) append(record []byte) (uint64, error) {
	l := b.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.cut || b.isClosed || l.chance(l.faults.appendLost) {
		return 0, errLost
	}
	times := 1
	if l.chance(l.faults.appendTwice) {
		times = 2
	}
	for range times {
		l.number++
		l.entries = append(l.entries, fakeEntry{number: l.number, record: append([]byte(nil), record...), at: time.Now()})
	}
	l.changed.Broadcast()
	if l.chance(l.faults.ackLost) {
		return 0, errLost
	}
	return l.number, nil
}

// CheckRoom implements Backend.
func (b *fakeBackend) CheckRoom() error { return nil }

// MaxRecord implements Backend.
func (b *fakeBackend) MaxRecord() int { return cmp.Or(b.carries, 16<<20) }

// Send implements Backend.
func (b *fakeBackend) Send(_ context.Context, to scenecast.NodeID, message []byte) error {
	l := b.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, other := range l.nodes {
		if other == b || to != 0 && other.self != to || b.cut || other.cut || l.chance(l.faults.messageLost) {
			continue
		}
		m := fakeMessage{body: append([]byte(nil), message...), due: time.Now()}
		if l.faults.delay > 0 {
			m.due = m.due.Add(time.Duration(l.rand.Int64N(int64(l.faults.delay))))
		}
		other.mailbox = append(other.mailbox, m)
		if l.chance(l.faults.messageTwice) {
			other.mailbox = append(other.mailbox, m)
		}
	}
	l.changed.Broadcast()
	return nil
}

// Close implements Backend.
func (b *fakeBackend) Close() error {
	b.set(func() { b.isClosed = true })
	b.end()
	b.done.Wait()
	return nil
}
