package nats

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"time"

	"github.com/nats-io/nats.go"

	"scenecast/language"
)

// beginAlone begins an epoch where nobody else could have: in a log that is empty, or whose last records may have been lost with the
// machine's power, as nobody is there who has read them. Pages that stand before the end of the log resume all the same.
func (b *Backend) beginAlone(ctx context.Context) error {
	var w waiting
	for {
		state, err := b.streamInfo(ctx)
		switch {
		case err == nil && state.Last == 0 && b.reached.before == 0:
			err = b.beginEpoch(ctx, kindEpoch, 0, 0, 0)
		case err == nil && state.Last == 0:
			err = b.beginBehindLoss(ctx, entry{})
		case err == nil && b.isAlone(ctx):
			var last entry
			last, err = b.lastEntry(ctx)
			switch {
			case errors.Is(err, errNoEntry): // everything in the log was too old
				err = b.beginEpoch(ctx, kindEpoch, state.Last, 0, max(b.reached.before, newNumber()))
			case err != nil:
			case last.number() < b.reached.before:
				err = b.beginBehindLoss(ctx, last)
			case b.options.URL != "" || !b.options.Embedded.SyncAlways:
				err = b.beginEpoch(ctx, kindEpoch, last.seq, last.number(), last.number())
			}
		case err == nil:
			return nil
		}
		if err == nil {
			return nil
		}
		// Another node was faster, or there is no leader yet.
		if err := b.waitFor(ctx, &w, language.Errorf("waiting for the log to begin: %w", err)); err != nil {
			return err
		}
	}
}

// beginBehindLoss begins an epoch in a log that has lost its end: it is shorter than this node has read it.
func (b *Backend) beginBehindLoss(ctx context.Context, last entry) error {
	b.log.Error("engine: the log has lost its end, as its files are damaged or were removed; pages that come back are told of a gap",
		"stands_at", last.number(), "was_at", b.reached.before, "lost_records", b.reached.before-last.number())
	return b.beginEpoch(ctx, kindLoss, last.seq, last.number(), b.reached.before)
}

// isAlone reports whether no other node answers.
func (b *Backend) isAlone(ctx context.Context) bool {
	_, err := b.askOthers(ctx)
	return err != nil
}

// askOthers returns the epoch that another node says is in force. An error says that no other node answers.
func (b *Backend) askOthers(ctx context.Context) (e epoch, err error) {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	m, err := b.conn.RequestWithContext(ctx, b.hereSubject, nil)
	if err == nil && len(m.Data) == 16 {
		e = epoch{binary.BigEndian.Uint64(m.Data), binary.BigEndian.Uint64(m.Data[8:])}
	}
	return e, err
}

// epochInForce is what a node answers that is asked whether it is there: an epoch's ID and base.
func (b *Backend) epochInForce() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, b.force.id), b.force.base)
}

// entry is one of the stream.
type entry struct {
	seq         uint64
	kind        byte
	epoch       epoch
	previousEnd uint64 // of the beginning of an epoch
	loss        bool   // … behind which records were lost
	record      []byte
	hash        uint64
}

// number is the entry's number in the log.
func (e *entry) number() uint64 { return e.seq + e.epoch.base }

var errEntry = language.NewError("the stream has an entry that is none of Scenecast's")

func parseEntry(seq uint64, data []byte) (e entry, err error) {
	if len(data) < recordHead {
		return entry{seq: seq}, errEntry
	}
	e = entry{seq: seq, kind: data[0], hash: hash(data)}
	e.epoch = epoch{binary.BigEndian.Uint64(data[1:]), binary.BigEndian.Uint64(data[9:])}
	if e.kind == kindLoss {
		e.kind, e.loss = kindEpoch, true
	}
	switch {
	case e.kind == kindEpoch && len(data) == epochSize:
		e.previousEnd = binary.BigEndian.Uint64(data[17:])
	case e.kind == kindRecord:
		e.record = data[recordHead:]
	default:
		return e, errEntry
	}
	return e, nil
}

// hash tells two entries at one place of the log apart. It is this process's own.
func hash(data []byte) uint64 { return maphash.Bytes(hashSeed, data) }

var hashSeed = maphash.MakeSeed()

// lastEntry is the newest entry of the stream.
func (b *Backend) lastEntry(ctx context.Context) (entry, error) {
	return b.getEntry(ctx, `{"last_by_subj":"`+b.logSubject+`"}`)
}

// errNoEntry is returned where the log has no such entry, or not any more.
var errNoEntry = language.NewError("the log has no such entry")

// newNumber is above the numbers of a log whose last ones nobody knows any more: records are never as many as these pass in time.
func newNumber() uint64 { return uint64(time.Now().Unix()) << 20 }

// getEntry asks the log's leader for an entry.
func (b *Backend) getEntry(ctx context.Context, request string) (entry, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := b.conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+b.stream, []byte(request))
	if err != nil {
		return entry{}, err
	}
	seq, ok := sequence(m)
	if !ok {
		return entry{}, language.Errorf("%w: %s %s", errNoEntry, m.Header.Get("Status"), m.Header.Get("Description"))
	}
	return parseEntry(seq, m.Data)
}

// newEpochID draws the name of an epoch, which is never 0 and exact in a float64.
func newEpochID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: see its documentation
	return max(1, binary.BigEndian.Uint64(b[:])>>11)
}

// sequence is a record's sequence number in the stream, which JetStream puts into the header.
func sequence(m *nats.Msg) (seq uint64, ok bool) {
	for _, c := range []byte(m.Header.Get("Nats-Sequence")) {
		if c < '0' || c > '9' {
			return 0, false
		}
		seq = seq*10 + uint64(c-'0')
	}
	return seq, seq > 0
}
