package nats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"scenecast/language"
)

// reached is a file beside the embedded server's log that says how far this node has read it. NATS repairs a log whose files are
// damaged by leaving out what it cannot read, and does not tell: a node that finds its log shorter than it has read it knows.
type reached struct {
	file   *os.File // nil: nothing is kept
	before uint64   // the number that was reached when the file was opened
}

// openReached opens the file of a directory, and takes the directory for this process: two servers would remove each other's files.
func openReached(dir string) (*reached, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "reached"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	switch taken, err := lock(f); {
	case err != nil:
		_ = f.Close()
		return nil, language.Errorf("data_dir: lock %s: %w", f.Name(), err)
	case !taken:
		_ = f.Close()
		return nil, language.Errorf("data_dir: %s is in use by another scenecast: each has a directory of its own", dir)
	}
	r := &reached{file: f}
	var b [8]byte
	if n, _ := f.ReadAt(b[:], 0); n == len(b) {
		r.before = binary.BigEndian.Uint64(b[:])
	}
	return r, nil
}

// note notes that the log was read up to a number. It is one write to memory that outlives the process, not to the disk.
func (r *reached) note(number uint64) {
	if r.file != nil {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], number)
		_, _ = r.file.WriteAt(b[:], 0) // without it, a loss may not be noticed
	}
}

// isThere reports whether the file is still in the directory: somebody may have removed it with everything else, and then what is written
// to the log is nowhere.
func (r *reached) isThere() bool {
	opened, err := r.file.Stat()
	if err != nil {
		return true
	}
	named, err := os.Stat(r.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	return err != nil || os.SameFile(opened, named)
}

func (r *reached) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
}
