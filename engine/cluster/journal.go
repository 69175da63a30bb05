package cluster

import "sync"

// journal keeps what the backend tells while the node takes nothing: while another process takes its place, and in that one until it has
// it. Record, Epoch and Missed come from one goroutine and messages from others, so it has a lock of its own.
type journal struct {
	mu      sync.Mutex
	events  []told
	bytes   int
	limit   int  // of bytes
	full    bool // more has come than may be kept
	dropped bool // nothing is kept any more: another process is this node
}

// told is something that the backend has told.
type told struct {
	kind        toldKind
	number      uint64 // of a record; behind which an epoch begins; up to which records were missed
	epoch       uint64
	previousEnd uint64
	body        []byte // of a record or a message
}

type toldKind byte

const (
	toldRecord toldKind = iota
	toldEpoch
	toldMissed
	toldMessage
)

// maxJournal bounds the bytes that are kept, in one process for as long as pages stand still, in the other for as long as the handover takes.
const maxJournal = 256 << 20

func (j *journal) add(t told) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dropped {
		return
	}
	if size := len(t.body) + journalEntry; j.bytes+size <= j.limit && !j.full {
		j.bytes += size
		j.events = append(j.events, t)
		return
	}
	// A record that cannot be kept is one that was missed, which pages are told. A message may be lost: who waits for an answer has a timeout, and
	// presence asks for what it has missed.
	j.full = true
	switch t.kind {
	case toldMessage:
	case toldRecord, toldMissed:
		if last := len(j.events) - 1; last >= 0 && j.events[last].kind == toldMissed {
			j.events[last].number = max(j.events[last].number, t.number)
			return
		}
		j.events = append(j.events, told{kind: toldMissed, number: t.number})
	case toldEpoch:
		j.events = append(j.events, t)
	}
}

// journalEntry is what an event takes besides its body, in bytes.
const journalEntry = 64

// take returns what is kept, and forgets it.
func (j *journal) take() []told {
	j.mu.Lock()
	defer j.mu.Unlock()
	events := j.events
	j.events, j.bytes = nil, 0
	return events
}

func (j *journal) isFull() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.full
}

func (j *journal) drop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events, j.dropped = nil, true
}

// take takes what the backend tells, or keeps it.
func (e *Engine) take(t told) {
	e.taking.RLock()
	defer e.taking.RUnlock()
	if j := e.moving.journal; j != nil && !e.isBefore(t) {
		j.add(t)
		return
	}
	e.apply(t)
}

// isBefore reports whether an event of the log is one that the process has read whose place this one takes.
func (e *Engine) isBefore(t told) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return t.kind != toldMessage && t.number <= e.moving.before
}

func (e *Engine) apply(t told) {
	switch t.kind {
	case toldRecord:
		e.record(t.number, t.body)
	case toldEpoch:
		e.epoch(t.epoch, t.number, t.previousEnd)
	case toldMissed:
		e.missed(t.number)
	case toldMessage:
		if err := e.receive(t.body); err != nil {
			e.logger.Warn("engine: a message of another node cannot be read", "err", err)
		}
	}
}

// hold has the journal keep what the backend tells from when it returns.
func (e *Engine) hold() {
	e.taking.Lock()
	defer e.taking.Unlock()
	e.moving.journal = &journal{limit: maxJournal}
}

// replay takes what was kept, and from when it returns what is told.
func (e *Engine) replay() {
	for {
		e.taking.Lock()
		j := e.moving.journal
		events := j.take()
		if len(events) == 0 {
			e.moving.journal = nil
			e.taking.Unlock()
			return
		}
		e.taking.Unlock()
		for _, t := range events {
			e.apply(t)
		}
	}
}
