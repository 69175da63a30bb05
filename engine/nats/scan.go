package nats

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/language"
)

// scanner goes through entries as the follower does.
type scanner struct {
	*cluster.Scanner
	last  uint64 // sequence number
	epoch epoch
}

// ScanDir reads the log of the cluster of this name from the data directory of a node that does not run, and calls push for each push
// that happened, in order. Damage is no error: it goes on behind it.
func ScanDir(dir, name string, reader *cluster.Reader, push func(*scenecast.Push)) (cluster.Scan, error) {
	s := scanner{Scanner: cluster.NewScanner(reader, push)}
	err := readBlocks(dir, streamPrefix+name, "scenecast."+name+".log", s.take, s.Damaged)
	return s.Scan, err
}

// ScanURL does so with the log that external servers keep.
func ScanURL(ctx context.Context, o Options, reader *cluster.Reader, push func(*scenecast.Push)) (cluster.Scan, error) {
	s := scanner{Scanner: cluster.NewScanner(reader, push)}
	b, err := New(o)
	if err != nil {
		return s.Scan, err
	}
	defer b.cancel()
	how, err := b.external()
	if err != nil {
		return s.Scan, err
	}
	if b.conn, err = nats.Connect(b.options.URL, append(how, nats.Name("scenecast log"), nats.CustomInboxPrefix(inboxPrefix), nats.NoReconnect())...); err != nil {
		return s.Scan, language.Errorf("connect to NATS: %w", err)
	}
	defer b.conn.Close()
	asking, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	state, err := b.streamInfo(asking)
	if err != nil {
		return s.Scan, language.Errorf("%w named %s at %s: %w", ErrNoLog, o.Name, o.URL, err)
	}
	for next := state.First; next <= state.Last; {
		before := next
		_, err := b.getBatch(next, func(m *nats.Msg, seq uint64) {
			at, _ := time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
			s.take(stored{seq, at, m.Data})
			next = max(next, seq+1)
		})
		if err != nil {
			return s.Scan, err
		}
		if next == before { // what is left has been dropped meanwhile
			break
		}
	}
	return s.Scan, nil
}

// scanTimeout is how long servers may take to say how the log stands: they do not answer at all what a user may not ask.
const scanTimeout = 5 * time.Second

// take takes the next entry.
func (s *scanner) take(r stored) {
	wrong := func(err error) { s.Damaged(language.Errorf("entry %d: %w", r.sequence, err)) }
	switch {
	case r.sequence <= s.last:
		wrong(language.Errorf("it follows entry %d", s.last))
		return
	case s.last > 0 && r.sequence > s.last+1:
		wrong(language.Errorf("%d entries before it are missing", r.sequence-s.last-1))
	}
	s.last = r.sequence
	if r.data == nil {
		return
	}
	if s.Begun.IsZero() {
		s.Begun = r.at
	}
	s.Ended = r.at
	s.Bytes += int64(len(r.data))
	e, err := parseEntry(r.sequence, r.data)
	switch {
	case err != nil:
		wrong(err)
	case e.kind == kindEpoch:
		s.begin(e, wrong)
	default:
		s.record(e, wrong)
	}
}

// begin takes the beginning of an epoch.
func (s *scanner) begin(e entry, wrong func(error)) {
	first := s.epoch.id == 0
	if !first && e.epoch.base < s.epoch.base {
		wrong(language.NewError("an epoch whose numbers are below those of the one before"))
	}
	if err := s.Begin(e.number(), e.previousEnd, first); err != nil {
		wrong(err)
	}
	s.epoch = e.epoch
}

// record takes a record.
func (s *scanner) record(e entry, wrong func(error)) {
	s.Records++
	if s.epoch.id == 0 { // the beginning of its epoch has been dropped
		s.epoch = e.epoch
	}
	if e.epoch != s.epoch {
		s.Void++
		return
	}
	if err := s.Record(e.epoch.id, e.number(), e.record); err != nil {
		wrong(err)
	}
}
