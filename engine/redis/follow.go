package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"

	"scenecast/language"
)

// follower reads the log in order, and the messages to this node, with one command that waits for both. It is for one goroutine.
type follower struct {
	*Backend
	link   *link
	last   mark   // the newest entry that was read
	epoch  uint64 // in force; 0: nothing was read
	isLive bool

	position string // in the log: ID behind which it is read
	count    int    // how many entries of each stream one command reads

	boxes    [2]mailbox // of messages to all nodes, and to this one
	dropping bool       // messages, since none waited

	looked  time.Time // when it was found out last how the log stands
	checked time.Time // … and how the server is set
	dropped uint64    // entries below it were dropped, when it was looked
	evicts  bool      // it may evict the log
	lacks   bool      // it has fewer replicas than a record has to be on

	recent []mark // the newest entries that were read and that the log is to have, by rising numbers
}

// recentEntries is how many entries are remembered, to find out up to which one a log is the one that was read.
const recentEntries = 4096

// How long one command waits for something to come, how often the log is looked at, and how often the server and its settings are.
const (
	readBlock  = 400 * time.Millisecond
	lookEvery  = 500 * time.Millisecond
	checkEvery = time.Minute
)

// readCount is how many entries of each stream one command reads at most.
const readCount = 100

func newFollower(b *Backend) *follower {
	f := &follower{Backend: b, link: b.reading, last: origin, position: "0-0", count: readCount}
	f.boxes = [2]mailbox{{key: b.keys.all}, {key: b.mailboxOf(b.self)}}
	return f
}

// begin finds out what there is, when the node starts.
func (f *follower) begin() error {
	if err := f.checkServer(); err != nil {
		return err
	}
	_, err := f.lookAt()
	return err
}

