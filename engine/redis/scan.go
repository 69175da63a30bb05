package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/language"
	"scenecast/redisclient"
)

// ErrNoLog is returned where there is no log to be read.
var ErrNoLog = language.NewError("there is no log")

// Scan reads the log and calls push for each push that happened, in order. Damage is no error: it goes on behind it. Nothing in Redis
// is changed.
func Scan(ctx context.Context, o Options, reader *cluster.Reader, push func(*scenecast.Push)) (cluster.Scan, error) {
	o = o.withDefaults()
	o.Client.ConnWriteTimeout = scanTimeout // on what bounds how long it takes to answer
	s := scanner{Scanner: cluster.NewScanner(reader, push)}
	client, err := redisclient.Connect(o.Client)
	if err != nil {
		return s.Scan, err
	}
	defer client.Close()
	log := keysOf(o.Tag).log
	for from := "-"; ; {
		asking, cancel := context.WithTimeout(ctx, scanTimeout)
		entries, err := client.Do(asking, client.B().Xrange().Key(log).Start(from).End("+").Count(readCount).Build()).AsXRange()
		cancel()
		switch {
		case err != nil:
			return s.Scan, err
		case len(entries) == 0 && from == "-":
			return s.Scan, language.Errorf("%w at the key %s", ErrNoLog, log)
		case len(entries) == 0:
			return s.Scan, nil
		}
		for _, x := range entries {
			s.take(x)
			from = "(" + x.ID
		}
	}
}

// scanTimeout is how long some entries may take to come.
const scanTimeout = 30 * time.Second

// scanner goes through entries as the follower does.
type scanner struct {
	*cluster.Scanner
	last  mark
	epoch uint64
}

// take takes the next entry.
func (s *scanner) take(x rueidis.XRangeEntry) {
	e, err := parseEntry(x)
	if err != nil {
		s.Damaged(err)
		return
	}
	s.Bytes += int64(len(e.record)) + entryOverhead
	wrong := func(err error) { s.Damaged(language.Errorf("entry %s: %w", x.ID, err)) }
	first := s.epoch == 0
	if e.begins {
		if err := s.Begin(e.number, e.ended, first); err != nil {
			wrong(err)
		}
	} else {
		s.Records++
		switch {
		case first: // the beginning of its epoch has been dropped
		case e.number != s.last.number+1 || e.previous != s.last.identity:
			wrong(language.NewError("it does not follow the entry before it: what was between is missing"))
		case e.epoch != s.epoch:
			wrong(language.NewError("it is of another epoch than the entry before it"))
		}
		if err := s.Record(e.epoch, e.number, e.record); err != nil {
			wrong(err)
		}
	}
	s.epoch, s.last = e.epoch, e.mark
}
