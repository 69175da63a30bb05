package config

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"scenecast/language"
)

// maxFile bounds a file with settings, or that a setting names, in bytes.
const maxFile = 8 << 20

// ReadFile reads a file that a setting names. It refuses what is no regular file, because reading a pipe to which nobody writes never ends,
// and a file of more than 8 MiB.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
			pathError.Op = "open"
		}
		return nil, err
	}
	if mode := info.Mode(); !mode.IsRegular() && !mode.IsDir() { // of a directory the system says so
		return nil, &fs.PathError{Op: "read", Path: path, Err: language.Errorf("is no regular file (%v)", mode.Type())}
	}
	return readBounded(path)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = &fs.PathError{Op: "read", Path: path, Err: language.Errorf("has more than %d MiB", maxFile>>20)}
	}
	return content, err
}
