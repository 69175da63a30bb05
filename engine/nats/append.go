package nats

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"scenecast/language"
)

// What the stream holds: entries, whose first byte is their kind. All numbers are big-endian.
//
//	record: kind, epoch id (8), epoch base (8), the record
//	epoch:  kind, id (8), base (8), previous end (8)
//	loss:   an epoch, behind whose previous end records were lost that nodes had read
//
// The number of a record in the log is its sequence number in the stream plus the base of its epoch, so numbers can go on rising where
// the stream has lost its end and its sequence numbers come again.
const (
	kindRecord byte = 1
	kindEpoch  byte = 2
	kindLoss   byte = 3

	recordHead = 17
	epochSize  = 25
)

// epoch is an epoch of the log.
type epoch struct{ id, base uint64 }

// appendTimeout is how long an append may take before it is tried again: long enough for a disk, short enough for an election.
const appendTimeout = time.Second

// errNoEpoch is returned while the beginning of the epoch has not been read.
var errNoEpoch = language.NewError("the log has no epoch yet")

// appends are the records that JetStream has not answered about.
type appends struct {
	prefix      string // of the subjects that answers come to
	storeFailed func() // is called where the log cannot be written

	mu    sync.Mutex
	last  uint64
	ended map[uint64]*waitingAppend
}

type waitingAppend struct {
	done  func(error)
	timer *time.Timer
}

// Append implements cluster.Backend.
func (b *Backend) Append(record []byte, done func(error)) {
	b.mu.Lock()
	force, err := b.force, b.down
	b.mu.Unlock()
	if err == nil && force.id == 0 {
		err = errNoEpoch
	}
	if err != nil {
		go done(err)
		return
	}
	data := make([]byte, recordHead, recordHead+len(record))
	data[0] = kindRecord
	binary.BigEndian.PutUint64(data[1:], force.id)
	binary.BigEndian.PutUint64(data[9:], force.base)
	a := &b.appends
	a.mu.Lock()
	a.last++
	number := a.last
	a.ended[number] = &waitingAppend{done: done, timer: time.AfterFunc(appendTimeout, func() { a.end(number, nats.ErrTimeout) })}
	a.mu.Unlock()
	if err := b.conn.PublishRequest(b.logSubject, a.prefix+strconv.FormatUint(number, 10), append(data, record...)); err != nil {
		go a.end(number, err)
	}
}

// answered takes JetStream's answer about a record.
func (a *appends) answered(m *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, a.prefix), 10, 64)
	if err != nil {
		return
	}
	err = ackError(m)
	if refused := (*refusal)(nil); errors.As(err, &refused) && refused.Code == storeFailed {
		a.storeFailed()
	}
	a.end(number, err)
}

// end tells how an append has ended, once.
func (a *appends) end(number uint64, err error) {
	a.mu.Lock()
	w := a.ended[number]
	delete(a.ended, number)
	a.mu.Unlock()
	if w != nil {
		w.timer.Stop()
		w.done(err)
	}
}

// ackError is what JetStream has against an entry; nil: it is stored.
func ackError(m *nats.Msg) error {
	if status := m.Header.Get("Status"); status != "" {
		return language.Errorf("JetStream: status %s, nobody leads the log", status)
	}
	var ack struct {
		Error *refusal `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return language.Errorf("JetStream answered %.80q", m.Data)
	}
	if ack.Error != nil {
		return ack.Error
	}
	return nil
}

// refusal is why JetStream has not stored an entry.
type refusal struct {
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

// storeFailed is JetStream's code for a log that cannot be written.
const storeFailed = 10077

func (r *refusal) Error() string { return fmt.Sprintf("JetStream: %s (%d)", r.Description, r.Code) }

// beginEpoch appends the beginning of an epoch, if the stream still ends with this sequence number; otherwise another node has been
// faster, or there are records to be read first. Numbers of the epoch are above seen.
func (b *Backend) beginEpoch(ctx context.Context, kind byte, last, previousEnd, seen uint64) error {
	entry := make([]byte, epochSize)
	entry[0] = kind
	base := uint64(0)
	if seen > 0 {
		base = seen + numberJump - last
	}
	binary.BigEndian.PutUint64(entry[1:], newEpochID())
	binary.BigEndian.PutUint64(entry[9:], base)
	binary.BigEndian.PutUint64(entry[17:], previousEnd)
	m := &nats.Msg{Subject: b.logSubject, Data: entry, Header: nats.Header{"Nats-Expected-Last-Sequence": {strconv.FormatUint(last, 10)}}}
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	answer, err := b.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return err
	}
	return ackError(answer)
}

// numberJump is how far the numbers of a new epoch are above those of the one before: above whatever any node may have read of it.
const numberJump = 1 << 20
