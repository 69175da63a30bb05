package nats

import (
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
)

var _ cluster.LogInformer = (*Backend)(nil)

// standing is how the log stands, and where this node's follower is in it.
type standing struct {
	read   atomic.Uint64 // sequence number that was read last
	readOn atomic.Int64  // records that were read from the log, because they had not been heard of

	mu       sync.Mutex
	log      streamState // as the leader has last said
	answered time.Time   // when it did; zero: never
	behind   time.Time   // since when it has had what this node has not read; zero: it has not
}

// told notes what the leader has said.
func (s *standing) told(log streamState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.answered = log, time.Now()
	switch {
	case log.Last <= s.read.Load():
		s.behind = time.Time{}
	case s.behind.IsZero():
		s.behind = s.answered
	}
}

// lastOfLog is the sequence number of the newest record, as far as the leader has said.
func (s *standing) lastOfLog() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Last
}

// bytesOfLog is how many bytes a copy of the log takes, as far as the leader has said.
func (s *standing) bytesOfLog() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Bytes
}

// lag is how far this node is behind. While the leader does not answer, nobody knows what it has, and time passes all the same.
func (s *standing) lag() (l scenecast.Lag) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if read := s.read.Load(); s.log.Last > read {
		l.Records = s.log.Last - read
		l.Time = time.Since(s.behind)
	}
	if silent := time.Since(s.answered); !s.answered.IsZero() && silent > cutOff {
		l.Time = max(l.Time, silent)
	}
	return l
}

// LogInfo implements cluster.LogInformer.
func (b *Backend) LogInfo() (log scenecast.LogInfo, lag scenecast.Lag, readOn int64) {
	s := &b.standing
	s.mu.Lock()
	log = scenecast.LogInfo{Leader: s.log.Leader, Replicas: b.options.Replicas, InSync: s.log.Current}
	if time.Since(s.answered) > cutOff { // what it has said does not count any more
		log.Leader, log.InSync = "", 0
	} else if server := b.embedded.running.Load(); server != nil {
		log.Leads = log.Leader == "" || log.Leader == server.Name() // alone, nobody is elected
	}
	s.mu.Unlock()
	return log, s.lag(), s.readOn.Load()
}
