package doctor

import (
	"errors"
	"os"
	"runtime"
)

// ThisSystem is the machine that the process runs on.
func ThisSystem() System {
	return System{Linux: runtime.GOOS == "linux", Root: os.DirFS("/"), Clock: readClock, Space: spaceOf, Sync: syncFile}
}

// syncBlock is what is written for each sync.
const syncBlock = 4 << 10

// syncFile implements System.Sync by a file that is removed afterwards.
func syncFile(dir string, sample func() bool) (err error) {
	f, err := os.CreateTemp(dir, ".scenecast-doctor-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, syncBlock)
	for sample() {
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}