// run follows until Close.
func (f *follower) run() {
	for pause := reopenAfter; f.ctx.Err() == nil; {
		began := time.Now()
		err := f.follow()
		if f.ctx.Err() != nil {
			return
		}
		f.state(err)
		f.log.Debug("engine: the log is not read", "err", err)
		if time.Since(began) > 2*lookEvery {
			pause = reopenAfter
		}
		select {
		case <-f.ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

// follow reads until something fails. That all is in order is told when the log has been looked at, which writes, and read.
func (f *follower) follow() error {
	f.looked, f.checked = time.Time{}, time.Time{}
	for block := time.Millisecond; ; block = readBlock {
		if time.Since(f.checked) >= checkEvery {
			if err := f.checkServer(); err != nil {
				return err
			}
		}
		if time.Since(f.looked) >= lookEvery {
			s, err := f.lookAt()
			if err != nil {
				return err
			}
			if err := f.catchUp(s); err != nil {
				return err
			}
		}
		if err := f.read(block); err != nil {
			return err
		}
		f.state(nil)
	}
}

// lookAt finds out how the log stands, has an epoch begin where Redis is not the one that it was, and looks whether the streams are
// still those that were read.
func (f *follower) lookAt() (s standing, err error) {
	f.looked = time.Now()
	newest := func(key string) command {
		return func(c rueidis.Builder) rueidis.Completed {
			return c.Xrevrange().Key(key).End("+").Start("-").Count(1).Build()
		}
	}
	replication := func(c rueidis.Builder) rueidis.Completed { return c.Info().Section("replication").Build() }
	behind := []command{newest(f.boxes[0].key), newest(f.boxes[1].key), replication}
	tooOld := f.retention.dropBelow(f.looked)
	if tooOld > f.dropped {
		behind = append(behind, f.dropOld(tooOld))
	}
	answers, err := f.runScript(f.link, answerTimeout, f.scriptArgs(f.last.number, misfit{}, 0), behind...)
	f.noteRoom(err)
	if err != nil {
		return s, err
	}
	f.dropped = tooOld
	if s, err = parseStanding(answers[0]); err != nil {
		return s, err
	}
	for i := range f.boxes {
		entries, err := answers[1+i].AsXRange()
		if err != nil {
			return s, err
		}
		f.boxes[i].compare(entries)
	}
	text, _ := answers[3].ToString()
	f.checkReplicas(f.report.told(s, f.last.number, text))
	if s.newest.number == f.last.number && s.newest != f.last {
		return s, f.misfits(s.epoch)
	}
	return s, nil
}

// dropOld drops entries below a number, also while nothing is published. It is not part of the script, as it has to be done where the
// server has reached its maxmemory, and the script fails: maybe that makes the room that lacks.
func (f *follower) dropOld(below uint64) command {
	return func(c rueidis.Builder) rueidis.Completed {
		return c.Xtrim().Key(f.keys.log).Minid().Almost().Threshold(id(below)).Build()
	}
}

// catchUp reads up to where the log stands, at the start.
func (f *follower) catchUp(s standing) error {
	if f.isLive {
		return nil
	}
	for f.last.number < s.newest.number {
		before := f.position
		if err := f.read(time.Millisecond); err != nil {
			return err
		}
		if f.position == before { // somebody has removed what was there
			return language.Errorf("the log stands at %d, and has nothing behind %d", s.newest.number, f.last.number)
		}
	}
	f.isLive = true
	f.on.Live()
	return nil
}

// read reads what there is, or comes within a time. What takes too long to come is less the next time: records can be large, and networks
// slow.
func (f *follower) read(block time.Duration) error {
	answers, err := f.link.do(block+answerTimeout, func(c rueidis.Builder) rueidis.Completed {
		return c.Xread().Count(int64(f.count)).Block(block.Milliseconds()).Streams().
			Key(f.keys.log, f.boxes[0].key, f.boxes[1].key).Id(f.position, f.boxes[0].last, f.boxes[1].last).Build()
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.count = max(1, f.count/4)
		return err
	case err != nil || answers[0].IsNil():
		return err
	}
	f.count = min(2*f.count, readCount)
	streams, err := answers[0].AsXRead()
	if err != nil {
		return err
	}
	for _, x := range streams[f.keys.log] {
		jumped, err := f.take(x)
		if err != nil {
			return err
		}
		if jumped { // what follows is read from elsewhere
			break
		}
	}
	for i := range f.boxes {
		for _, x := range streams[f.boxes[i].key] {
			f.boxes[i].last = x.ID
			f.hear([]byte(x.FieldValues["m"]))
		}
	}
	return nil
}

// hear takes a message.
func (f *follower) hear(message []byte) {
	select {
	case f.messages <- message:
		f.dropping = f.dropping && len(f.messages) > 1
	default:
		if !f.dropping {
			f.dropping = true
			f.log.Warn("engine: messages of other nodes are dropped, because this one takes them too slowly", "waiting", maxMessages)
		}
	}
}

// take takes the next entry of the log. It jumped if the one behind it is not the next one that is to be read.
func (f *follower) take(x rueidis.XRangeEntry) (jumped bool, err error) {
	e, err := parseEntry(x)
	if err != nil {
		f.log.Error("engine: the log has an entry that cannot be read", "err", err)
		f.position = x.ID
		return false, nil
	}
	switch {
	case f.epoch == 0:
		if !e.begins { // the beginning of its epoch has been dropped
			f.adopt(e)
		}
	case e.begins && f.hasBegunHere(e):
	case !e.begins && e.epoch == f.epoch && e.number == f.last.number+1 && e.previous == f.last.identity:
	default:
		if jumped, err = f.compare(e); jumped || err != nil {
			return jumped, err
		}
	}
	f.position = x.ID
	f.remember(e)
	f.retention.note(e.number, len(e.record)+entryOverhead, time.Now())
	if e.begins {
		f.beginEpoch(e)
	} else {
		f.on.Record(e.number, e.record)
	}
	return false, nil
}

// entryOverhead is about what an entry takes besides its record.
const entryOverhead = 100

// adopt has a record's epoch be in force, whose beginning is not there to be read.
func (f *follower) adopt(e entry) {
	f.epoch = e.epoch
	f.on.Epoch(e.epoch, e.number-1, e.number-1)
}

func (f *follower) beginEpoch(e entry) {
	f.epoch = e.epoch
	f.sends.anew.Store(true)
	f.on.Epoch(e.epoch, e.number, e.ended)
	if e.voids { // nobody knows who has read what
		f.on.Missed(e.number)
	}
}
