package nats

import (
	"scenecast/problem"
)

// diskReserve is how much of the disk must be free for records to be taken. NATS does not get over a disk that is full before it is
// started again, so it never comes to that: the reserve is more than is written between two looks.
const diskReserve = 64 << 20

// CheckRoom implements cluster.Backend.
func (b *Backend) CheckRoom() error {
	if p := b.full.Load(); p != nil {
		return p
	}
	return nil
}

// lookAtDisk finds out whether there is room for more records.
func (b *Backend) lookAtDisk() {
	dir := b.options.Embedded.Dir
	if b.options.URL != "" || dir == "" {
		return
	}
	free, known := freeBytes(dir)
	was := b.full.Load() != nil
	switch {
	case !known:
	case free < diskReserve && !was:
		b.log.Error("engine: the disk is nearly full; publishes are refused until there is room", "data_dir", dir, "free_bytes", free, "needed", diskReserve)
		b.full.Store(problem.New(problem.InsufficientStorage, "the disk of the log is full: %d MiB are free, and %d must be", free>>20, diskReserve>>20).DecidedBy("data_dir"))
	case free >= diskReserve && was:
		b.log.Info("engine: there is room on the disk again", "free_bytes", free)
		b.full.Store(nil)
	}
}
