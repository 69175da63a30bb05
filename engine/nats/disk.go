package nats

import (
	"sync/atomic"
	"time"

	"scenecast/problem"
)

// What must be free on the disk, in bytes. NATS does not get over a disk that is full before it is started again, so it is not to come
// to that: both reserves are more than is usually written between two looks.
const (
	// diskReserve must be free for this node to take pushes.
	diskReserve = 64 << 20
	// copyReserve must be free for a node of a cluster to keep its copy of the log while others append to it.
	copyReserve = 32 << 20
	// diskEnd is so little that NATS may have failed to write.
	diskEnd = 1 << 20
)

// room is what is known of the disk. All but failed is for the goroutine that looks at it.
type room struct {
	lastBefore uint64      // where the log stood when there was no room any more
	withoutLog bool        // NATS writes nothing any more, and is started anew when there is room
	removed    bool        // the directory is not there any more
	failed     atomic.Bool // NATS could not write
	tried      time.Time   // to start NATS anew
}

// startAgainEvery is how often NATS is started anew, where that fails.
const startAgainEvery = 5 * time.Second

// CheckRoom implements cluster.Backend.
func (b *Backend) CheckRoom() error {
	if p := b.full.Load(); p != nil {
		return p
	}
	return nil
}

// lookAtDisk finds out whether there is room for more records, and for a copy of those that other nodes append.
//
// A node without room refuses pushes. Where others append all the same, it gives up its copy of the log before the disk is full, as NATS
// itself would then: its server goes on without JetStream, so its pages get everything from the copies of the others. When there is room
// again, its server is started anew, and copies what it has missed.
func (b *Backend) lookAtDisk() {
	dir := b.options.Embedded.Dir
	if b.options.URL != "" || dir == "" {
		return
	}
	if !b.reached.isThere() {
		if !b.room.removed {
			b.log.Error("engine: the directory of the log was removed, or has another one in its place; this node refuses pushes until it is back, "+
				"or the node is restarted", "data_dir", dir)
		}
		b.room.removed = true
		b.full.Store(problem.New(problem.InsufficientStorage, "the directory of the log was removed while this node runs; restart it").DecidedBy("data_dir"))
		return
	}
	if b.room.removed {
		b.room.removed = false
		b.full.Store(nil)
		b.log.Info("engine: the directory of the log is back", "data_dir", dir)
	}
	free, known := freeBytes(dir)
	if !known {
		return
	}
	r := &b.room
	if failed := r.failed.Swap(false) || free < diskEnd || !b.embedded.running.Load().JetStreamEnabled(); failed && !r.withoutLog {
		r.withoutLog = true
		b.log.Error("engine: NATS could not write to the disk; it is started anew when there is room", "data_dir", dir, "free_bytes", free)
	}
	needed := uint64(diskReserve)
	if r.withoutLog && b.options.Embedded.isClustered() {
		needed += b.standing.bytesOfLog()
	}
	was := b.full.Load() != nil
	switch {
	case free < needed:
		if !was {
			r.lastBefore = b.standing.lastOfLog()
			b.log.Error("engine: the disk is nearly full; this node refuses pushes until there is room", "data_dir", dir, "free_bytes", free, "needed", needed)
		}
		b.full.Store(problem.New(problem.InsufficientStorage, "the disk of the log is full: %d MiB are free, and %d must be", free>>20, needed>>20).DecidedBy("data_dir"))
		if free < copyReserve && !r.withoutLog && b.othersKeepLog() {
			b.giveUpCopy(free)
		}
	case r.withoutLog && !b.startAgain():
	case was:
		b.full.Store(nil)
		b.log.Info("engine: there is room on the disk again; this node takes pushes", "free_bytes", free)
	}
}

// othersKeepLog reports whether other nodes have appended since this one has no room, and whether those that have the whole log are a
// majority without this one.
func (b *Backend) othersKeepLog() bool {
	if !b.options.Embedded.isClustered() {
		return false
	}
	s := &b.standing
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.answered) < cutOff && s.log.Last > b.room.lastBefore && s.log.Current > b.options.Replicas/2+1
}

// giveUpCopy has the server go on without JetStream. What it has of the log stays on the disk.
func (b *Backend) giveUpCopy(free uint64) {
	b.log.Error("engine: the disk is nearly full and other nodes go on appending; this node keeps no copy of the log until there is room",
		"data_dir", b.options.Embedded.Dir, "free_bytes", free, "needed", copyReserve)
	b.room.withoutLog = true
	b.passLeadership()
	if err := b.embedded.running.Load().ShutdownJetStream(); err != nil {
		b.log.Error("engine: NATS does not give up its copy of the log", "err", err)
	}
}

// startAgain starts the server anew, and reports whether that has succeeded. The connection finds the new one by itself. NATS can also
// enable JetStream in a server that runs, but then the others do not hear that it does.
func (b *Backend) startAgain() bool {
	if time.Since(b.room.tried) < startAgainEvery {
		return false
	}
	b.room.tried = time.Now()
	b.log.Info("engine: there is room on the disk again; NATS is started anew")
	b.endEmbedded()
	if err := b.runEmbedded(b.ctx); err != nil {
		b.log.Error("engine: NATS cannot be started anew", "err", err)
		return false
	}
	b.room.withoutLog = false
	b.room.failed.Store(false)
	return true
}
