package doctor

import (
	"context"
	"os"
	"slices"
	"time"

	"scenecast/config"
	"scenecast/language"
)

const (
	// logBytes is how much of the log is kept for each byte of history.max_bytes.
	logBytes = 4
	// leastSpace is kept free besides, for what waits for hooks.
	leastSpace = 256 << 20

	// A sync is slow where it keeps publishers waiting: with nats.sync always, each record waits for one.
	slowSync     = 20 * time.Millisecond
	verySlowSync = 200 * time.Millisecond
	syncSamples  = 20
	syncWithin   = time.Second
)

// checkDisk looks at the file system of data_dir: room, rights, and how long it takes until data are on the disk.
func checkDisk(ctx context.Context, s *subject, r *report) {
	dir := s.Config.DataDir
	if dir == "" {
		r.add(Skipped, nothing, "data_dir is not set: nothing is kept on the disk")
		return
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		do := language.Textf("Make it, for the user that the server runs as: install -d -m 0750 -o scenecast %s", dir)
		if err == nil {
			r.add(Failure, do, "data_dir %s is no directory", dir)
		} else {
			r.add(Failure, do, "data_dir cannot be opened: %v", err)
		}
		return
	}
	space, err := s.System.Space(dir)
	if err != nil {
		r.add(Skipped, nothing, "how full the disk of data_dir is cannot be told: %v", err)
		return
	}
	if !space.Writable {
		r.add(Failure, language.Textf("Give the directory to the user that the server runs as, or run this as that user (sudo -u scenecast scenecast doctor)."), "this user may not write in data_dir %s", dir)
		return
	}
	want := leastSpace + logBytes*uint64(s.Config.History.MaxBytes) //nolint:gosec // it has been checked
	do := language.Textf("Make room, or move data_dir; a node whose disk is full takes no more pushes.")
	found := language.Textf("data_dir %s has %s free of %s; the log may take %s (four times history.max_bytes)", dir, size(space.Free), size(space.Total), size(want-leastSpace))
	switch {
	case space.Free < leastSpace:
		r.addOf("space", Failure, do, "%s", found)
	case space.Free < want:
		r.addOf("space", Warning, do, "%s", found)
	default:
		r.addOf("space", OK, nothing, "%s", found)
	}
	s.checkSync(ctx, r, dir)
}

func (s *subject) checkSync(ctx context.Context, r *report, dir string) {
	var took []time.Duration
	begun := time.Now()
	last := begun
	err := s.System.Sync(dir, func() bool {
		now := time.Now()
		if now != begun && len(took) < syncSamples {
			took = append(took, now.Sub(last))
		}
		last = now
		return len(took) < syncSamples && now.Sub(begun) < syncWithin && ctx.Err() == nil
	})
	// The first call is before the first sync.
	if len(took) > 1 {
		took = took[1:]
	}
	if err != nil || len(took) == 0 {
		r.addOf("sync", Failure, language.Textf("Look at the disk and its file system (dmesg)."), "nothing could be synced to the disk of data_dir: %v", err)
		return
	}
	slices.Sort(took)
	median, longest := took[len(took)/2], took[len(took)-1]
	found := language.Textf("a write of 4 KiB with fsync takes %v in data_dir (median of %d; the longest %v)", median.Round(10*time.Microsecond), len(took), longest.Round(10*time.Microsecond))
	always := s.Config.EngineName() == config.EngineNATS && s.Config.NATS.Sync == config.SyncAlways
	switch {
	case always && median > slowSync, median > verySlowSync:
		r.addOf("sync", Warning, language.Textf("Put data_dir on a local SSD; on a cluster, nats.sync: never is safe as long as not all nodes lose power at once (docs/cluster.md)."), "%s", found)
	default:
		r.addOf("sync", OK, nothing, "%s", found)
	}
}
